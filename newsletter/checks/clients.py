"""CSS and HTML of the templates that Gmail, Outlook, Apple Mail or Yahoo do not show."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from newsletter.checks.proof import Proof
from newsletter.checks.template_files import line_of, without_comments
from newsletter.model.problem import Place, Problem

_STYLED: Final = re.compile(
    r'(?<=\sstyle=")[^"]*|(?<=<mj-style>)(?!\{\{).*?(?=</mj-style>)', re.DOTALL
)
_DECLARATION: Final = re.compile(r"(?<![\w-])(-?[a-z][a-z-]*)\s*:\s*([^;{}]*)(?=[;}]|$)")
_SELECTOR: Final = re.compile(r"(?<=[\w\])*])(::?[a-z-]+)(?=[^;{}]*\{)")
_RULE: Final = re.compile(r"@[a-z-]+")
_ELEMENT: Final = re.compile(r"<([a-z][a-z0-9]*)(?=[\s/>])")
_CONDITIONAL: Final = re.compile(r"<!--\[if.*?<!\[endif\]-->", re.DOTALL)
_JINJA: Final = re.compile(r"\{[{%].*?[%}]\}", re.DOTALL)
_FUNCTION: Final = re.compile(r"([a-z-]+)\(")
_UNIT: Final = re.compile(r"(?<![\w#.-])-?\d*\.?\d+([a-z]+)\b")


def check_clients(proof: Proof) -> Iterator[Problem]:
    """What a widely used program does not show, once for each file.

    A warning where it is Gmail or several of them, else a note.
    """
    for path, text in proof.templates.of_kind(".css", ".mjml").items():
        yield from _unsupported(path, text)


@lru_cache(maxsize=64)
def _unsupported(path: str, text: str) -> tuple[Problem, ...]:
    found: dict[str, Problem] = {}
    plain = _blank(_CONDITIONAL, without_comments(text))
    for kind, name, position in sorted(_features(path, plain), key=lambda one: one[2]):
        lacking = _lacking()[kind].get(name)
        if lacking and name not in found:
            place = Place(path, line_of(plain, position))
            found[name] = _problem(place, kind, name, lacking)
    return tuple(found.values())


def _problem(place: Place, kind: str, name: str, lacking: str) -> Problem:
    shown = f"<{name}>" if kind == "element" else name
    verb = "do" if "," in lacking else "does"
    message = f"{' and '.join(lacking.rsplit(', ', 1))} {verb} not show {shown}"
    if "," in lacking or "Gmail" in lacking:
        return place.warning(message, "the email must look right without it")
    return place.note(message, "see that the email looks right without it")


def _features(path: str, text: str) -> Iterator[tuple[str, str, int]]:
    if path.endswith(".css"):
        is_inlined = path.endswith(
            "/inline.css"
        )  # where a selector or rule is gone when it is sent
        for kind, name, position in _css_features(text, 0):
            if not (is_inlined and kind in {"rule", "selector"}):
                yield kind, name, position
        return
    for style in _STYLED.finditer(text):
        yield from _css_features(style[0], style.start())
    for element in _ELEMENT.finditer(text):
        yield "element", element[1], element.start()


def _css_features(css: str, offset: int) -> Iterator[tuple[str, str, int]]:
    css = _blank(_JINJA, css)
    for rule in _RULE.finditer(css):
        yield "rule", rule[0], offset + rule.start()
    for selector in _SELECTOR.finditer(css):
        yield "selector", selector[1], offset + selector.start()
    for declaration in _DECLARATION.finditer(css):
        at, name, value = offset + declaration.start(), declaration[1], declaration[2].strip()
        yield "property", name, at
        yield "value", f"{name}:{value.partition(' ')[0]}", at
        yield from (("value", f"{function}()", at) for function in _FUNCTION.findall(value))
        yield from (("value", unit, at) for unit in _UNIT.findall(value))


def _blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


@cache
def _lacking() -> Mapping[str, Mapping[str, str]]:
    """The programs that do not show a feature, by its kind and name."""
    return tomllib.loads((files("newsletter.checks") / "clients.toml").read_text("utf-8"))
