"""What news of deliveries does to them and to their readers."""

import pytest
from sqlalchemy import select

from newsletter.ledger.database import Database
from newsletter.ledger.tables import delivery_events, metadata
from newsletter.model.delivery import DeliveryStatus as S
from newsletter.model.delivery import IssueState, Outcome
from newsletter.model.feedback import EventKind as K
from newsletter.model.feedback import FeedbackCounts
from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason

from .world import MONTH, NOW, World, all_told, told


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [
        (K.ACCEPTED, S.ACCEPTED),
        (K.DELIVERED, S.DELIVERED),
        (K.DEFERRED, S.DEFERRED),
        (K.SOFT_BOUNCE, S.BOUNCED),
        (K.HARD_BOUNCE, S.BOUNCED),
        (K.DROPPED, S.DROPPED),
        (K.COMPLAINT, S.COMPLAINED),
        (K.UNSUBSCRIBED, S.ACCEPTED),
    ],
)
def test_each_kind_of_news_moves_an_accepted_delivery(world: World, kind: K, becomes: S) -> None:
    world.subscribe(1)
    [delivery] = world.send()
    world.tell([told(delivery, kind)])
    assert world.status(delivery) is becomes


def test_the_servers_words_stand_with_the_delivery(world: World) -> None:
    world.subscribe(1)
    [delivery] = world.send()
    world.tell([told(delivery, K.DEFERRED, reason="451 4.7.1 greylisted")])
    assert world.line(delivery) == (S.DEFERRED, "451 4.7.1 greylisted")
    world.tell([told(delivery, K.DELIVERED)])
    assert world.line(delivery) == (S.DELIVERED, "")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (K.HARD_BOUNCE, SuppressionReason.HARD_BOUNCE),
        (K.COMPLAINT, SuppressionReason.COMPLAINT),
    ],
)
def test_a_hard_bounce_and_a_complaint_suppress_at_once(
    world: World, kind: K, reason: SuppressionReason
) -> None:
    first, second = world.subscribe(2)
    delivery, _ = world.send()
    assert world.tell([told(delivery, kind)]).suppressed == 1
    suppression = world.reader(first).suppression
    assert suppression
    assert (suppression.reason, suppression.source, suppression.at) == (reason, "sendgrid", NOW)
    assert world.mailable() == [second]


def test_who_leaves_through_the_provider_is_unsubscribed(world: World) -> None:
    first, second = world.subscribe(2)
    delivery, _ = world.send()
    assert world.tell([told(delivery, K.UNSUBSCRIBED)]).unsubscribed == 1
    assert world.reader(first).status is SubscriptionStatus.UNSUBSCRIBED
    assert world.mailable() == [second]


def test_soft_bounces_suppress_after_so_many_issues_in_a_row(world: World) -> None:
    [email] = world.subscribe(1)
    for month in range(1, 6):
        assert world.mailable() == [email]
        [delivery] = world.send(f"2023-{month:02}")
        world.tell([told(delivery, K.SOFT_BOUNCE, after=n) for n in range(3)])
    suppression = world.reader(email).suppression
    assert suppression
    assert suppression.reason is SuppressionReason.SOFT_BOUNCES


@pytest.mark.parametrize("news", [[K.DELIVERED], []])
def test_an_issue_that_got_through_begins_the_row_anew(world: World, news: list[K]) -> None:
    [email] = world.subscribe(1)
    for month in range(1, 10):
        [delivery] = world.send(f"2023-{month:02}")
        kinds = news if month == 5 else [K.SOFT_BOUNCE]
        world.tell([told(delivery, kind) for kind in kinds])
        assert world.mailable() == [email]
    [delivery] = world.send("2023-10")
    world.tell([told(delivery, K.SOFT_BOUNCE)])
    assert world.mailable() == []


def test_a_row_is_counted_by_issues_in_whatever_order_its_news_comes(world: World) -> None:
    [email] = world.subscribe(1)
    sent = [world.send(f"2023-{month:02}")[0] for month in range(1, 6)]
    for place in (4, 0, 3, 1):
        world.tell([told(sent[place], K.SOFT_BOUNCE)])
        assert world.mailable() == [email]
    world.tell([told(sent[2], K.SOFT_BOUNCE)])
    assert world.mailable() == []


def test_a_suppression_that_was_lifted_stays_so_when_old_news_is_told_again(world: World) -> None:
    [email] = world.subscribe(1)
    for month in range(1, 6):
        [delivery] = world.send(f"2023-{month:02}")
        news = told(delivery, K.SOFT_BOUNCE)
        world.tell([news])
    lift = world.ledger.suppressions.lift
    assert lift(email, by="the editor", because="they wrote to us", now=NOW)
    assert world.tell([news]).suppressed == 0
    assert world.mailable() == [email]
    [delivery] = world.send("2023-06")
    assert world.tell([told(delivery, K.SOFT_BOUNCE, after=9)]).suppressed == 0
    gone = told(delivery, K.HARD_BOUNCE, after=10)
    assert world.tell([gone]).suppressed == 1
    lift(email, by="the editor", because="again", now=NOW)
    assert world.tell([gone]) == FeedbackCounts(repeated=1)
    assert world.mailable() == [email]


