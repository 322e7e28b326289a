"""The archive's articles in their order, and how they stand to one another."""

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from newsletter.archive.entries import ArticleEntry, IssueEntry

MOST_RELATED: Final = 3
_UNSETTLED: Final = 12  # issues after an article's own, whose articles may yet join its page


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

    @cached_property
    def year_count(self) -> Mapping[str, int]:
        """How many articles each year has, the newest first."""
        return Counter(article.month[:4] for article in self.newest_first)

    def years(self) -> list[tuple[str, list[IssueEntry]]]:
        """The issues by year, newest first."""
        years: dict[str, list[IssueEntry]] = {}
        for issue in reversed(self.issues):
            years.setdefault(issue.month[:4], []).append(issue)
        return list(years.items())

    def related(self, article: ArticleEntry) -> list[ArticleEntry]:
        """At most three articles of other issues that share the most topics, the nearest first.

        They are of earlier issues or the next twelve, and only where those are too few of later
        ones, so that a page settles after a year.
        """
        here = self._numbers[article.month]
        later = -1 << bisect(self._issue_of, here + _UNSETTLED)
        others = ~self._bits_of_issue[here]
        found = self._nearest(article, here, others & ~later)
        if len(found) < MOST_RELATED:
            found += self._nearest(article, here, others & later)
        return [self.articles[place] for place in found[:MOST_RELATED]]

    def _nearest(self, article: ArticleEntry, here: int, among: int) -> list[int]:
        """The places of the articles that share the most topics, and some that share fewer."""
        most, issue_of = len(article.topics), self._issue_of
        shared = [among, *[0] * (most + 1)]  # by how many topics at least
        for topic in article.topics:
            for count in range(most, 0, -1):
                shared[count] |= shared[count - 1] & self._bits_of_topic.get(topic, 0)
        found: list[int] = []
        for count in range(most, 0, -1):
            exactly = _places(shared[count] & ~shared[count + 1])
            found += sorted(  # of two as near, the later
                exactly, key=lambda place: abs(4 * (issue_of[place] - here) - 1)
            )
            if len(found) >= MOST_RELATED:
                break
        return found

    @cached_property
    def _numbers(self) -> Mapping[str, int]:
        return {issue.month: number for number, issue in enumerate(self.issues)}

    @cached_property
    def _issue_of(self) -> Sequence[int]:
        """The number of its issue for each article, by the article's place."""
        return [number for number, issue in enumerate(self.issues) for _ in issue.articles]

    @cached_property
    def _bits_of_issue(self) -> Sequence[int]:
        """For each issue the set of its articles, each the bit of its place: quick to join."""
        bits = [0] * len(self.issues)
        for place, number in enumerate(self._issue_of):
            bits[number] |= 1 << place
        return bits

    @cached_property
    def _bits_of_topic(self) -> Mapping[str, int]:
        bits: Counter[str] = Counter()
        for place, article in enumerate(self.articles):
            for topic in article.topics:
                bits[topic] |= 1 << place
        return bits

    def _grouped(
        self, slugs: Callable[[ArticleEntry], tuple[str, ...]]
    ) -> dict[str, tuple[ArticleEntry, ...]]:
        grouped: dict[str, list[ArticleEntry]] = {}
        for article in self.newest_first:
            for slug in slugs(article):
                grouped.setdefault(slug, []).append(article)
        return {slug: tuple(articles) for slug, articles in grouped.items()}


def counted(
    labels: Mapping[str, str], articles: Iterable[ArticleEntry], *, by_type: bool
) -> list[tuple[str, str, int]]:
    """The labels of an axis that some of the articles have: slug, label and how many."""
    found = Counter(
        slug for a in articles for slug in ((a.research_type,) if by_type else a.topics)
    )
    return [(slug, label, found[slug]) for slug, label in labels.items() if found[slug]]


def _places(bits: int) -> Iterator[int]:
    while bits:
        lowest = bits & -bits
        yield lowest.bit_length() - 1
        bits ^= lowest
