"""The line that opens an email."""

from functools import cache

from newsletter.locales import translations


def greeting(name: str, language: str) -> str:
    """`Dear Anna,` in the language, or the same for a reader whose name is not known."""
    to_somebody, to_nobody = _greetings(language)
    return to_somebody % {"name": name} if name else to_nobody


@cache
def _greetings(language: str) -> tuple[str, str]:
    words = translations(language)
    return words.gettext("Dear %(name)s,"), words.gettext("Dear reader,")
