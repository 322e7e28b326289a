"""Who gets which articles in full."""

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.assemble import assembler, variant_by_id, variant_of, whole_issue
from newsletter.model.issue import Article, Issue, IssueStatus, Passage
from newsletter.model.variant import WhenNothingMatches

TOPICS = ["alliance", "training", "outcome", "culture"]
BODY = Passage("Words.", "article.md", 1)
SOME_TOPICS = st.lists(st.sampled_from([*TOPICS, "of no article"]), unique=True)
RULES = st.sampled_from(WhenNothingMatches)


def article(number: int, *topics: str, everyone: bool = False) -> Article:
    return Article(
        id=f"{number:02}-article",
        title="A title",
        topics=topics,
        research_type=None,
        teaser="A teaser.",
        body=BODY,
        implications_heading="",
        implications=None,
        everyone=everyone,
    )


def issue_of(*articles: Article) -> Issue:
    return Issue("2022-11", IssueStatus.READY, "A subject", "A preheader", articles)


ISSUES = st.lists(
    st.tuples(st.lists(st.sampled_from(TOPICS), min_size=1, unique=True), st.booleans()),
    max_size=12,
).map(
    lambda drawn: issue_of(
        *(article(n, *topics, everyone=everyone) for n, (topics, everyone) in enumerate(drawn, 1))
    )
)
ALLIANCE_AND_TRAINING = issue_of(
    article(1, "alliance"), article(2, "training", "outcome"), article(3, "alliance")
)


@given(ISSUES, SOME_TOPICS, RULES)
def test_a_variant_holds_every_article_once_in_full_or_as_a_headline_in_the_issues_order(
    issue: Issue, topics: list[str], rule: WhenNothingMatches
) -> None:
    variant = assembler(issue, rule)(topics, "en")
    if variant is not None:
        in_order = [one.id for one in issue.articles]
        assert sorted([*variant.full, *variant.headlines]) == in_order
        assert list(variant.full) == sorted(variant.full)
        assert list(variant.headlines) == sorted(variant.headlines)


@given(ISSUES, SOME_TOPICS.filter(bool), RULES)
def test_what_shares_a_topic_or_is_for_everyone_is_in_full_and_nothing_else(
    issue: Issue, topics: list[str], rule: WhenNothingMatches
) -> None:
    wanted = tuple(
        one.id for one in issue.articles if one.everyone or not set(topics).isdisjoint(one.topics)
    )
    variant = assembler(issue, rule)(topics, "en")
    if wanted:
        assert variant is not None
        assert variant.full == wanted


@given(ISSUES, RULES)
def test_a_subscriber_without_topics_gets_the_whole_issue(
    issue: Issue, rule: WhenNothingMatches
) -> None:
    expected = None if not issue.articles and rule is WhenNothingMatches.SKIP else whole_issue
    assert assembler(issue, rule)([], "en") == (expected and expected(issue, "en"))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (WhenNothingMatches.HEADLINES, "en-headlines"),
        (WhenNothingMatches.EVERYTHING, "en-all"),
        (WhenNothingMatches.SKIP, None),
    ],
)
def test_where_nothing_matches_the_newsletters_rule_decides(
    rule: WhenNothingMatches, expected: str | None
) -> None:
    variant = assembler(ALLIANCE_AND_TRAINING, rule)(["culture"], "en")
    assert (variant and variant.id) == expected


@pytest.mark.parametrize("rule", WhenNothingMatches)
def test_an_article_for_everyone_is_a_match_for_everybody(rule: WhenNothingMatches) -> None:
    issue = issue_of(article(1, "alliance"), article(2, "training", everyone=True))
    variant = assembler(issue, rule)(["culture"], "en")
    assert variant is not None
    assert variant.full == ("02-article",)


@given(ISSUES.filter(lambda issue: len(issue.articles) <= 6))
def test_there_are_at_most_two_to_the_n_variants_whatever_people_choose(issue: Issue) -> None:
    choices = [c for size in range(5) for c in combinations(TOPICS, size)]
    variants = {
        assembler(issue, rule)(topics, "en") for topics in choices for rule in WhenNothingMatches
    }
    assert len(variants - {None}) <= 2 ** len(issue.articles)


@given(st.integers(0, 12), st.data())
def test_an_id_names_one_selection_is_safe_as_a_file_name_and_leads_back_to_its_variant(
    articles: int, data: st.DataObject
) -> None:
    issue = issue_of(*(article(n, "alliance") for n in range(1, articles + 1)))
    selections = st.sets(st.integers(0, articles - 1)) if articles else st.just(set[int]())
    one = variant_of(issue, data.draw(selections), data.draw(st.sampled_from(["en", "fr"])))
    other = variant_of(issue, data.draw(selections), "en")
    assert (one.id == other.id) == (one == other)
    assert re.fullmatch(r"[a-z0-9-]{1,100}", one.id)
    assert variant_by_id(issue, one.id) == one
