"""Whatever happens to senders and provider, in whatever order: nobody twice, nobody forgotten.

The real dispatcher and ledger meet a provider that keeps its own account of what it has taken, so
that what the ledger believes can be held against what happened.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from threading import Event
from typing import Final
from uuid import NAMESPACE_DNS, uuid5

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from newsletter.dispatch.dispatcher import dispatch
from newsletter.dispatch.pacing import Manners, Patience
from newsletter.errors import TransportError
from newsletter.feedback import Feedback
from newsletter.ledger.database import Database
from newsletter.ledger.ledger import Ledger
from newsletter.ledger.tables import deliveries as table
from newsletter.model.delivery import (
    PENDING,
    SENT,
    TRANSITIONS,
    Delivery,
    DeliveryStatus,
    IssueState,
    Outcome,
    PlannedDelivery,
)
from newsletter.model.feedback import DeliveryEvent, EventKind
from newsletter.model.message import Address, Message, Personalisation
from newsletter.model.subscriber import SubscriberRow, SuppressionReason
from tests.fakes.postgresql_server import PostgresqlServer

from .provider import Act, Broken, Killed, Kind, Life, MortalDatabase, Provider
from .sender import MONTH, NOW, RENDERED, encode

S, K = DeliveryStatus, EventKind
IN_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - quick: nothing here is about power cuts
MANNERS: Final = Manners(
    patience=Patience(first=timedelta(minutes=10), attempts=3), linger=timedelta()
)
OPEN: Final = {*PENDING, S.UNCERTAIN}
ACTS: Final = st.lists(st.sampled_from([*Act, *[Act.ACCEPT] * 6]), min_size=1, max_size=6)
UNMAILABLE: Final = {K.HARD_BOUNCE, K.COMPLAINT, K.UNSUBSCRIBED}


def _reachable(status: DeliveryStatus) -> frozenset[DeliveryStatus]:
    """Where a delivery may stand after any number of arrows."""
    found = {status}
    while more := {s for one in found for s in TRANSITIONS.get(one, ())} - found:
        found |= more
    return frozenset(found)


REACHABLE: Final = {status: _reachable(status) for status in S}


class Sending(RuleBasedStateMachine):
    """Senders who die, a provider, an editor, readers who come and go, and news of it all."""

    def __init__(self, empty: Callable[[], str] | None = None) -> None:
        super().__init__()
        self.folder = TemporaryDirectory(dir=IN_MEMORY if IN_MEMORY.is_dir() else None)
        base = Path(self.folder.name)
        copyfile(EMPTY, base / "newsletter.db")
        url = empty() if empty else "sqlite:///newsletter.db"
        self.database = MortalDatabase.open(url, base=base)
        self.ledger = Ledger.of(self.database)
        self.feedback = Feedback(self.ledger, soft_bounces=1)
        self.readers: dict[str, str] = {}  # delivery -> address
        self.unmailable: set[str] = set()  # deliveries of those who left
        self.before: dict[str, DeliveryStatus] = {}
        self.doubtful: set[str] = set()  # deliveries whose answer may have been lost
        self.vouched: set[str] = set()  # that an editor says have come through
        self.excused: set[str] = set()  # that an editor had sent again though they had

    @initialize(kind=st.sampled_from(Kind), number=st.integers(1, 9))
    def begin(self, kind: Kind, number: int) -> None:
        self.provider = Provider(kind)
        self.ledger.deliveries.freeze(MONTH, digests={}, content="", now=NOW)
        self.readers_come(number, batch_size=3)

    def teardown(self) -> None:
        if self.readers:
            self.finish_the_work()
        self.database.close()
        self.folder.cleanup()

    # Readers

    @rule(number=st.integers(1, 4), batch_size=st.integers(1, 4))
    def readers_come(self, number: int, batch_size: int) -> None:
        if self.state is IssueState.CANCELLED:
            return
        start = len(self.readers)
        emails = [f"reader{start + n}@clinic.example" for n in range(number)]
        rows = [SubscriberRow(email, email) for email in emails]
        people = self.ledger.subscribers
        # Ids grow with time, so that nothing here is left to chance.
        people.import_rows(rows, now=NOW + timedelta(seconds=start), is_erased=None)
        planned = []
        for email in emails:
            person = people.find(email)
            assert person
            delivery = str(uuid5(NAMESPACE_DNS, email))
            self.readers[delivery] = email
            planned.append(PlannedDelivery(delivery, person.id, "en-all"))
        self.ledger.deliveries.plan(MONTH, planned, now=NOW, batch_size=batch_size)

    @rule(which=st.integers(0), way=st.sampled_from(["unsubscribe", "be suppressed", "be erased"]))
    def reader_leaves(self, which: int, way: str) -> None:
        delivery, email = list(self.readers.items())[which % len(self.readers)]
        self.unmailable.add(delivery)
        people = self.ledger.subscribers
        match way:
            case "unsubscribe":
                people.unsubscribe(email, "link", now=NOW)
            case "be suppressed":
                people.suppress(email, SuppressionReason.MANUAL, "command", now=NOW)
            case _:
                people.erase(email, f"digest of {email.partition('@')[0]}", now=NOW)

    # Senders

    @rule(number=st.integers(2, 5), acts=ACTS, steps=st.integers(5, 40), recalls=st.booleans())
    def send_and_be_killed(
        self, number: int, acts: Sequence[Act], steps: int, *, recalls: bool
    ) -> None:
        self.readers_come(number, batch_size=5)
        self.send(acts, steps, None, recalls=recalls)

    @rule(acts=ACTS, limit=st.none() | st.integers(1, 4), recalls=st.booleans())
    def send_on(self, acts: Sequence[Act], limit: int | None, *, recalls: bool) -> None:
        self.send(acts, None, limit, recalls=recalls)

    def send(
        self, acts: Sequence[Act], steps: int | None, limit: int | None, *, recalls: bool
    ) -> None:
        halted = self.state is not IssueState.SENDING
        unmailable = set(self.unmailable)
        self.provider.begin(acts, life := Life(steps), recalls=recalls)
        self.database.life = life
        is_killed = is_broken = False
        try:
            with suppress(TransportError):
                dispatch(
                    MONTH,
                    self.ledger,
                    self.provider,
                    self.write,
                    Manners(limit, None, MANNERS.patience, MANNERS.linger),
                    progress=lambda _: None,
                    stop=Event(),
                    clock=lambda: NOW,
                )
        except Killed:
            is_killed = True
        except Broken:
            is_broken = True
        finally:
            self.database.life = self.provider.life = Life(None)
        given = [message.personalisation.delivery_id for message in self.provider.given]
        assert unmailable.isdisjoint(given)
        assert not (halted and given)
        sending = {key for key, status in self.statuses().items() if status is S.SENDING}
        assert is_killed or not sending
        silent = {Act.FALL_SILENT, Act.TAKE_AND_FALL_SILENT}
        self.doubtful |= sending
        if is_killed or is_broken or silent.intersection(acts):
            self.doubtful.update(given)

    def write(
        self, variant_id: str, deliveries: Sequence[Delivery], _: datetime | None
    ) -> list[Message]:
        assert variant_id == "en-all"
        return [
            Message(RENDERED, Personalisation(each.id, Address(each.email), "", "", ""), encode)
            for each in deliveries
        ]

    @rule()
    def time_passes(self) -> None:
        self.provider.let_go()

    # News

    @rule(
        told=st.lists(
            st.tuples(st.integers(0), st.sampled_from(K), st.integers(0, 3)),
            min_size=1,
            max_size=5,
        )
    )
    def news_comes(self, told: Sequence[tuple[int, EventKind, int]]) -> None:
        """Of messages that the provider has; of those that it may still give back, only that."""
        taken = [key for key in self.readers if self.provider.copies(key)]
        if not taken:
            return
        events = []
        for which, kind, after in told:
            key = taken[which % len(taken)]
            said = kind if self.provider.left[key] else K.ACCEPTED
            events.append(DeliveryEvent(key, said, NOW + timedelta(seconds=after), "550 said"))
        before = self.statuses()
        counts = self.feedback.take(events, source="provider", now=NOW)
        assert counts.unknown == 0
        after_ = self.statuses()
        news = {event.delivery_id: set[EventKind]() for event in events}
        for event in events:
            news[event.delivery_id].add(event.kind)
        for key, status in before.items():
            assert after_[key] is status or (key in news and after_[key] in REACHABLE[status])
        for key, kinds in news.items():
            assert not (before[key] is S.UNCERTAIN and after_[key] is S.UNCERTAIN) or kinds == {
                K.UNSUBSCRIBED
            }
            if kinds & (UNMAILABLE | {K.SOFT_BOUNCE}):
                self.unmailable.add(key)
        again = self.feedback.take(events, source="provider", now=NOW)
        assert (again.taken, again.suppressed, again.unsubscribed) == (0, 0, 0)
        assert self.statuses() == after_

    # The editor

    @rule(act=st.sampled_from(["pause", "resume", "resume", "accept", "retry", "cancel"]))
    def editor_acts(self, act: str) -> None:
        deliveries, state = self.ledger.deliveries, self.state
        uncertain = {key for key, status in self.statuses().items() if status is S.UNCERTAIN}
        if act in {"pause", "resume"} and state in {IssueState.SENDING, IssueState.PAUSED}:
            wanted = IssueState.PAUSED if act == "pause" else IssueState.SENDING
            deliveries.set_state(MONTH, wanted, now=NOW)
        elif act == "accept":
            deliveries.resolve(MONTH, Outcome.ACCEPTED, now=NOW)
            self.vouched |= uncertain
        elif act == "retry" and state is not IssueState.CANCELLED:
            deliveries.resolve(MONTH, Outcome.RETRY, now=NOW)
            self.excused |= {key for key in uncertain if self.provider.copies(key)}
        elif act == "cancel" and len(self.readers) > 6 and state is not IssueState.FINISHED:
            deliveries.cancel(MONTH, now=NOW)

    # What always holds

    @invariant()
    def all_is_in_order(self) -> None:
        if not self.readers:
            return
        after = self.statuses()
        assert after.keys() == self.readers.keys()
        for key, status in self.before.items():
            assert after[key] in REACHABLE[status]
        for key, status in after.items():
            copies = self.provider.copies(key)
            assert copies <= 1 or key in self.excused
            if status in SENT - {S.UNCERTAIN}:
                assert copies or key in self.vouched
            if status is S.UNCERTAIN:
                assert key in self.doubtful
            if status is S.FAILED:
                assert self.provider.put_off[key] >= MANNERS.patience.attempts
            if status is S.REFUSED:
                assert key in self.provider.refused
            if status is S.SKIPPED:
                assert key in self.unmailable
            if status in {S.REFUSED, S.FAILED, S.SKIPPED, S.CANCELLED}:
                # Where the same again does no harm, nobody asks whether it was there before.
                is_harmless = self.provider.kind is Kind.SAME
                assert not copies or key in self.excused or is_harmless
        reasons = self.reasons()
        assert all(reasons[key] for key, status in after.items() if status is S.UNCERTAIN)
        self.before = after

    def finish_the_work(self) -> None:
        """In the end everybody has it once, or there is a reason why not."""
        self.editor_acts("resume")
        for _ in range(4):
            self.send([Act.ACCEPT], None, None, recalls=True)
            self.all_is_in_order()
            self.editor_acts("accept")
        self.provider.let_go()
        self.all_is_in_order()
        final = self.statuses()
        assert not OPEN.intersection(final.values())
        for key, status in final.items():
            got_it = bool(self.provider.left[key])
            assert got_it or key in self.vouched or status not in SENT
            if status is S.CANCELLED:
                assert self.state is IssueState.CANCELLED
        assert self.ledger.deliveries.finish_if_done(MONTH, now=NOW) or (
            self.state is IssueState.CANCELLED
        )

    @property
    def state(self) -> IssueState | None:
        return self.ledger.deliveries.state(MONTH)

    def statuses(self) -> dict[str, DeliveryStatus]:
        with self.database.read() as connection:
            return dict(connection.execute(select(table.c.id, table.c.status)).all())

    def reasons(self) -> dict[str, str]:
        with self.database.read() as connection:
            return dict(connection.execute(select(table.c.id, table.c.reason)).all())


def _empty_database() -> Path:
    folder = TemporaryDirectory()
    _FOLDERS.append(folder)
    Database.open("sqlite:///newsletter.db", base=Path(folder.name)).close()
    return Path(folder.name) / "newsletter.db"


_FOLDERS: Final[list[TemporaryDirectory[str]]] = []
EMPTY: Final = _empty_database()
TestSending = Sending.TestCase
TestSending.settings = settings(
    max_examples=80,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_the_same_holds_on_postgresql(postgresql_server: PostgresqlServer) -> None:
    run_state_machine_as_test(
        partial(Sending, postgresql_server.empty),  # type: ignore[arg-type]
        settings=settings(TestSending.settings, max_examples=6, stateful_step_count=15),
    )
