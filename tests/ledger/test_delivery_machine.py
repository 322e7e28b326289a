"""Whatever senders, readers and editors do, in whatever order: nobody twice, nobody forgotten."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import select

from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.outcomes import FenceLost
from newsletter.ledger.subscribers import Subscribers
from newsletter.ledger.tables import BatchStatus
from newsletter.ledger.tables import batches as batch_table
from newsletter.ledger.tables import deliveries as delivery_table
from newsletter.model.delivery import (
    PENDING,
    TRANSITIONS,
    Batch,
    DeliveryStatus,
    IssueState,
    Outcome,
    Receipt,
)
from newsletter.model.subscriber import SuppressionReason

from .rows import MONTH, NOW, begin, promises, row, statuses

S = DeliveryStatus
OUTCOMES: Final = st.lists(st.sampled_from([*Outcome, None]), min_size=1, max_size=6)
READERS: Final = st.integers(0, 30)
# Closing a batch of a cancelled issue takes two arrows at once: sending → planned → cancelled.
REACHABLE: Final = {
    status: TRANSITIONS.get(status, frozenset()).union(
        *(TRANSITIONS.get(next_, frozenset()) for next_ in TRANSITIONS.get(status, ()))
    )
    for status in S
}


class Senders(RuleBasedStateMachine):
    """Two senders, one of which dies now and then, an editor, and readers who come and go."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        copyfile(EMPTY, Path(self._folder.name) / "newsletter.db")
        self.database = Database.open("sqlite:///newsletter.db", base=Path(self._folder.name))
        self.subscribers = Subscribers(self.database)
        self.deliveries = Deliveries(self.database)
        self.names = (f"owner-{number}" for number in count())
        self.alive = [next(self.names), next(self.names)]
        self.held: dict[str, list[Batch]] = {owner: [] for owner in self.alive}
        self.lost: list[Batch] = []
        self.before: dict[str, DeliveryStatus] = {}
        self.accepted: set[str] = set()  # by a transport, as far as anybody knows
        self.unmailable: set[str] = set()  # addresses of those who left
        self.fences: dict[int, int] = {}
        self.readers = 0

    def teardown(self) -> None:
        self.finish_the_work()
        self.database.close()
        self._folder.cleanup()

    @initialize()
    def begin(self) -> None:
        begin(self.deliveries)

    # Readers

    @rule(number=st.integers(1, 12))
    def new_readers(self, number: int) -> None:
        emails = [f"reader{self.readers + n}@clinic.example" for n in range(number)]
        self.subscribers.import_rows(map(row, emails), now=NOW, is_erased=None)
        self.readers += number

    @rule(reader=READERS)
    def unsubscribe(self, reader: int) -> None:
        if self.subscribers.unsubscribe(self.leaves(reader), "link", now=NOW):
            self.unmailable.add(self.leaves(reader))

    @rule(reader=READERS)
    def complain(self, reader: int) -> None:
        email = self.leaves(reader)
        self.subscribers.suppress(email, SuppressionReason.COMPLAINT, "provider", now=NOW)

    @rule(reader=READERS)
    def erase(self, reader: int) -> None:
        email = self.leaves(reader)
        self.subscribers.erase(email, f"digest of reader {reader}", now=NOW)

    def leaves(self, reader: int) -> str:
        email = f"reader{reader}@clinic.example"
        if reader < self.readers:
            self.unmailable.add(email)
        return email

    # Senders

    @precondition(lambda self: self.state is not IssueState.CANCELLED)
    @rule(variants=st.integers(1, 3), batch_size=st.integers(1, 5))
    def plan(self, variants: int, batch_size: int) -> None:
        planned = promises(self.subscribers, variants)
        self.deliveries.plan(MONTH, planned, now=NOW, batch_size=batch_size)
        assert list(self.subscribers.unplanned(MONTH)) == []

    @rule(sender=st.integers(0, 1), limit=st.none() | st.integers(1, 4))
    def claim(self, sender: int, limit: int | None) -> None:
        owner = self.alive[sender]
        batch = self.deliveries.claim(MONTH, owner, now=NOW, limit=limit)
        if batch is None:
            return
        assert self.state is IssueState.SENDING
        assert 1 <= len(batch.deliveries) <= (limit or 5)
        assert batch.fence > self.fences.get(batch.id, 0)
        assert self.unmailable.isdisjoint(delivery.email for delivery in batch.deliveries)
        assert self.accepted.isdisjoint(delivery.id for delivery in batch.deliveries)
        self.fences[batch.id] = batch.fence
        self.held[owner].append(batch)

    @rule(sender=st.integers(0, 1), outcomes=OUTCOMES, close_batch=st.booleans())
    def record(self, sender: int, outcomes: Sequence[Outcome | None], *, close_batch: bool) -> None:
        held = self.held[self.alive[sender]]
        if not held:
            return
        batch = held[-1]
        answers = [
            Receipt(delivery.id, outcome, "as it says")
            for delivery, outcome in zip(batch.deliveries, outcomes, strict=False)
            if outcome and self.before[delivery.id] is S.SENDING
        ]
        self.deliveries.record(batch, answers, now=NOW, max_attempts=3, close_batch=close_batch)
        self.accepted |= {r.delivery_id for r in answers if r.outcome is Outcome.ACCEPTED}
        if close_batch:
            self.lost.append(held.pop())

    @rule(sender=st.integers(0, 1))
    def release(self, sender: int) -> None:
        held = self.held[self.alive[sender]]
        if held:
            self.deliveries.release(held[-1], now=NOW)
            self.lost.append(held.pop())

    @rule(sender=st.integers(0, 1), repeatable=st.booleans())
    def die_and_be_recovered(self, sender: int, *, repeatable: bool) -> None:
        self.lost += self.held.pop(self.alive[sender])
        self.alive[sender] = next(self.names)
        self.held[self.alive[sender]] = []
        self.deliveries.recover(
            MONTH, is_alive=self.alive.__contains__, repeatable=repeatable, now=NOW
        )

    @precondition(lambda self: self.lost)
    @rule(which=st.integers(0), outcome=st.sampled_from(Outcome))
    def write_what_is_lost(self, which: int, outcome: Outcome) -> None:
        batch = self.lost[which % len(self.lost)]
        answers = [Receipt(delivery.id, outcome) for delivery in batch.deliveries]
        with pytest.raises(FenceLost):
            self.deliveries.record(batch, answers, now=NOW)
        self.deliveries.release(batch, now=NOW)
        assert statuses(self.database) == self.before

    # The editor

    @precondition(lambda self: self.state is IssueState.SENDING)
    @rule()
    def pause(self) -> None:
        self.deliveries.set_state(MONTH, IssueState.PAUSED, now=NOW)

    @precondition(lambda self: self.state is IssueState.PAUSED)
    @rule()
    def resume(self) -> None:
        self.deliveries.set_state(MONTH, IssueState.SENDING, now=NOW)

    @precondition(lambda self: self.state in {IssueState.SENDING, IssueState.PAUSED})
    @rule(sure=st.integers(0, 9))
    def cancel(self, sure: int) -> None:
        if sure == 9:
            self.deliveries.cancel(MONTH, now=NOW)

    @precondition(lambda self: self.state is not IssueState.CANCELLED)
    @rule(outcome=st.sampled_from([Outcome.ACCEPTED, Outcome.RETRY]))
    def resolve(self, outcome: Outcome) -> None:
        uncertain = {key for key, status in self.before.items() if status is S.UNCERTAIN}
        assert self.deliveries.resolve(MONTH, outcome, now=NOW) == len(uncertain)
        if outcome is Outcome.ACCEPTED:
            self.accepted |= uncertain

    @rule()
    def finish(self) -> None:
        is_open = PENDING | {S.UNCERTAIN}
        done = is_open.isdisjoint(self.before.values())
        finished = self.deliveries.finish_if_done(MONTH, now=NOW)
        assert finished == (done and self.state is not IssueState.CANCELLED)

    @property
    def state(self) -> IssueState:
        frozen = self.deliveries.frozen(MONTH)
        assert frozen is not None
        return frozen.state

    # What always holds

    @invariant()
    def all_is_in_order(self) -> None:
        self.statuses_move_along_the_arrows_and_no_delivery_is_lost()
        self.what_is_to_be_sent_is_in_a_batch_that_is_to_be_sent()
        self.every_delivery_in_flight_is_in_one_hand()

    def statuses_move_along_the_arrows_and_no_delivery_is_lost(self) -> None:
        after = statuses(self.database)
        for key, status in self.before.items():
            assert after[key] is status or after[key] in REACHABLE[status]
        assert all(after[key] is S.ACCEPTED for key in self.accepted)
        self.before = after

    def what_is_to_be_sent_is_in_a_batch_that_is_to_be_sent(self) -> None:
        table = delivery_table.join(batch_table, batch_table.c.id == delivery_table.c.batch_id)
        statement = select(delivery_table.c.status, batch_table.c.status).select_from(table)
        with self.database.read() as connection:
            pairs = set(connection.execute(statement).all())
        assert (S.PLANNED, BatchStatus.DONE) not in pairs
        assert (S.SENDING, BatchStatus.DONE) not in pairs
        assert (S.SENDING, BatchStatus.PLANNED) not in pairs

    def every_delivery_in_flight_is_in_one_hand(self) -> None:
        in_hand = [
            delivery.id
            for batches in self.held.values()
            for batch in batches
            for delivery in batch.deliveries
            if self.before.get(delivery.id) is S.SENDING
        ]
        sending = [key for key, status in self.before.items() if status is S.SENDING]
        assert sorted(in_hand) == sorted(sending)

    def finish_the_work(self) -> None:
        """In the end everybody has an answer that stands, and the issue is finished."""
        if self.state is IssueState.PAUSED:
            self.resume()
        for sender in (0, 1):
            self.die_and_be_recovered(sender, repeatable=False)
        if self.state is not IssueState.CANCELLED:
            self.deliveries.resolve(MONTH, Outcome.ACCEPTED, now=NOW)
            self.plan(variants=2, batch_size=5)
        while batch := self.deliveries.claim(MONTH, self.alive[0], now=NOW):
            answers = [Receipt(delivery.id, Outcome.ACCEPTED) for delivery in batch.deliveries]
            self.deliveries.record(batch, answers, now=NOW)
        left = set(statuses(self.database).values())
        assert left.isdisjoint(PENDING)
        assert self.state is IssueState.CANCELLED or self.deliveries.finish_if_done(MONTH, now=NOW)


def _empty_database() -> Path:
    folder = TemporaryDirectory()
    _FOLDERS.append(folder)
    Database.open("sqlite:///newsletter.db", base=Path(folder.name)).close()
    return Path(folder.name) / "newsletter.db"


_FOLDERS: Final[list[TemporaryDirectory[str]]] = []
EMPTY: Final = _empty_database()
TestSenders = Senders.TestCase
TestSenders.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
