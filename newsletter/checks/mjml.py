"""MJML that the compiler passes over in silence: elements and attributes it does not know."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from newsletter.checks.proof import Proof
from newsletter.checks.template_files import line_of, without_comments
from newsletter.model.problem import Place, Problem, did_you_mean

_TAG: Final = re.compile(r"""<(mj[a-z-]*)((?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>""")
_ATTRIBUTE: Final = re.compile(r"""([A-Za-z][\w:-]*)\s*=\s*(?:"[^"]*"|'[^']*')""")
_SIDES: Final = ("-top", "-right", "-bottom", "-left")
_FAMILIES: Final = {
    "padding*": ["padding", *(f"padding{side}" for side in _SIDES)],
    "border*": ["border", "border-radius", *(f"border{side}" for side in _SIDES)],
}
_OUTSIDE_BODY: Final = frozenset({"mjml", "mj-style", "mj-raw"})


def check_mjml(proof: Proof) -> Iterator[Problem]:
    """A warning at each element and attribute of the templates that changes nothing."""
    for path, text in proof.templates.of_kind(".mjml").items():
        yield from _ignored(path, text)


@lru_cache(maxsize=64)
def _ignored(path: str, text: str) -> tuple[Problem, ...]:
    return tuple(_find_ignored(path, without_comments(text)))


def _find_ignored(path: str, text: str) -> Iterator[Problem]:
    known = _known()
    for tag in _TAG.finditer(text):
        element = tag[1]
        if element not in known:
            message = f"the compiler knows no <{element}> and passes it on as it stands"
            yield Place(path, line_of(text, tag.start())).warning(message, _remedy(element, known))
            continue
        heeded = known[element]
        for attribute in _ATTRIBUTE.finditer(tag[2]):
            if attribute[1] not in heeded and "*" not in heeded:
                place = Place(path, line_of(text, tag.start(2) + attribute.start()))
                message = f"the compiler ignores {attribute[1]} on <{element}>"
                yield place.warning(message, _remedy(attribute[1], heeded))


def _remedy(name: str, known: Iterable[str]) -> str:
    return did_you_mean(name, known).removeprefix("; ") or "mend its name or take it out"


@cache
def _known() -> Mapping[str, frozenset[str]]:
    """The attributes that have an effect, by element."""
    table = tomllib.loads((files("newsletter.checks") / "mjml.toml").read_text("utf-8"))
    return {
        element: frozenset(
            name for word in words.split() for name in _FAMILIES.get(word, [word])
        ).union(() if element in _OUTSIDE_BODY else table["every"])
        for element, words in table["elements"].items()
    }
