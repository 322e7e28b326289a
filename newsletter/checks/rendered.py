"""What no email may be sent without or with, whatever the templates made of the issue."""

from collections.abc import Iterator
from typing import Final

from lxml.etree import _Element

from newsletter.checks.proof import Proof
from newsletter.model.problem import Place, Problem
from newsletter.model.variant import MergeField, RenderedVariant

_REQUIRED: Final = (MergeField.UNSUBSCRIBE_URL, MergeField.PREFERENCES_URL)
_GOOD_LINKS: Final = ("https://", "http://", "mailto:")
_LINKING: Final = ("a", "area", "base", "embed", "iframe", "img", "input", "link", "script")
_HTML: Final = Place("templates/email/issue.mjml")
_TEXT: Final = Place("templates/email/issue.txt")


def check_rendered(proof: Proof) -> Iterator[Problem]:
    """A part without its links to leave, a picture without alt text, a link that leads nowhere."""
    for whole, page in zip(proof.wholes, proof.pages, strict=True):
        yield from _missing(whole)
        for element in page.iter(*_LINKING):
            yield from _faults(proof, element)


def _missing(whole: RenderedVariant) -> Iterator[Problem]:
    for part, text, place in (("HTML", whole.html, _HTML), ("text", whole.text, _TEXT)):
        for field in _REQUIRED:
            if field not in text.pieces:
                message = f"the {part} of the email has no {field.value}"
                yield place.error(message, f"put {{{{ {field.value} }}}} into the template")


def _faults(proof: Proof, element: _Element) -> Iterator[Problem]:
    if element.tag == "img" and element.get("alt") is None:
        src = element.get("src", "")
        message = f"a picture without alt text: {src[:80]}"
        remedy = 'say in alt="…" what it shows, or write alt="" where it only decorates'
        yield proof.templates.place_of(src, "<img").error(message, remedy)
    for name in ("href", "src"):
        link = element.get(name, "https://")
        if not link.lower().startswith(_GOOD_LINKS):
            message = f"a link that leads nowhere in an email: {link[:80] or 'an empty one'}"
            place = proof.templates.place_of(f'{name}="{link}"')
            yield place.error(message, "give a full address, https://…")
