"""What goes wrong for everybody at once: nobody is written off by it, and nobody gets two."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event, Timer

import pytest

from newsletter.dispatch.dispatcher import Manners, StopReason
from newsletter.errors import EverybodyRefused, LedgerError, TransportError
from newsletter.model.delivery import DeliveryStatus as Status
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Message
from newsletter.transports.base import Appointment, Commit, Note, Throttled

from .sender import NOW, PATIENCE, Carrier, Sender

ACCEPTED, REFUSED, RETRY = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.RETRY
BLOCKED = "554 5.7.1 <{}@reader.example> your account is blocked"
EAGER = Manners(patience=PATIENCE, linger=timedelta())
BY_THE_CLOCK = Manners(linger=timedelta(), is_asked_for=False)


class Throttling(Carrier):
    """Asks everybody to wait at some of the messages, before it takes them."""

    def __init__(self, throttled_at: Iterable[int], *, seconds: float) -> None:
        super().__init__(lambda _: ACCEPTED)
        self._throttled_at = set(throttled_at)
        self._wait = timedelta(seconds=seconds)
        self.asked = Event()

    def send(
        self,
        messages: Iterable[Message],
        commit: Commit | None = None,
        appointment: Appointment | None = None,
        note: Note | None = None,
    ) -> Iterator[Receipt]:
        for message in messages:
            if len(self.given) in self._throttled_at:
                self._throttled_at.remove(len(self.given))
                self.asked.set()
                raise Throttled("429 too many requests", self._wait)
            yield from super().send([message], commit, appointment, note)


def after(accepted: int, then: Outcome) -> Callable[[str], Outcome]:
    """So many are accepted; what is said of the others."""
    numbers = count()
    return lambda _: ACCEPTED if next(numbers) < accepted else then


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_evidence_against_us_writes_nobody_off_however_the_batches_fall(
    sender: Sender, batch_size: int
) -> None:
    sender.promise(30, batch_size=batch_size)
    carrier = Carrier(lambda _: REFUSED, words=BLOCKED)
    with pytest.raises(EverybodyRefused, match="account is blocked"):
        sender.send(carrier)
    assert len(carrier.given) == 20
    assert sender.counts() == {Status.PLANNED: 30}


def test_a_list_too_short_for_much_evidence_is_told_why_nobody_got_it(sender: Sender) -> None:
    sender.promise(3)
    with pytest.raises(EverybodyRefused, match="account is blocked"):
        sender.send(Carrier(lambda _: REFUSED, words=BLOCKED))
    assert sender.counts() == {Status.PLANNED: 3}


def test_an_account_that_is_blocked_in_mid_list_burns_none_of_it(sender: Sender) -> None:
    sender.promise(300, batch_size=50)
    with pytest.raises(EverybodyRefused, match="account is blocked"):
        sender.send(Carrier(after(5, REFUSED), words=BLOCKED))
    assert sender.counts() == {Status.ACCEPTED: 5, Status.PLANNED: 295}


def test_a_policy_of_some_readers_own_servers_is_theirs(sender: Sender) -> None:
    sender.promise(30)
    numbers = count()
    answer = Carrier(lambda _: REFUSED if next(numbers) % 3 else ACCEPTED, words=BLOCKED)
    assert sender.send(answer).stopped_because is StopReason.NOTHING_LEFT
    assert sender.counts() == {Status.ACCEPTED: 10, Status.REFUSED: 20}


def test_a_provider_that_takes_nobody_at_present_ends_the_send(sender: Sender) -> None:
    sender.promise(40, batch_size=2)
    carrier = Carrier(lambda _: RETRY, words="451 4.3.0 try later")
    with pytest.raises(TransportError, match="nobody is taken at present: 451"):
        sender.send(carrier)
    assert len(carrier.given) < 40
    assert sender.counts() == {Status.PLANNED: 40}


def test_a_clock_that_sends_every_minute_wears_out_nobodys_patience(sender: Sender) -> None:
    """Greylisting, or a full disk of the provider's, may last: two hours cost nobody the issue."""
    sender.promise(5)
    ends = NOW + timedelta(hours=2)
    carrier = Carrier(lambda _: RETRY if now < ends else ACCEPTED, words="450 4.2.0 greylisted")
    for minutes in range(0, 4 * 60, 4):
        now = NOW + timedelta(minutes=minutes)
        sender.send(carrier, now=now, manners=BY_THE_CLOCK)
    assert sender.counts() == {Status.ACCEPTED: 5}


