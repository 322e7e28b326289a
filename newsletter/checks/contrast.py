"""Whether every text can be read on its ground, in light and in dark mode (WCAG 2.2, 1.4.3)."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from lxml.etree import _Element

from newsletter.checks.colours import contrast, parse_colour
from newsletter.checks.proof import Proof
from newsletter.model.problem import Place, Problem
from newsletter.render.inline import Page

LEAST: Final = 4.5
LEAST_LARGE: Final = 3.0  # from 24 pixels, or from 18.66 if bold
_TEXTS: Final = ("ink", "quiet", "accent")
_GROUNDS: Final = ("page", "card", "callout")
_PALETTE: Final = "templates/palette.toml"
_DARK_QUERY: Final = "(prefers-color-scheme: dark)"
_DARK: Final = re.compile(
    r"@media[^{]*prefers-color-scheme:\s*dark[^{]*\{((?:[^{}]*\{[^{}]*\})*)\s*\}"
)
_STYLE_RULE: Final = re.compile(r"([^{}]+)\{([^{}]*)\}")
_UNSEEN: Final = frozenset({"head", "script", "style"})
_VISIBLE: Final = re.compile(r"[^\W_]")
_PIXELS: Final = re.compile(r"(\d+(?:\.\d+)?)px")
_FONT: Final = re.compile(r"(?:^|\s)(bold|[1-9]00)?\s*(\d+(?:\.\d+)?)px")


class _Look(NamedTuple):
    """How an element's text looks; colours are `#rrggbb`, `written` as the template has it."""

    colour: str = "#000000"
    ground: str = "#ffffff"
    written: str = "#000000"
    size: float = 16
    is_bold: bool = False

    @property
    def least(self) -> float:
        """The contrast that its size needs."""
        is_large = self.size >= (18.66 if self.is_bold else 24)
        return LEAST_LARGE if is_large else LEAST


def check_contrast(proof: Proof) -> Iterator[Problem]:
    """The palette's pairs, and every other pair of colours that the email sets."""
    yield from _check_palette(proof)
    for mode, looks in _looks(proof.pages[0]).items():
        known = set(_pairs(proof.palette.get(mode, {})).values())
        for look, text in looks.items():
            ratio = contrast(look.colour, look.ground)
            if ratio < look.least and (look.colour, look.ground) not in known:
                where = "in dark mode, " if mode == "dark" else ""
                message = (
                    f"{where}the text '{text}' is {look.colour} on {look.ground}, "
                    f"{ratio:.1f} : 1, which is hard to read"
                )
                remedy = f"choose colours at least {look.least:g} : 1 apart"
                yield _place(proof, mode, look).warning(message, remedy)


def _place(proof: Proof, mode: str, look: _Look) -> Place:
    """Where the text's colour is written, or where dark mode was to change it and did not."""
    if mode == "dark" and look.written in proof.palette.get("light", {}).values():
        return proof.templates.place_of(_DARK_QUERY)
    return proof.templates.place_of(look.written, within=_PALETTE)


def _check_palette(proof: Proof) -> Iterator[Problem]:
    for mode in ("light", "dark"):
        for (text, ground), pair in _pairs(proof.palette.get(mode, {})).items():
            if (ratio := contrast(*pair)) < LEAST:
                message = f"{text} on {ground} is {ratio:.1f} : 1 in {mode} mode"
                yield proof.templates.place_of_key(_PALETTE, (mode, text)).warning(
                    f"{message}, which is hard to read", f"make it at least {LEAST:g} : 1"
                )


def _pairs(colours: Mapping[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    """Every text on every ground of a palette's mode."""
    parsed = {name: parse_colour(value) for name, value in colours.items()}
    return {
        (text, ground): (one, other)
        for text in _TEXTS
        for ground in _GROUNDS
        if (one := parsed.get(text)) and (other := parsed.get(ground))
    }


def _looks(page: _Element) -> dict[str, dict[_Look, str]]:
    """Each look that some text has in each mode, with the beginning of the first such text."""
    light: dict[_Look, str] = {}
    dark: dict[_Look, str] = {}
    loud = _dark_styles(page)
    stack = [(page, _Look(), _Look())]
    while stack:
        element, by_day, by_night = stack.pop()
        if element.tag in _UNSEEN:
            continue
        own, ground = element.get("style", ""), element.get("bgcolor", "")
        if own or ground or element in loud:
            if "none" in own and _style(own).get("display") == "none":
                continue
            by_day = _inherit(by_day, ground, own, "")
            by_night = _inherit(by_night, ground, own, loud.get(element, ""))
        if (by_day not in light or by_night not in dark) and (text := _own_text(element)):
            light.setdefault(by_day, text)
            dark.setdefault(by_night, text)
        stack += [(c, by_day, by_night) for c in element.iterchildren("*", reversed=True)]
    return {"light": light, "dark": dark}


def _own_text(element: _Element) -> str:
    """The first words that stand in an element itself."""
    texts = (element.text, *(child.tail for child in element))
    found = next((text for text in texts if text and _VISIBLE.search(text)), "")
    return " ".join(found.split())[:40]


@lru_cache(maxsize=1024)
def _inherit(above: _Look, ground: str, own: str, loud: str) -> _Look:
    """The look below `above` of an element with a bgcolor, a style and what is !important."""
    look = _apply(above, {"background-color": ground}) if ground else above
    return _apply(_apply(look, _style(own)), _style(loud))


def _apply(look: _Look, style: Mapping[str, str]) -> _Look:
    if font := _FONT.search(style.get("font", "")):
        look = look._replace(size=float(font[2]), is_bold=_is_bold(font[1] or "400"))
    if size := _PIXELS.fullmatch(style.get("font-size", "")):
        look = look._replace(size=float(size[1]))
    if weight := style.get("font-weight"):
        look = look._replace(is_bold=_is_bold(weight))
    if colour := parse_colour(style.get("color", "")):
        look = look._replace(colour=colour, written=style["color"])
    for name in ("background", "background-color"):
        if ground := parse_colour(style.get(name, "").partition(" ")[0]):
            look = look._replace(ground=ground)
    return look


def _is_bold(weight: str) -> bool:
    return weight in {"bold", "bolder"} or (weight.isdigit() and int(weight) >= 700)


def _dark_styles(root: _Element) -> dict[_Element, str]:
    """What dark mode's rules set on each element: those with !important, which beat its own."""
    page, styles = Page(root), dict[_Element, str]()
    for css in root.iter("style"):
        for selectors, declarations in _dark_rules(css.text or ""):
            for selector in selectors:
                for element in page.select(selector):
                    styles[element] = styles.get(element, "") + declarations
    return styles


@lru_cache(maxsize=16)
def _dark_rules(css: str) -> tuple[tuple[tuple[str, ...], str], ...]:
    """The selectors of dark mode's rules, with their !important declarations."""
    rules = []
    for block in _DARK.findall(css):
        for selectors, declarations in _STYLE_RULE.findall(block):
            loud = [one for one in declarations.split(";") if "!important" in one]
            names = tuple(name.strip() for name in selectors.split(",") if ":" not in name)
            rules.append((names, "".join(f"{one.strip()};" for one in loud)))
    return tuple(rules)


@lru_cache(maxsize=1024)
def _style(text: str) -> Mapping[str, str]:
    """The declarations of a style attribute."""
    pairs = (declaration.partition(":") for declaration in text.split(";"))
    return {
        name.strip().lower(): value.replace("!important", "").strip()
        for name, _, value in pairs
        if value
    }
