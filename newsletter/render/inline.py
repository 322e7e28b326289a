"""Inlines the email's style sheet. The only file that knows premailer and cssutils."""

import logging
import re
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from threading import RLock, local
from typing import Any, Final, cast

import cssutils
from lxml.cssselect import CSSSelector
from lxml.etree import _Element
from premailer import merge_style, premailer

_STYLE: Final = re.compile(r"<style\b")
_NAME: Final = re.compile(r"\.?[\w-]+")
_SIMPLE: Final = re.compile(r"[a-z.][\w.-]*(?: [a-z.][\w.-]*)*")


def inline_styles(html: str, css: str) -> str:
    """`html` with the rules of `css` written into style attributes.

    The document's own style elements, conditional comments and VML stay as they are, and
    nothing is fetched. The result is in standards mode.
    """
    marked = _STYLE.sub('<style data-premailer="ignore"', html)
    # premailer drops any doctype that is not spelled like this; MRML writes it in lower case.
    marked = "<!DOCTYPE html>" + marked[len("<!doctype html>") :]
    inlined: str = _Premailer(
        marked,
        css_text=css,
        strip_important=False,
        keep_style_tags=False,
        disable_leftover_css=True,
        disable_validation=True,
        disable_link_rewrites=True,
        disable_basic_attributes=["width", "height", "align", "valign", "bgcolor"],
        align_floating_images=False,
        remove_unset_properties=False,
        remove_classes=False,
        allow_network=False,
        allow_loading_external_files=False,
    ).transform(pretty_print=False)
    _page.index = None
    # A style element inside a conditional comment keeps its mark: it is no element to premailer.
    inlined = inlined.replace(' data-premailer="ignore"', "")
    # cssutils quotes font names with ", which costs six bytes each inside an attribute.
    return inlined.replace("&quot;", "'") if "&quot;" in inlined else inlined


class _Premailer(premailer.Premailer):  # type: ignore[misc]
    """Premailer that serialises a style sheet's rules once, not once per document."""

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[Any], list[Any]]:
        rules, leftover = _rules(css_body, ruleset_index)
        return list(rules), list(leftover)


@lru_cache(maxsize=16)
def _rules(css: str, index: int) -> tuple[list[Any], list[Any]]:
    bare = premailer.Premailer("", strip_important=False, disable_validation=True)
    parsed: tuple[list[Any], list[Any]] = bare._parse_style_rules(css, index)  # noqa: SLF001
    return parsed


class _Index:
    """A page's elements by name, a name being a tag or `.class`: much faster than XPath."""

    def __init__(self, page: _Element) -> None:
        self.page = page
        self._named: dict[str, list[_Element]] = {}
        self._names: dict[_Element, frozenset[str]] = {}
        self._above: dict[_Element, frozenset[str]] = {page: frozenset()}
        for element in page.iter("*"):
            names = {element.tag, *(f".{name}" for name in (element.get("class") or "").split())}
            for name in names:
                self._named.setdefault(name, []).append(element)
            self._names[element] = frozenset(names)
            if len(element):
                above = self._above[element] | names
                self._above.update(dict.fromkeys(element.iterchildren("*"), above))

    def select(self, compounds: Sequence[frozenset[str]]) -> list[_Element]:
        """The elements with all names of the last compound, within one of each earlier compound."""
        *above, last = compounds
        wanted = frozenset[str]().union(*above)
        return [
            element
            for element in self._named.get(min(last, key=len), ())
            if last <= self._names[element]
            and wanted <= self._above[element]
            and (len(wanted) < 2 or self._is_within(element, above))
        ]

    def _is_within(self, element: _Element, above: list[frozenset[str]]) -> bool:
        parent, left = element.getparent(), list(above)
        while left and parent is not None:
            if left[-1] <= self._names[parent]:
                left.pop()
            parent = parent.getparent()
        return not left


_page = local()


@lru_cache(maxsize=1024)
def _selector(css: str) -> Callable[[_Element], list[_Element]]:
    if not _SIMPLE.fullmatch(css):
        return cast("Callable[[_Element], list[_Element]]", CSSSelector(css))
    compounds = [frozenset(_NAME.findall(compound)) for compound in css.split()]

    def select(page: _Element) -> list[_Element]:
        if getattr(_page, "index", None) is None or _page.index.page is not page:
            _page.index = _Index(page)
        found: list[_Element] = _page.index.select(compounds)
        return found

    return select


def _with_its_own_cache(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` without premailer's cache, behind one that no other function shares."""
    bare = function
    while hasattr(bare, "__wrapped__"):
        bare = bare.__wrapped__
    cached = wraps(bare)(lru_cache(maxsize=4096)(bare))
    cached._lock = RLock()  # type: ignore[attr-defined]  # noqa: SLF001 - read through the global name
    return cached


# premailer keeps the results of three functions in one cache keyed on arguments alone, so that
# <em style="h2"> in one document breaks the rule for h2 in every later one.
premailer._create_cssselector = _selector  # noqa: SLF001
premailer._cache_parse_css_string = _with_its_own_cache(premailer._cache_parse_css_string)  # noqa: SLF001
premailer.csstext_to_pairs = merge_style.csstext_to_pairs = _with_its_own_cache(
    merge_style.csstext_to_pairs
)
cssutils.log.setLevel(logging.CRITICAL)