def test_what_a_wrong_clock_has_wait_for_years_is_tried_again_by_the_right_one(
    sender: Sender,
) -> None:
    sender.promise(5)
    sender.send(Carrier(lambda _: RETRY), now=NOW + timedelta(days=4000), manners=BY_THE_CLOCK)
    sender.send(Carrier(lambda _: ACCEPTED), now=NOW, manners=BY_THE_CLOCK)
    assert sender.counts() == {Status.ACCEPTED: 5}


def test_a_rate_limit_is_waited_for_and_costs_nobody_an_attempt(sender: Sender) -> None:
    ids = sender.promise(30, batch_size=10)
    carrier = Throttling(range(0, 30, 2), seconds=0.01)
    report = sender.send(carrier, manners=EAGER)
    assert report.stopped_because is StopReason.NOTHING_LEFT
    assert sorted(carrier.given) == sorted(ids)
    assert sender.counts() == {Status.ACCEPTED: 30}


def test_a_stop_is_heard_while_a_rate_limit_is_waited_for(sender: Sender) -> None:
    sender.promise(10)
    carrier = Throttling([4], seconds=100)
    report = sender.send(carrier, stop=carrier.asked)
    assert (report.accepted, report.stopped_because) == (4, StopReason.ASKED)
    assert sender.counts() == {Status.ACCEPTED: 4, Status.PLANNED: 6}


def test_a_rate_limit_that_lasts_too_long_ends_the_send_and_says_so(sender: Sender) -> None:
    sender.promise(10)
    with pytest.raises(TransportError, match="429 too many requests"):
        sender.send(Throttling([4], seconds=3600))
    assert sender.counts() == {Status.ACCEPTED: 4, Status.PLANNED: 6}


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_jumps_repeats_nobody_and_holds_nobody_up(sender: Sender, hours: int) -> None:
    ids = sender.promise(60, batch_size=10)
    jump = timedelta()

    def answer(_: str) -> Outcome:
        nonlocal jump
        if len(carrier.given) == 25:
            jump = timedelta(hours=hours)
        return ACCEPTED

    carrier = Carrier(answer)
    manners = Manners(per_second=200, patience=PATIENCE, linger=timedelta())
    sender.send(carrier, manners=manners, clock=lambda: datetime.now(UTC) + jump)
    assert sorted(carrier.given) == sorted(ids)
    assert sender.counts() == {Status.ACCEPTED: 60}


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Sender]:
    made = Sender(tmp_path, "sqlite:///newsletter.db?timeout=0.5")
    yield made
    made.database.close()


def test_a_database_that_another_program_locks_for_a_while_is_waited_for(
    sender: Sender, tmp_path: Path
) -> None:
    sender.promise(5)
    with closing(sqlite3.connect(tmp_path / "newsletter.db", check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = Timer(0.3, other.rollback)
        release.start()
        sender.send(Carrier(lambda _: ACCEPTED))
        release.join()
    assert sender.counts() == {Status.ACCEPTED: 5}


def test_a_database_that_stays_locked_is_named_and_nobody_is_in_doubt(
    impatient: Sender, tmp_path: Path
) -> None:
    """The answers of one batch cannot be kept: the next `send` finds them in this one's notes."""
    ids = impatient.promise(20, batch_size=10)
    with closing(sqlite3.connect(tmp_path / "newsletter.db", check_same_thread=False)) as other:

        def answer(_: str) -> Outcome:
            if len(carrier.given) == 14:
                other.execute("BEGIN IMMEDIATE")
            return ACCEPTED

        carrier = Carrier(answer)
        with pytest.raises(LedgerError, match=r"newsletter\.db: the database is busy"):
            impatient.send(carrier)
        other.rollback()
    impatient.send(carrier)
    assert sorted(carrier.given) == sorted(ids)
    assert impatient.counts() == {Status.ACCEPTED: 20}
