"""What can be said of a rendered variant before anybody gets it."""

from collections.abc import Iterator
from typing import Final

from lxml import etree

from newsletter.model.problem import Problem, Severity
from newsletter.model.variant import MergeField, RenderedVariant

# Gmail shows the first 102 KB of an email and hides the rest, with the link to leave, behind
# "[Message clipped]". Counted in bytes of the decoded HTML.
GMAIL_CLIPS_AT: Final = 102_000

_FIELD: Final = "https://" + 192 * "x"  # a personal link is never longer
_REQUIRED: Final = (MergeField.UNSUBSCRIBE_URL, MergeField.PREFERENCES_URL)
_GOOD_LINKS: Final = ("https://", "http://", "mailto:")


def check_rendered(rendered: RenderedVariant, path: str) -> Iterator[Problem]:
    """Everything wrong with a rendered variant, or worth knowing; `path` is its issue's file."""
    variant = rendered.variant.id
    html = rendered.html.filled(dict.fromkeys(MergeField, _FIELD))
    if (size := len(html.encode())) > GMAIL_CLIPS_AT:
        message = (
            f"the HTML of {variant} is {size:,} bytes; Gmail will clip it at {GMAIL_CLIPS_AT:,}"
            " and hide the link to leave; shorten an article"
        )
        yield Problem(path, 1, message, Severity.WARNING)
    for part, text in (("HTML", rendered.html), ("text", rendered.text)):
        for field in _REQUIRED:
            if field not in text.pieces:
                yield Problem(path, 1, f"the {part} of {variant} has no {field.value}")
    for message in _faults(html):
        yield Problem(path, 1, f"{message} in the HTML of {variant}")


def _faults(html: str) -> Iterator[str]:
    for element in etree.fromstring(html, etree.HTMLParser()).iter("*"):
        if element.tag == "img" and element.get("alt") is None:
            yield f"a picture without alt text: {element.get('src', '')[:80]}"
        for name in ("href", "src"):
            link = element.get(name, "https://")
            if not link.lower().startswith(_GOOD_LINKS):
                yield f"a link that leads nowhere in an email: {link[:80] or 'an empty one'}"
