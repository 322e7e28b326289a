"""What authors write: an issue, its articles and notices, and the taxonomy they use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class IssueStatus(StrEnum):
    """What the editor says of an issue."""

    DRAFT = "draft"  # being written; never sent
    READY = "ready"  # may be sent
    PAST = "past"  # published elsewhere; in the archive, never sent


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The two axes of the articles: slug -> label, in display order.

    `topic_groups` are headings and the slugs under them, for a form that shows all topics at once.
    """

    topics: Mapping[str, str]
    research_types: Mapping[str, str]
    topic_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """A picture in an issue's folder. Width and height are pixels, `size` is bytes."""

    name: str
    width: int
    height: int
    size: int


@dataclass(frozen=True, slots=True)
class Passage:
    """Markdown with its place: `line` is the line of `path` on which `markdown` begins."""

    markdown: str
    path: str
    line: int


@dataclass(frozen=True, slots=True)
class Article:
    """One authored summary. `id` is the file's stem; `implications` the call-out that closes it."""

    id: str
    title: str
    topics: tuple[str, ...]
    research_type: str | None
    teaser: str
    body: Passage
    implications_heading: str
    implications: Passage | None
    citation: str | None = None
    doi: str | None = None
    author: str | None = None
    everyone: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """A short announcement that every reader gets."""

    title: str
    body: Passage
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Issue:
    """One dated number of the newsletter. `month` is `2022-11`, also the folder's name.

    `digests` maps each file of the issue to the SHA-256 of its bytes (hex): what is frozen
    when sending begins.
    """

    month: str
    status: IssueStatus
    subject: str
    preheader: str
    articles: tuple[Article, ...]
    intro: Passage | None = None
    notices: tuple[Notice, ...] = ()
    images: Mapping[str, Image] = field(default_factory=dict)
    send_at: datetime | None = None
    digests: Mapping[str, str] = field(default_factory=dict)

    def passages(self) -> Iterator[Passage]:
        """Every passage of Markdown: the intro, the articles in their order, the notices."""
        if self.intro:
            yield self.intro
        for article in self.articles:
            yield article.body
            if article.implications:
                yield article.implications
        for notice in self.notices:
            yield notice.body
