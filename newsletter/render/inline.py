"""Inlines the email's style sheet. The only file that knows premailer and cssutils.

premailer reads the rules and merges declarations; finding the elements is ours. Its own way takes
eight times as long, shares one cache between functions keyed on arguments alone (an element with
`style="h2"` breaks the rule for h2 in every later document) and fetches what `@import` names.
"""

import logging
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import cssutils
from lxml import etree
from lxml.etree import _Element
from premailer import Premailer
from premailer.merge_style import csstext_to_pairs, merge_styles

_Compound = tuple[str, ...]

_NAMES: Final = re.compile(r"\.?[A-Za-z_][A-Za-z0-9_-]*")
_COMPOUND: Final = r"(?:[a-z][a-z0-9]*|(?=\.))(?:\.[A-Za-z_][A-Za-z0-9_-]*)*"
_SIMPLE: Final = re.compile(rf"{_COMPOUND}(?: {_COMPOUND})*")
_CLASS: Final = re.compile(r"[^ \t\r\n]+")  # as XPath's normalize-space() cuts

cssutils.log.setLevel(logging.CRITICAL)


def inline_styles(html: str, css: str) -> str:
    """`html` with the rules of `css` written into style attributes, in standards mode.

    Style elements, conditional comments and VML stay as they are, and nothing is fetched. A rule
    that no attribute can hold (@media, a pseudo-class) is left out.
    """
    root = etree.fromstring(html, etree.HTMLParser())
    page = Page(root)
    styled: dict[_Element, list[str]] = {}
    for selector, declarations in _rules(css):
        for element in page.select(selector):
            styled.setdefault(element, []).append(declarations)
    for element, styles in styled.items():
        element.set("style", _merge(element.get("style", ""), tuple(styles)))
    return etree.tostring(
        root.getroottree(), encoding="unicode", method="html", doctype="<!DOCTYPE html>"
    )


class Page:
    """A page's elements by name, so that a simple selector costs look-ups and no scan.

    A name is a tag or `.class`; a compound is the names that one element must have.
    """

    def __init__(self, root: _Element) -> None:
        self._root = root
        self._named: dict[str, set[_Element]] = {}
        self._inside: dict[tuple[_Compound, ...], set[_Element]] = {}
        for element in root.iter("*"):
            if classes := element.get("class"):
                for name in _CLASS.findall(classes):
                    self._named.setdefault(f".{name}", set()).add(element)

    def select(self, selector: str) -> Iterable[_Element]:
        """The elements that `selector` matches, each once, in any order."""
        compounds = _compounds(selector)
        return self._select(compounds) if compounds else self._root.cssselect(selector)

    def _select(self, compounds: tuple[_Compound, ...]) -> set[_Element]:
        *outer, last = compounds
        allowed = [self._having(name) for name in last]
        if outer:
            allowed.append(self._within(tuple(outer)))
        return set.intersection(*allowed)

    def _having(self, name: str) -> set[_Element]:
        if name not in self._named:
            self._named[name] = set() if name[0] == "." else set(self._root.iter(name))
        return self._named[name]

    def _within(self, compounds: tuple[_Compound, ...]) -> set[_Element]:
        if compounds not in self._inside:
            self._inside[compounds] = {
                inner
                for element in self._select(compounds)
                for inner in element.iterdescendants("*")
            }
        return self._inside[compounds]


@lru_cache(maxsize=256)
def _compounds(selector: str) -> tuple[_Compound, ...]:
    """The compounds of a simple selector, the outermost first; none for any other selector."""
    if not _SIMPLE.fullmatch(selector):
        return ()
    return tuple(tuple(_NAMES.findall(compound)) for compound in selector.split(" "))


class _Rules(Premailer):  # type: ignore[misc]
    """Premailer's reader of style sheets, without its cache and without a way to the network."""

    def _parse_css_string(self, css_body: str, **_: object) -> Any:  # noqa: ANN401
        parser = cssutils.CSSParser(fetcher=lambda _: (None, ""), validate=False)
        return parser.parseString(css_body)


@lru_cache(maxsize=16)
def _rules(css: str) -> tuple[tuple[str, str], ...]:
    """The selectors of a style sheet with their declarations, the weakest first."""
    reader = _Rules(strip_important=False)
    rules, _ = reader._parse_style_rules(css, 0)  # noqa: SLF001 - its public door does it all
    return tuple((selector, declarations) for _, selector, declarations in sorted(rules))


@lru_cache(maxsize=4096)
def _merge(own: str, styles: tuple[str, ...]) -> str:
    """One style attribute of these declarations, a later one winning, `own` before all."""
    pairs = [csstext_to_pairs(style, validate=False) for style in styles]
    merged: str = merge_styles(own, pairs, [""] * len(styles))
    # cssutils quotes font names with ", which costs six bytes each inside an attribute.
    return merged if "'" in merged else merged.replace('"', "'")
