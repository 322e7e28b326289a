"""The archive's articles in their order, and how they stand to one another."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from newsletter.archive.entries import ArticleEntry, IssueEntry

MOST_RELATED: Final = 3


@dataclass(frozen=True)
class Shelf:
    """All issues, oldest first."""

    issues: tuple[IssueEntry, ...]

    @classmethod
    def of(cls, issues: Iterable[IssueEntry]) -> "Shelf":
        """The issues in the order of their months."""
        return cls(tuple(sorted(issues, key=lambda issue: issue.month)))

    @cached_property
    def articles(self) -> tuple[ArticleEntry, ...]:
        """Every article in the order in which they appeared."""
        return tuple(article for issue in self.issues for article in issue.articles)

    @cached_property
    def by_topic(self) -> Mapping[str, tuple[ArticleEntry, ...]]:
        """The articles of each topic, newest issue first."""
        return self._grouped(lambda article: article.topics)

    @cached_property
    def by_type(self) -> Mapping[str, tuple[ArticleEntry, ...]]:
        """The articles of each research type, newest issue first."""
        return self._grouped(lambda article: (article.research_type,))

    @cached_property
    def newest_first(self) -> tuple[ArticleEntry, ...]:
        """Every article, newest issue first, each issue in its own order."""
        return tuple(article for issue in reversed(self.issues) for article in issue.articles)

    def years(self) -> list[tuple[str, list[IssueEntry]]]:
        """The issues by year, newest first."""
        years: dict[str, list[IssueEntry]] = {}
        for issue in reversed(self.issues):
            years.setdefault(issue.month[:4], []).append(issue)
        return list(years.items())

    def related(self, article: ArticleEntry) -> list[ArticleEntry]:
        """At most three articles of other issues that share the most topics, the nearest first."""
        shared: Counter[int] = Counter(
            place for topic in article.topics for place in self._places.get(topic, ())
        )
        here = self._months[article.month]
        ranked = sorted(
            (-count, abs(month - here), -month, place)
            for place, count in shared.items()
            if (month := self._months[self.articles[place].month]) != here
        )
        return [self.articles[place] for *_, place in ranked[:MOST_RELATED]]

    @cached_property
    def _months(self) -> Mapping[str, int]:
        return {issue.month: number for number, issue in enumerate(self.issues)}

    @cached_property
    def _places(self) -> Mapping[str, list[int]]:
        places: dict[str, list[int]] = {}
        for place, article in enumerate(self.articles):
            for topic in article.topics:
                places.setdefault(topic, []).append(place)
        return places

    def _grouped(
        self, slugs: Callable[[ArticleEntry], tuple[str, ...]]
    ) -> dict[str, tuple[ArticleEntry, ...]]:
        grouped: dict[str, list[ArticleEntry]] = {}
        for article in self.newest_first:
            for slug in slugs(article):
                grouped.setdefault(slug, []).append(article)
        return {slug: tuple(articles) for slug, articles in grouped.items()}
