"""Whatever senders, readers and editors do, in whatever order: nobody twice, nobody forgotten."""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import count, cycle
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
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
from tests.fakes.postgresql_server import PostgresqlServer

from .rows import MONTH, NOW, begin, promises, row, statuses

S = DeliveryStatus
IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - quick: nothing here is about power cuts
OUTCOMES: Final = st.lists(st.sampled_from([*Outcome, None]), min_size=1, max_size=6)
# Closing a batch of a cancelled issue takes two arrows at once: sending → planned → cancelled.
REACHABLE: Final = {
    status: TRANSITIONS.get(status, frozenset()).union(
        *(TRANSITIONS.get(next_, frozenset()) for next_ in TRANSITIONS.get(status, ()))
    )
    for status in S
}


class Senders(RuleBasedStateMachine):
    """Two senders, one of which dies now and then, an editor, and readers who come and go."""

    def __init__(self, empty: Callable[[], str] | None = None) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None)
        copyfile(EMPTY, Path(self._folder.name) / "newsletter.db")
        url = empty() if empty else "sqlite:///newsletter.db"
        self.database = Database.open(url, base=Path(self._folder.name))
        self.subscribers = Subscribers(self.database)
        self.deliveries = Deliveries(self.database)
        self.names = (f"owner-{number}" for number in count())
        self.alive = [next(self.names), next(self.names)]
        self.held: list[Batch] = []
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

    @initialize(number=st.integers(1, 12))
    def begin(self, number: int) -> None:
        begin(self.deliveries)
        self.readers_come(number, variants=2, batch_size=5)

    # Readers

    @rule(number=st.integers(1, 8), variants=st.integers(1, 3), batch_size=st.integers(1, 5))
    def readers_come(self, number: int, variants: int, batch_size: int) -> None:
        emails = [f"reader{self.readers + n}@clinic.example" for n in range(number)]
        self.subscribers.import_rows(map(row, emails), now=NOW, is_erased=None)
        self.readers += number
        if self.state is not IssueState.CANCELLED:
            planned = promises(self.subscribers, variants)
            self.deliveries.plan(MONTH, planned, now=NOW, batch_size=batch_size)
            assert list(self.subscribers.unplanned(MONTH)) == []

    @rule(reader=st.integers(0), way=st.sampled_from(["unsubscribe", "complain", "be erased"]))
    def reader_leaves(self, reader: int, way: str) -> None:
        email = f"reader{reader % self.readers}@clinic.example"
        self.unmailable.add(email)
        match way:
            case "unsubscribe":
                self.subscribers.unsubscribe(email, "link", now=NOW)
            case "complain":
                self.subscribers.suppress(email, SuppressionReason.COMPLAINT, "", now=NOW)
            case _:
                self.subscribers.erase(email, f"digest of {reader % self.readers}", now=NOW)

    # Senders

    @precondition(lambda self: self.has(S.PLANNED))
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
        self.held.append(batch)

    @precondition(lambda self: self.held)
    @rule(
        which=st.integers(0),
        outcomes=OUTCOMES,
        way=st.sampled_from(["go on", "close", "give back"]),
    )
    def answer(self, which: int, outcomes: Sequence[Outcome | None], way: str) -> None:
        batch = self.held[which % len(self.held)]
        if way == "give back":
            self.deliveries.record(batch, [], now=NOW)
        else:
            answers = [
                Receipt(delivery.id, outcome, "as it says")
                for delivery, outcome in zip(batch.deliveries, cycle(outcomes), strict=False)
                if outcome and self.before[delivery.id] is S.SENDING
            ]
            self.deliveries.record(
                batch, answers, now=NOW, max_attempts=3, close_batch=way == "close"
            )
            self.accepted |= {r.delivery_id for r in answers if r.outcome is Outcome.ACCEPTED}
        if way != "go on":
            self.lose(batch)

    @rule(sender=st.integers(0, 1), repeatable=st.booleans())
    def die_and_be_recovered(self, sender: int, *, repeatable: bool) -> None:
        dead, self.alive[sender] = self.alive[sender], next(self.names)
        for batch in [batch for batch in self.held if batch.owner == dead]:
            self.lose(batch)
        self.deliveries.recover(
            MONTH,
            is_alive=self.alive.__contains__,
            can_repeat=lambda _: repeatable,
            now=NOW,
        )
        after = statuses(self.database)
        unanswered = {key for key, status in self.before.items() if status is S.SENDING}
        expected = {S.SENDING, S.PLANNED if repeatable else S.UNCERTAIN, S.CANCELLED}
        assert {after[key] for key in unanswered} <= expected

    def lose(self, batch: Batch) -> None:
        self.held.remove(batch)
        self.lost.append(batch)

    # The editor

    @rule(act=st.sampled_from(["pause", "resume", "accept", "retry", "finish", "cancel"]))
    def editor_acts(self, act: str) -> None:
        state = self.state
        is_open = any(map(self.has, (*PENDING, S.UNCERTAIN)))
        if act == "finish":
            finished = self.deliveries.finish_if_done(MONTH, now=NOW)
            assert finished == (not is_open and state is not IssueState.CANCELLED)
        elif act in {"pause", "resume"} and state in {IssueState.SENDING, IssueState.PAUSED}:
            wanted = IssueState.PAUSED if act == "pause" else IssueState.SENDING
            self.deliveries.set_state(MONTH, wanted, now=NOW)
        elif act in {"accept", "retry"} and state is not IssueState.CANCELLED:
            self.resolve(Outcome.ACCEPTED if act == "accept" else Outcome.RETRY)
        elif act == "cancel" and self.has(S.SENDING) and self.has(S.PLANNED):
            self.deliveries.cancel(MONTH, now=NOW)

    def resolve(self, outcome: Outcome) -> None:
        uncertain = {key for key, status in self.before.items() if status is S.UNCERTAIN}
        assert self.deliveries.resolve(MONTH, outcome, now=NOW) == len(uncertain)
        if outcome is Outcome.ACCEPTED:
            self.accepted |= uncertain

    def has(self, status: DeliveryStatus) -> bool:
        return status in self.before.values()

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
        self.who_lost_a_batch_can_write_nothing()

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
            for batch in self.held
            for delivery in batch.deliveries
            if self.before.get(delivery.id) is S.SENDING
        ]
        sending = [key for key, status in self.before.items() if status is S.SENDING]
        assert sorted(in_hand) == sorted(sending)

    def who_lost_a_batch_can_write_nothing(self) -> None:
        for batch in self.lost[-2:]:
            answers = [Receipt(delivery.id, Outcome.REFUSED) for delivery in batch.deliveries]
            with pytest.raises(FenceLost):
                self.deliveries.record(batch, answers, now=NOW)
        if self.lost:
            assert statuses(self.database) == self.before

    def finish_the_work(self) -> None:
        """In the end everybody has an answer that stands, and the issue is finished."""
        self.before = statuses(self.database)
        self.editor_acts("resume")
        for sender in (0, 1):
            self.die_and_be_recovered(sender, repeatable=False)
            self.before = statuses(self.database)
        if self.state is not IssueState.CANCELLED:
            self.editor_acts("accept")
            self.readers_come(2, variants=2, batch_size=5)
        while batch := self.deliveries.claim(MONTH, self.alive[0], now=NOW):
            answers = [Receipt(delivery.id, Outcome.ACCEPTED) for delivery in batch.deliveries]
            assert self.accepted.isdisjoint(answer.delivery_id for answer in answers)
            self.deliveries.record(batch, answers, now=NOW)
            self.accepted |= {answer.delivery_id for answer in answers}
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
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_same_holds_on_postgresql(postgresql_server: PostgresqlServer) -> None:
    run_state_machine_as_test(
        partial(Senders, postgresql_server.empty),  # type: ignore[arg-type]
        settings=settings(TestSenders.settings, max_examples=8, stateful_step_count=25),
    )
