"""An issue laid out for checking, with a way back to the lines that its editor wrote."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

from lxml import etree
from lxml.etree import _Element

from newsletter.checks.template_files import TemplateFiles
from newsletter.dispatch.plan import Plan
from newsletter.model.issue import Article, Issue, Taxonomy
from newsletter.model.problem import Place
from newsletter.model.variant import MergeField, RenderedVariant, Variant
from newsletter.toml import KeyPath, key_lines
from newsletter.toml import Place as Line

_FENCE: Final = re.compile(r"\+\+\+[ \t]*\r?\n(.*?)^\+\+\+[ \t]*$", re.DOTALL | re.MULTILINE)
_FIELD: Final = "https://" + 192 * "x"  # a personal link is never longer


@dataclass(frozen=True, slots=True)
class SourceFolder:
    """An issue's folder, called `shown` in messages."""

    path: Path
    shown: str

    def issue(self, *key: str | int) -> Place:
        """The line of a key in issue.toml."""
        return self._place("issue.toml", key, whole=True)

    def article(self, article: Article, *key: str) -> Place:
        """The line of a key in the front matter of an article."""
        return self._place(f"{article.id}.md", key, whole=False)

    def _place(self, name: str, key: KeyPath, *, whole: bool) -> Place:
        try:
            text = (self.path / name).read_text("utf-8-sig")
            lines = _lines(text) if whole else _front_matter_lines(text)
        except (OSError, ValueError):  # gone or spoilt since it was read
            lines = key_lines("")
        while key and key not in lines:
            key = key[:-1]
        return Place(f"{self.shown}/{name}", lines[key].key if key else 1)


_lines = lru_cache(maxsize=64)(key_lines)


@lru_cache(maxsize=64)
def _front_matter_lines(text: str) -> dict[KeyPath, Line]:
    front = _FENCE.match(text)
    return key_lines(front[1], first_line=2) if front else key_lines("")


@dataclass(frozen=True)
class Proof:
    """What the checks look at.

    `wholes` are the whole issue in each language, the newsletter's own first; `render` gives any
    other variant. Without a `plan` nothing is said of who gets what.
    """

    issue: Issue
    taxonomy: Taxonomy
    folder: SourceFolder
    templates: TemplateFiles
    palette: Mapping[str, Mapping[str, str]]
    wholes: tuple[RenderedVariant, ...]
    render: Callable[[Variant], RenderedVariant] = field(repr=False)
    plan: Plan | None = None

    @property
    def language(self) -> str:
        """The language that the issue is written in, as `fr`."""
        return self.wholes[0].variant.language

    @cached_property
    def pages(self) -> tuple[_Element, ...]:
        """The HTML of `wholes`, parsed."""
        return tuple(etree.fromstring(html_of(one), etree.HTMLParser()) for one in self.wholes)


def html_of(rendered: RenderedVariant) -> str:
    """The HTML with every merge field as long as it can be."""
    return rendered.html.filled(dict.fromkeys(MergeField, _FIELD))
