"""What a delivery goes through, from the promise to the last word about it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import pytest
from sqlalchemy import Connection, Engine, event, func, select
from sqlalchemy.exc import OperationalError

from newsletter.errors import IssueError, LedgerError
from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.outcomes import FenceLost
from newsletter.ledger.subscribers import Subscribers
from newsletter.ledger.tables import batches as batch_table
from newsletter.ledger.tables import deliveries as delivery_table
from newsletter.model.delivery import (
    Batch,
    DeliveryProblem,
    DeliveryStatus,
    IssueState,
    Outcome,
    PlannedDelivery,
)
from newsletter.model.subscriber import SuppressionReason

from .rows import MONTH, NOW, begin, promise, promises, receipts, row, rows, statuses

S = DeliveryStatus
LATER = NOW + timedelta(minutes=10)
Plan = Callable[..., None]


@pytest.fixture
def plan(subscribers: Subscribers, deliveries: Deliveries) -> Plan:
    """Stores so many readers more and promises them the issue."""

    def plan(number: int, variants: int = 1, batch_size: int = 1000) -> None:
        subscribers.import_rows(rows(number), now=NOW, is_erased=None)
        deliveries.plan(MONTH, promises(subscribers, variants), now=NOW, batch_size=batch_size)

    return plan


def claimed(deliveries: Deliveries, owner: str = "first", limit: int | None = None) -> Batch:
    batch = deliveries.claim(MONTH, owner, now=NOW, limit=limit)
    assert batch is not None
    return batch


def answer(deliveries: Deliveries, batch: Batch, outcome: Outcome, detail: str = "") -> None:
    ids = [delivery.id for delivery in batch.deliveries]
    deliveries.record(batch, receipts(ids, outcome, detail), now=NOW)


# Freezing


def test_an_issue_is_frozen_as_it_was_at_first(database: Database) -> None:
    deliveries = Deliveries(database)
    assert deliveries.frozen(MONTH) is None
    first = deliveries.freeze(MONTH, digests={"a.md": "1f"}, content="one", now=NOW)
    assert (first.digests, first.content, first.started_at) == ({"a.md": "1f"}, "one", NOW)
    assert (first.state, first.finished_at) == (IssueState.SENDING, None)
    assert deliveries.freeze(MONTH, digests={}, content="two", now=LATER) == first
    assert deliveries.frozen(MONTH) == first
    assert deliveries.months() == [MONTH]


# Planning


def test_a_batch_is_of_one_variant_and_no_larger_than_asked(
    deliveries: Deliveries, plan: Plan
) -> None:
    plan(95, variants=3, batch_size=10)
    sizes: dict[str, list[int]] = {}
    while batch := deliveries.claim(MONTH, "first", now=NOW):
        sizes.setdefault(batch.variant_id, []).append(len(batch.deliveries))
    assert sizes == {"en-0": [10, 10, 10, 2], "en-1": [10, 10, 10, 2], "en-2": [10, 10, 10, 1]}
    assert deliveries.variants(MONTH) == ["en-0", "en-1", "en-2"]


def test_batches_are_full_however_many_variants_alternate(
    database: Database, deliveries: Deliveries
) -> None:
    """Planning holds a piece of the promises at a time; a batch may grow over several."""
    number, variants = 45_000, 30
    planned = (promise(f"{n:032x}", f"en-{n % variants}") for n in range(number))
    assert deliveries.plan(MONTH, planned, now=NOW) == number
    size = func.count()
    with database.read() as connection:
        sizes = connection.scalars(
            select(size)
            .select_from(delivery_table)
            .group_by(delivery_table.c.batch_id)
            .order_by(size)
        ).all()
    assert list(sizes) == [500] * variants + [1000] * variants


def test_planning_what_is_planned_adds_nothing_and_no_empty_batch(
    database: Database, deliveries: Deliveries
) -> None:
    planned = [promise(f"{n:032x}") for n in range(5)]
    assert deliveries.plan(MONTH, planned, now=NOW) == 5
    again = [*planned, promise(f"{5:032x}", "en-other")]
    assert deliveries.plan(MONTH, again, now=NOW) == 1
    assert deliveries.plan(MONTH, again, now=NOW) == 0
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(batch_table)) == 2


def test_a_batch_claimed_while_it_is_being_filled_is_filled_no_further(
    subscribers: Subscribers, deliveries: Deliveries
) -> None:
    subscribers.import_rows(rows(20_001), now=NOW, is_erased=None)
    batches: list[Batch] = []

    def planned() -> Iterator[PlannedDelivery]:
        for index, (subscriber_id, *_) in enumerate(subscribers.unplanned(MONTH)):
            if index == 20_000:  # the first piece is written by now
                batches.append(claimed(deliveries, limit=None))
            yield promise(subscriber_id)

    deliveries.plan(MONTH, planned(), now=NOW, batch_size=30_000)
    batches.append(claimed(deliveries))
    assert [len(batch.deliveries) for batch in batches] == [20_000, 1]


# Claiming


def test_a_claim_is_on_record_with_current_names_before_it_is_returned(
    database: Database, subscribers: Subscribers, deliveries: Deliveries
) -> None:
    subscribers.import_rows([row(name="Ana")], now=NOW, is_erased=None)
    deliveries.plan(MONTH, promises(subscribers), now=NOW)
    subscribers.import_rows([row("ANA@clinic.example", name="Dr Ana")], now=NOW, is_erased=None)
    batch = claimed(deliveries)
    assert (batch.month, batch.variant_id, batch.owner, batch.fence) == (MONTH, "en-0", "first", 1)
    assert [(d.email, d.name) for d in batch.deliveries] == [("ANA@clinic.example", "Dr Ana")]
    assert statuses(database) == {batch.deliveries[0].id: S.SENDING}
    assert deliveries.claim(MONTH, "second", now=NOW) is None


def test_whoever_left_after_the_plan_is_skipped_with_the_reason(
    database: Database, subscribers: Subscribers, deliveries: Deliveries, plan: Plan
) -> None:
    plan(4)
    subscribers.unsubscribe("reader0@clinic.example", "link", now=NOW)
    subscribers.suppress("reader1@clinic.example", SuppressionReason.COMPLAINT, "provider", now=NOW)
    subscribers.erase("reader2@clinic.example", "5f" * 32, now=NOW)
    batch = claimed(deliveries)
    assert [delivery.email for delivery in batch.deliveries] == ["reader3@clinic.example"]
    with database.read() as connection:
        reasons = connection.scalars(
            select(delivery_table.c.reason).where(delivery_table.c.status == S.SKIPPED)
        )
        assert sorted(reasons) == ["erased", "suppressed", "unsubscribed"]


def test_a_batch_whose_readers_all_left_is_passed_over(
    subscribers: Subscribers, deliveries: Deliveries, plan: Plan
) -> None:
    plan(3, batch_size=2)
    for index in range(2):
        subscribers.unsubscribe(f"reader{index}@clinic.example", "link", now=NOW)
    batch = claimed(deliveries)
    assert [delivery.email for delivery in batch.deliveries] == ["reader2@clinic.example"]
    answer(deliveries, batch, Outcome.ACCEPTED)
    assert deliveries.finish_if_done(MONTH, now=NOW)


def test_a_limit_takes_so_many_and_leaves_the_rest_to_claim(
    deliveries: Deliveries, plan: Plan
) -> None:
    plan(10)
    sizes = []
    for limit in (3, 7, 100):
        batch = deliveries.claim(MONTH, "first", now=NOW, limit=limit)
        sizes.append(len(batch.deliveries) if batch else 0)
    assert sizes == [3, 7, 0]


@pytest.mark.parametrize("state", [IssueState.PAUSED, IssueState.CANCELLED])
def test_nothing_is_claimed_of_an_issue_that_is_not_sending(
    deliveries: Deliveries, plan: Plan, state: IssueState
) -> None:
    plan(3)
    deliveries.set_state(MONTH, state, now=NOW)
    assert deliveries.claim(MONTH, "first", now=NOW) is None


# Recording


def test_each_answer_is_kept_with_the_server_s_words(
    database: Database, deliveries: Deliveries, plan: Plan
) -> None:
    plan(5)
    batch = claimed(deliveries)
    accepted, refused, uncertain, retried, unanswered = (d.id for d in batch.deliveries)
    answers = [
        *receipts([accepted], Outcome.ACCEPTED),
        *receipts([refused], Outcome.REFUSED, "550 5.1.1 no such user"),
        *receipts([uncertain], Outcome.UNCERTAIN, "time-out after the final dot"),
        *receipts([retried], Outcome.RETRY, "451 4.7.1 greylisted"),
    ]
    deliveries.record(batch, answers, now=NOW)
    assert statuses(database) == {
        accepted: S.ACCEPTED,
        refused: S.REFUSED,
        uncertain: S.UNCERTAIN,
        retried: S.PLANNED,
        unanswered: S.PLANNED,
    }
    assert deliveries.counts(MONTH) == {
        S.ACCEPTED: 1,
        S.REFUSED: 1,
        S.UNCERTAIN: 1,
        S.PLANNED: 2,
    }
    emails = {delivery.id: delivery.email for delivery in batch.deliveries}
    assert set(deliveries.problems(MONTH)) == {
        DeliveryProblem(refused, emails[refused], S.REFUSED, "550 5.1.1 no such user"),
        DeliveryProblem(uncertain, emails[uncertain], S.UNCERTAIN, "time-out after the final dot"),
    }


def test_a_retry_waits_until_its_time_and_fails_when_its_attempts_are_used_up(
    deliveries: Deliveries, plan: Plan
) -> None:
    plan(1)
    now = NOW
    for _ in range(3):
        batch = deliveries.claim(MONTH, "first", now=now)
        assert batch is not None
        again = receipts([batch.deliveries[0].id], Outcome.RETRY, "451 busy")
        deliveries.record(
            batch, again, now=now, retry_at=now + timedelta(minutes=10), max_attempts=3
        )
        assert deliveries.claim(MONTH, "first", now=now + timedelta(minutes=9)) is None
        now += timedelta(minutes=10)
    assert deliveries.counts(MONTH) == {S.FAILED: 1}
    assert [problem.reason for problem in deliveries.problems(MONTH)] == ["451 busy"]


def test_the_ledger_says_when_what_waits_may_be_claimed(deliveries: Deliveries, plan: Plan) -> None:
    plan(1)
    assert deliveries.next_attempt_at(MONTH) is None
    batch = claimed(deliveries)
    again = receipts([batch.deliveries[0].id], Outcome.RETRY)
    deliveries.record(batch, again, now=NOW, retry_at=LATER)
    assert deliveries.next_attempt_at(MONTH) == LATER
    assert deliveries.claim(MONTH, "first", now=LATER) is not None
    assert deliveries.next_attempt_at(MONTH) is None


def test_answers_may_be_recorded_as_they_come(deliveries: Deliveries, plan: Plan) -> None:
    plan(3)
    batch = claimed(deliveries)
    first, second, _ = (delivery.id for delivery in batch.deliveries)
    deliveries.record(batch, receipts([first], Outcome.ACCEPTED), now=NOW, close_batch=False)
    assert deliveries.counts(MONTH) == {S.ACCEPTED: 1, S.SENDING: 2}
    deliveries.record(batch, receipts([second], Outcome.ACCEPTED), now=NOW)
    assert deliveries.counts(MONTH) == {S.ACCEPTED: 2, S.PLANNED: 1}
    assert len(claimed(deliveries).deliveries) == 1


def test_a_batch_given_back_can_be_claimed_again_under_a_higher_fence(
    deliveries: Deliveries, plan: Plan
) -> None:
    plan(3)
    first = claimed(deliveries)
    deliveries.record(first, [], now=NOW)
    second = claimed(deliveries, "second")
    assert (second.id, second.deliveries) == (first.id, first.deliveries)
    assert second.fence > first.fence


def test_who_lost_a_batch_can_write_nothing(
    database: Database, deliveries: Deliveries, plan: Plan
) -> None:
    plan(2)
    lost = claimed(deliveries)
    deliveries.recover(MONTH, is_alive=lambda _: False, can_repeat=lambda _: True, now=NOW)
    holders = [deliveries.claim(MONTH, owner, now=NOW) for owner in ("first", "second")]
    before = statuses(database)
    for outcome in Outcome:
        with pytest.raises(FenceLost, match=MONTH):
            answer(deliveries, lost, outcome)
    assert statuses(database) == before
    assert [holder is not None for holder in holders] == [True, False]


# Recovering


@pytest.mark.parametrize(("repeatable", "status"), [(True, S.PLANNED), (False, S.UNCERTAIN)])
def test_what_a_dead_sender_had_in_hand_is_repeated_only_where_that_does_no_harm(
    deliveries: Deliveries, plan: Plan, *, repeatable: bool, status: DeliveryStatus
) -> None:
    plan(5, batch_size=3)
    dead, _ = claimed(deliveries, "dead"), claimed(deliveries, "alive")
    known = [delivery.id for delivery in dead.deliveries[:1]]
    deliveries.record(dead, receipts(known, Outcome.ACCEPTED), now=NOW, close_batch=False)
    recovered = deliveries.recover(
        MONTH, is_alive=lambda owner: owner == "alive", can_repeat=lambda _: repeatable, now=NOW
    )
    assert recovered == 2
    assert deliveries.counts(MONTH) == {S.ACCEPTED: 1, status: 2, S.SENDING: 2}


def test_what_no_notes_can_be_kept_of_is_not_claimed(plan: Plan, deliveries: Deliveries) -> None:
    """As on a full disk: then the ledger could not be told either that nothing was handed over."""
    plan(3)
    limits = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(LedgerError, match=r"\.given: cannot be written: "):
            deliveries.claim(MONTH, "me", now=NOW, is_noted=True)
    finally:
        setrlimit(RLIMIT_FSIZE, limits)
    assert deliveries.counts(MONTH) == {S.PLANNED: 3}


def test_a_sender_that_dies_before_it_handed_anything_over_leaves_nothing_in_doubt(
    plan: Plan, deliveries: Deliveries
) -> None:
    plan(3)
    batch = deliveries.claim(MONTH, "dead", now=NOW, is_noted=True)
    assert batch
    deliveries.hand_overs(batch).close(keep=True)
    deliveries.recover(MONTH, is_alive=lambda _: False, can_repeat=lambda _: False, now=NOW)
    assert deliveries.counts(MONTH) == {S.PLANNED: 3}


@pytest.mark.parametrize("is_committed", [True, False])
def test_a_claim_whose_commit_had_no_answer_leaves_nothing_in_doubt(
    plan: Plan, deliveries: Deliveries, database: Database, *, is_committed: bool
) -> None:
    def fail(connection: Connection) -> None:
        if is_committed:
            connection.connection.commit()
        raise OperationalError("COMMIT", None, Exception("the connection was lost"))

    plan(3)
    event.listen(Engine, "commit", fail)
    try:
        with pytest.raises(LedgerError):
            deliveries.claim(MONTH, "dead", now=NOW, is_noted=True)
    finally:
        event.remove(Engine, "commit", fail)
    assert deliveries.counts(MONTH) == {S.SENDING if is_committed else S.PLANNED: 3}
    assert len(list(database.senders.glob("*.given"))) == 1
    deliveries.recover(MONTH, is_alive=lambda _: False, can_repeat=lambda _: False, now=NOW)
    assert deliveries.counts(MONTH) == {S.PLANNED: 3}
    assert list(database.senders.glob("*.given")) == []


def test_where_no_notes_can_be_kept_is_told(
    plan: Plan, deliveries: Deliveries, database: Database
) -> None:
    plan(3)
    database.senders.parent.mkdir(exist_ok=True)
    database.senders.touch()
    with pytest.raises(LedgerError, match=r"\.given: cannot be written: "):
        deliveries.claim(MONTH, "me", now=NOW, is_noted=True)


def test_a_retry_recorded_before_the_sender_died_is_still_planned(
    deliveries: Deliveries, plan: Plan
) -> None:
    plan(2)
    dead = claimed(deliveries)
    again = receipts([dead.deliveries[0].id], Outcome.RETRY)
    deliveries.record(dead, again, now=NOW, close_batch=False)
    deliveries.recover(MONTH, is_alive=lambda _: False, can_repeat=lambda _: False, now=NOW)
    assert deliveries.counts(MONTH) == {S.PLANNED: 1, S.UNCERTAIN: 1}
    assert len(claimed(deliveries).deliveries) == 1


@pytest.mark.parametrize(
    ("outcome", "counts"),
    [(Outcome.ACCEPTED, {S.ACCEPTED: 2}), (Outcome.RETRY, {S.PLANNED: 2})],
)
def test_a_person_settles_what_is_uncertain(
    deliveries: Deliveries, plan: Plan, outcome: Outcome, counts: dict[DeliveryStatus, int]
) -> None:
    plan(2)
    answer(deliveries, claimed(deliveries), Outcome.UNCERTAIN)
    assert not deliveries.finish_if_done(MONTH, now=NOW)
    assert deliveries.resolve(MONTH, outcome, now=NOW) == 2
    assert deliveries.counts(MONTH) == counts
    assert (deliveries.claim(MONTH, "first", now=NOW) is None) == (outcome is Outcome.ACCEPTED)


def test_what_is_to_be_retried_is_not_forgotten_while_its_batch_is_in_hand(
    deliveries: Deliveries, plan: Plan
) -> None:
    plan(2)
    batch = claimed(deliveries)
    lost, again = (delivery.id for delivery in batch.deliveries)
    answers = receipts([lost], Outcome.UNCERTAIN) + receipts([again], Outcome.RETRY)
    deliveries.record(batch, answers, now=NOW)
    second = claimed(deliveries)
    deliveries.resolve(MONTH, Outcome.RETRY, now=NOW)
    answer(deliveries, second, Outcome.ACCEPTED)
    assert [delivery.id for delivery in claimed(deliveries).deliveries] == [lost]


# The issue's state


def test_an_issue_is_finished_when_nothing_is_open(deliveries: Deliveries, plan: Plan) -> None:
    plan(2)
    assert not deliveries.finish_if_done(MONTH, now=NOW)
    batch = claimed(deliveries)
    assert not deliveries.finish_if_done(MONTH, now=NOW)
    answer(deliveries, batch, Outcome.ACCEPTED)
    assert deliveries.finish_if_done(MONTH, now=LATER)
    assert deliveries.finish_if_done(MONTH, now=LATER + timedelta(days=1))
    frozen = deliveries.frozen(MONTH)
    assert frozen is not None
    assert (frozen.state, frozen.finished_at) == (IssueState.FINISHED, LATER)


def test_a_finished_issue_that_gets_new_deliveries_is_sending_again(
    deliveries: Deliveries,
) -> None:
    assert deliveries.finish_if_done(MONTH, now=NOW)
    deliveries.plan(MONTH, [], now=NOW)
    assert deliveries.finish_if_done(MONTH, now=NOW)
    deliveries.plan(MONTH, [promise("0" * 32)], now=NOW)
    frozen = deliveries.frozen(MONTH)
    assert frozen is not None
    assert (frozen.state, frozen.finished_at) == (IssueState.SENDING, None)


def test_a_pause_is_lifted_by_sending(deliveries: Deliveries, plan: Plan) -> None:
    plan(2)
    for state in (IssueState.PAUSED, IssueState.PAUSED, IssueState.SENDING):
        deliveries.set_state(MONTH, state, now=NOW)
    assert len(claimed(deliveries).deliveries) == 2


def test_a_cancel_is_final_and_what_is_on_its_way_keeps_its_answers(
    deliveries: Deliveries, plan: Plan
) -> None:
    plan(5, batch_size=3)
    batch = claimed(deliveries)
    assert deliveries.cancel(MONTH, now=NOW) == 2
    assert deliveries.cancel(MONTH, now=NOW) == 0
    accepted, again, _ = (delivery.id for delivery in batch.deliveries)
    answers = receipts([accepted], Outcome.ACCEPTED) + receipts([again], Outcome.RETRY)
    deliveries.record(batch, answers, now=NOW)
    assert deliveries.counts(MONTH) == {S.ACCEPTED: 1, S.CANCELLED: 4}
    assert not deliveries.finish_if_done(MONTH, now=NOW)
    for forbidden in (
        lambda: deliveries.set_state(MONTH, IssueState.SENDING, now=NOW),
        lambda: deliveries.plan(MONTH, [promise("0" * 32)], now=NOW),
        lambda: deliveries.resolve(MONTH, Outcome.RETRY, now=NOW),
    ):
        with pytest.raises(IssueError, match=f"{MONTH}: it is cancelled, which is final"):
            forbidden()


def test_a_finished_issue_cannot_be_paused_or_cancelled(deliveries: Deliveries) -> None:
    deliveries.finish_if_done(MONTH, now=NOW)
    for state in (IssueState.PAUSED, IssueState.CANCELLED):
        with pytest.raises(IssueError, match="it is finished, which is final"):
            deliveries.set_state(MONTH, state, now=NOW)


def test_nothing_can_be_done_with_an_issue_whose_sending_has_not_begun(
    database: Database,
) -> None:
    deliveries = Deliveries(database)
    with pytest.raises(IssueError, match=f"{MONTH}: its sending has not begun"):
        deliveries.plan(MONTH, [promise("0" * 32)], now=NOW)
    with pytest.raises(IssueError, match=f"{MONTH}: its sending has not begun"):
        deliveries.cancel(MONTH, now=NOW)
    assert deliveries.claim(MONTH, "first", now=NOW) is None
    assert deliveries.counts(MONTH) == {}
    begin(deliveries)
    assert deliveries.months() == [MONTH]