def test_who_came_back_stays_when_their_leaving_is_told_again(world: World) -> None:
    [email] = world.subscribe(1)
    [delivery] = world.send()
    left = told(delivery, K.UNSUBSCRIBED)
    world.tell([left])
    world.ledger.subscribers.erase(email, "digest", now=NOW)  # and signs up afresh
    world.subscribe(1)
    assert world.tell([left]) == FeedbackCounts(repeated=1)
    assert world.mailable() == [email]


def test_lost_answers_are_settled_and_the_issue_finished(world: World) -> None:
    world.subscribe(3)
    sent = world.send(outcome=Outcome.UNCERTAIN)
    assert world.tell([told(sent[0], K.ACCEPTED), told(sent[1], K.DELIVERED)]).taken == 2
    assert world.ledger.deliveries.state(MONTH) is IssueState.SENDING
    world.tell([told(sent[2], K.ACCEPTED)])
    assert world.ledger.deliveries.counts(MONTH) == {S.ACCEPTED: 2, S.DELIVERED: 1}
    assert world.ledger.deliveries.state(MONTH) is IssueState.FINISHED


def test_news_may_overtake_the_senders_own_record(world: World) -> None:
    world.subscribe(3)
    sent = world.send(outcome=None)
    world.tell(
        [told(sent[0], K.DELIVERED), told(sent[1], K.HARD_BOUNCE), told(sent[2], K.ACCEPTED)]
    )
    assert [world.status(delivery) for delivery in sent] == [S.DELIVERED, S.BOUNCED, S.SENDING]
    world.ledger.deliveries.recover(
        MONTH, is_alive=lambda _: False, can_repeat=lambda _: False, now=NOW
    )
    assert [world.status(delivery) for delivery in sent] == [S.DELIVERED, S.BOUNCED, S.UNCERTAIN]


def test_whoever_has_it_after_all_is_not_sent_to_again(world: World) -> None:
    """A person has the uncertain sent again; then the provider says that one had come through."""
    world.subscribe(2)
    sent = world.send(outcome=Outcome.UNCERTAIN)
    world.ledger.deliveries.resolve(MONTH, Outcome.RETRY, now=NOW)
    world.tell([told(sent[0], K.DELIVERED), told(sent[1], K.DROPPED)])
    batch = world.ledger.deliveries.claim(MONTH, "sender", now=NOW)
    assert batch
    assert [one.id for one in batch.deliveries] == sent[1:]


def test_a_thousand_events_with_repeats_and_strangers_are_each_counted_once(world: World) -> None:
    world.subscribe(300)
    sent = world.send()
    strangers = [f"00000000-0000-5000-8000-{n:012}" for n in range(100)]
    events = all_told(sent, K.ACCEPTED) + all_told(sent, K.DELIVERED) * 2
    counts = world.tell(events + all_told(strangers, K.COMPLAINT))
    assert counts == FeedbackCounts(taken=300, repeated=600, unknown=100)
    assert world.ledger.deliveries.counts(MONTH) == {S.DELIVERED: 300}


def test_news_of_unknown_deliveries_makes_nothing(world: World, database: Database) -> None:
    stranger = "00000000-0000-5000-8000-000000000000"
    assert world.tell([told(stranger, kind) for kind in K]) == FeedbackCounts(unknown=len(K))
    with database.read() as connection:
        tables = [table for table in metadata.sorted_tables if connection.scalar(select(table))]
    assert tables == []


def test_an_erased_person_comes_back_by_no_news(world: World, database: Database) -> None:
    [email] = world.subscribe(1)
    [delivery] = world.send()
    world.ledger.subscribers.erase(email, "digest", now=NOW)
    counts = world.tell(
        [told(delivery, K.COMPLAINT, reason="5.7.1 …"), told(delivery, K.UNSUBSCRIBED)]
    )
    assert (counts.suppressed, counts.unsubscribed) == (0, 0)
    assert world.status(delivery) is S.COMPLAINED
    with database.read() as connection:
        assert len(connection.execute(select(delivery_events)).all()) == 2
    assert world.mailable() == []


def test_lifting_is_on_record_and_forgotten_with_the_person(world: World) -> None:
    [email] = world.subscribe(1)
    suppressions = world.ledger.suppressions
    assert not suppressions.lift(email, by="ed", because="no reason", now=NOW)
    [delivery] = world.send()
    world.tell([told(delivery, K.COMPLAINT)])
    assert suppressions.lift(email, by="ed", because="pressed by mistake", now=NOW)
    [lifted] = suppressions.lifted(email)
    assert (lifted.suppression.reason, lifted.by, lifted.because, lifted.at) == (
        SuppressionReason.COMPLAINT,
        "ed",
        "pressed by mistake",
        NOW,
    )
    world.ledger.subscribers.erase(email, "digest", now=NOW)
    assert suppressions.lifted(email) == []
