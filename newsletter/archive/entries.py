"""What the pages of the archive say of one another: an issue and its articles in a few lines."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from newsletter.model.issue import Article, Issue, IssueStatus


@dataclass(frozen=True, slots=True)
class ArticleEntry:
    """An article in a list. Topics and research type are slugs; what is absent is empty."""

    month: str
    id: str
    title: str
    teaser: str
    topics: tuple[str, ...]
    research_type: str
    author: str
    citation: str
    doi: str

    @property
    def path(self) -> str:
        """The folder of its page in the archive."""
        return f"{self.month}/{self.id}"


@dataclass(frozen=True, slots=True)
class IssueEntry:
    """An issue in a list. `digest` changes with anything in it; `pictures` are name -> SHA-256."""

    month: str
    status: IssueStatus
    subject: str
    preheader: str
    articles: tuple[ArticleEntry, ...]
    pictures: Mapping[str, str]
    digest: str

    @classmethod
    def of(cls, issue: Issue) -> Self:
        """The entry of an issue that was read."""
        return cls(
            month=issue.month,
            status=issue.status,
            subject=issue.subject,
            preheader=issue.preheader,
            articles=tuple(_article_entry(issue.month, article) for article in issue.articles),
            pictures={name: issue.digests.get(name, "") for name in issue.images},
            digest=sha256(repr(replace(issue, status=IssueStatus.READY)).encode()).hexdigest()[:24],
        )

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Self:
        """What `dump` gave. Raises KeyError, TypeError or ValueError for anything else."""
        articles = (
            ArticleEntry(**{**one, "topics": tuple(one["topics"])}) for one in value["articles"]
        )
        status = IssueStatus(value["status"])
        return cls(**{**value, "status": status, "articles": tuple(articles)})

    def dump(self) -> dict[str, Any]:
        """The entry as JSON knows it."""
        articles = [
            {name: getattr(article, name) for name in ArticleEntry.__slots__}
            for article in self.articles
        ]
        return {name: getattr(self, name) for name in self.__slots__} | {"articles": articles}


@dataclass(frozen=True, slots=True)
class PublishedIssue:
    """An issue that belongs in the archive, and the folder that its pictures are in.

    `read` gives all of it, once a page needs more than the entry; `sent_at` is an aware time. What
    is new has just been read, and all its pages will be made.
    """

    entry: IssueEntry
    folder: Path
    read: Callable[[], Issue] = field(compare=False)
    sent_at: datetime | None = None
    is_new: bool = False

    @classmethod
    def of(cls, issue: Issue, folder: Path, sent_at: datetime | None = None) -> Self:
        """The same, of an issue that was read already."""
        return cls(IssueEntry.of(issue), folder, partial(_given, issue), sent_at)

    @property
    def published_at(self) -> datetime:
        """When it was sent; for one that never was, the beginning of its month."""
        return self.sent_at or datetime.fromisoformat(f"{self.entry.month}-01").replace(tzinfo=UTC)


def _given(issue: Issue) -> Issue:
    return issue


def _article_entry(month: str, article: Article) -> ArticleEntry:
    return ArticleEntry(
        month=month,
        id=article.id,
        title=article.title,
        teaser=article.teaser,
        topics=article.topics,
        research_type=article.research_type or "",
        author=article.author or "",
        citation=article.citation or "",
        doi=article.doi or "",
    )
