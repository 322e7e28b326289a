"""What can be said of a rendered variant before anybody gets it."""

import re
from collections.abc import Iterator
from typing import Final

from newsletter.model.problem import Problem, Severity
from newsletter.model.variant import MergeField, RenderedVariant

# Gmail shows the first 102 KB of an email and hides the rest, with the link to leave, behind
# "[Message clipped]". Counted in bytes of the decoded HTML.
GMAIL_CLIPS_AT: Final = 102_000

_TOKEN_LENGTH: Final = 200  # a personal link is never longer
_NO_ALT: Final = re.compile(r"<img\b(?![^>]*\balt=)[^>]*>")
_BAD_LINK: Final = re.compile(r"""\b(?:href|src)="(?!https?://|mailto:)([^"]{0,60})""")
REQUIRED: Final = (MergeField.UNSUBSCRIBE_URL, MergeField.PREFERENCES_URL)


def html_bytes(rendered: RenderedVariant) -> int:
    """The size of the HTML part with its merge fields filled, at most."""
    return sum(
        _TOKEN_LENGTH if isinstance(piece, MergeField) else len(piece.encode())
        for piece in rendered.html.pieces
    )


def check_rendered(rendered: RenderedVariant, path: str) -> Iterator[Problem]:
    """Everything wrong with a rendered variant, or worth knowing; `path` is its issue's file."""
    variant = rendered.variant.id
    size = html_bytes(rendered)
    if size > GMAIL_CLIPS_AT:
        message = (
            f"the HTML of {variant} is {size / 1000:.0f} KB; Gmail will clip it at"
            f" {GMAIL_CLIPS_AT / 1000:.0f} KB and hide the link to leave; shorten an article"
        )
        yield Problem(path, 1, message, Severity.WARNING)
    for part, text in (("HTML", rendered.html), ("text", rendered.text)):
        for field in REQUIRED:
            if field not in text.pieces:
                yield Problem(path, 1, f"the {part} of {variant} has no {field.value}")
    literal = "".join(p for p in rendered.html.pieces if not isinstance(p, MergeField))
    for image in _NO_ALT.findall(literal):
        yield Problem(path, 1, f"a picture without alt text in {variant}: {image[:80]}")
