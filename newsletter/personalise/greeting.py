"""The line that opens an email."""

from newsletter.locales import translations


def greeting(name: str, language: str) -> str:
    """`Dear Anna,` in the language, or the same for a reader whose name is not known."""
    words = translations(language)
    if not name:
        return words.gettext("Dear reader,")
    return words.gettext("Dear %(name)s,") % {"name": name}
