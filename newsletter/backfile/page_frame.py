"""A web page's months, out of what every page of its site has around them."""

from collections.abc import Callable, Iterable
from typing import Final

from lxml.etree import _Element

from newsletter.backfile.markup import all_text
from newsletter.backfile.runs import squeeze
from newsletter.backfile.vocabulary import UNREAD
from newsletter.textfile import without_control_characters

_FRAME: Final = frozenset({"aside", "footer", "nav"})
_LONGEST: Final = 60  # letters of a heading that is looked for


def own_address(root: _Element) -> str:
    """Where the page says that it stands on the web, if it does."""
    for link in root.iter("link", "base"):
        if link.tag == "base" or link.get("rel") == "canonical":
            return link.get("href") or ""
    return ""


def within_frame(root: _Element, is_heading: Callable[[str], bool]) -> tuple[_Element, int]:
    """The smallest part of the page that holds every heading which `is_heading` knows by its words.

    Navigation, sides and feet are taken out of it; the page itself where there is no such heading.
    Also how many words are left outside.
    """
    for element in list(root.iter(*UNREAD)):
        _remove(element)
    every = _count_words(root)
    for element in list(root.iter(*_FRAME)):
        _remove(element)
    headings = [e for e in root.iter() if _may_be_one(e) and is_heading(squeeze(all_text(e)))]
    within = _common(headings) if headings else root
    return within, every - _count_words(within)


def _count_words(root: _Element) -> int:
    return sum(len(str(text).split()) for text in root.itertext())


def _may_be_one(element: _Element) -> bool:
    """Whether an element may be a heading: short, and no entry of a list of links."""
    is_short = len(element) <= 3 and len(all_text(element).strip()) <= _LONGEST
    return is_short and element.tag != "a" and next(element.iterancestors("li"), None) is None


def _common(elements: Iterable[_Element]) -> _Element:
    """The nearest element around all of them."""
    first, *others = ([*reversed(list(e.iterancestors())), e] for e in elements)
    depth = len(first) - 1 if not others else len(first)
    for path in others:
        alike = (one is other for one, other in zip(first, path, strict=False))
        depth = min(depth, next((at for at, same in enumerate(alike) if not same), len(path)))
    return first[max(0, depth - 1)]


def _remove(element: _Element) -> None:
    parent, before = element.getparent(), element.getprevious()
    if parent is None:
        return
    words = without_control_characters(f" {element.tail or ''}")  # lxml takes no others back
    if before is not None:
        before.tail = without_control_characters(before.tail or "") + words
    else:
        parent.text = without_control_characters(parent.text or "") + words
    element.tail = None
    parent.remove(element)
