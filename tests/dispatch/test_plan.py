"""The plan: who gets what, counted before anything is promised."""

from hypothesis import given
from hypothesis import strategies as st

from newsletter.dispatch.plan import Plan, make_plan
from newsletter.model.delivery import SkipReason
from newsletter.model.subscriber import SubscriberGroup
from newsletter.model.variant import Variant


def variant(full: int, language: str = "en") -> Variant:
    articles = ("01-a", "02-b", "03-c")
    return Variant(f"{language}-{full}", "2022-11", language, articles[:full], articles[full:])


def by_number_of_topics(topics: tuple[str, ...], language: str) -> Variant | None:
    """Nothing for somebody whose only topic is no article's."""
    return None if topics == ("none",) else variant(len(topics), language)


GROUPS = st.lists(
    st.builds(
        SubscriberGroup,
        topics=st.sampled_from([(), ("a",), ("a", "b"), ("b", "a"), ("none",)]),
        language=st.sampled_from(["en", "fr"]),
        skipped=st.none() | st.sampled_from(SkipReason),
        subscribers=st.integers(1, 50_000),
    ),
    max_size=30,
)


def plan_for(*groups: SubscriberGroup) -> Plan:
    return make_plan("2022-11", groups, by_number_of_topics)


@given(GROUPS)
def test_recipients_and_skipped_together_are_everybody_stored(
    groups: list[SubscriberGroup],
) -> None:
    plan = plan_for(*groups)
    stored = sum(group.subscribers for group in groups)
    assert plan.recipients + sum(plan.skipped.values()) == stored


@given(GROUPS)
def test_the_most_full_articles_come_first_and_then_the_ids(groups: list[SubscriberGroup]) -> None:
    keys = [(-len(one.full), one.id) for one in plan_for(*groups).variants]
    assert keys == sorted(set(keys))


@given(GROUPS, st.data())
def test_the_order_of_the_groups_changes_nothing(
    groups: list[SubscriberGroup], data: st.DataObject
) -> None:
    one, other = plan_for(*groups), plan_for(*data.draw(st.permutations(groups)))
    assert list(one.variants.items()) == list(other.variants.items())
    assert list(one.skipped.items()) == list(other.skipped.items())


def test_who_must_not_be_mailed_is_skipped_for_that_reason_whatever_would_match() -> None:
    plan = plan_for(
        SubscriberGroup(("a",), "en", None, 3),
        SubscriberGroup(("a",), "en", SkipReason.UNSUBSCRIBED, 2),
        SubscriberGroup(("none",), "en", SkipReason.SUPPRESSED, 1),
        SubscriberGroup(("none",), "en", None, 4),
    )
    assert plan.variants == {variant(1): 3}
    assert plan.skipped == {
        SkipReason.UNSUBSCRIBED: 2,
        SkipReason.SUPPRESSED: 1,
        SkipReason.NOTHING_MATCHES: 4,
    }


def test_nobody_stored_is_an_empty_plan() -> None:
    assert plan_for() == Plan("2022-11", {}, {})
