"""Which articles stand beside an article as being on the same topics."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.archive.entries import ArticleEntry, IssueEntry
from newsletter.archive.shelf import MOST_RELATED, Shelf
from newsletter.model.issue import IssueStatus

_TOPICS = st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=4, unique=True)
_ISSUES = st.lists(st.lists(_TOPICS, max_size=4), max_size=30)


def shelf_of(issues: list[list[list[str]]]) -> Shelf:
    """Issues of consecutive months, by the topics of their articles."""
    return Shelf.of(
        IssueEntry(month, IssueStatus.PAST, "", "", tuple(map(entry, [month] * 9, topics)), {}, "")
        for number, topics in enumerate(issues)
        for month in [f"{2000 + number // 12}-{number % 12 + 1:02}"]
    )


def entry(month: str, topics: list[str]) -> ArticleEntry:
    return ArticleEntry(month, "-".join(topics), "", "", tuple(topics), "", "", "", "")


@given(_ISSUES)
def test_the_nearest_of_those_that_share_the_most_topics_are_related(
    issues: list[list[list[str]]],
) -> None:
    shelf = shelf_of(issues)
    numbers = {issue.month: number for number, issue in enumerate(shelf.issues)}

    def rank(one: ArticleEntry, other: ArticleEntry) -> tuple[int, ...]:
        ahead = numbers[other.month] - numbers[one.month]
        return ahead > 12, -len({*one.topics} & {*other.topics}), abs(ahead), -ahead

    for one in shelf.articles:
        others = [o for o in shelf.articles if o.month != one.month and {*one.topics} & {*o.topics}]
        nearest = sorted(others, key=lambda other: rank(one, other))
        assert shelf.related(one) == nearest[:MOST_RELATED]


@given(_ISSUES, st.lists(_TOPICS, max_size=4))
def test_after_a_year_a_full_list_does_not_change_any_more(
    issues: list[list[list[str]]], newest: list[list[str]]
) -> None:
    before, after = shelf_of(issues), shelf_of([*issues, newest])
    for issue in before.issues[:-12]:
        for article in issue.articles:
            if len(related := before.related(article)) == MOST_RELATED:
                assert after.related(article) == related
