"""The alarm clock rings at the start, at the moment that a tick names, and every minute."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat

import pytest
import time_machine
from apscheduler.events import EVENT_JOB_EXECUTED
from apscheduler.schedulers.background import BackgroundScheduler

from newsletter import alarm
from newsletter.alarm import ringing
from newsletter.errors import LedgerError, NewsletterError

DUE = datetime(2022, 11, 1, 13, tzinfo=UTC)
SECOND, HOUR, YEAR = timedelta(seconds=1), timedelta(hours=1), timedelta(days=365)
PATIENCE = 60.0


class Bell:
    """A tick that names these moments in turn, a year later in the end, and when it was rung."""

    def __init__(self, *names: datetime | NewsletterError) -> None:
        self._names = chain(names, repeat(DUE + YEAR))
        self._rung = threading.Condition()
        self.at: list[datetime] = []
        self.reported: list[NewsletterError] = []

    def ring(self) -> datetime:
        with self._rung:
            self.at.append(datetime.now(UTC))
            self._rung.notify_all()
        name = next(self._names)
        if isinstance(name, NewsletterError):
            raise name
        return name

    def await_rings(self, number: int) -> None:
        with self._rung:
            assert self._rung.wait_for(lambda: len(self.at) >= number, PATIENCE)


class Jump:
    """Moves the time, and wakes the alarm clock, which sleeps by another."""

    def __init__(self) -> None:
        self.sleeper: BackgroundScheduler = None
        self._ended = threading.Semaphore(0)  # of the rings

    def hold(self, scheduler: BackgroundScheduler) -> None:
        self.sleeper = scheduler
        scheduler.add_listener(lambda _: self._ended.release(), EVENT_JOB_EXECUTED)

    def await_end(self) -> None:
        assert self._ended.acquire(timeout=PATIENCE)

    def to(self, at: datetime, now: time_machine.Traveller) -> None:
        now.move_to(at)
        self.sleeper.wakeup()


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Jump:
    jump = Jump()

    class Kept(BackgroundScheduler):  # type: ignore[misc]
        def __init__(self, **settings: object) -> None:
            super().__init__(**settings)
            jump.hold(self)

    monkeypatch.setattr(alarm, "BackgroundScheduler", Kept)
    return jump


@contextmanager
def set_for(bell: Bell) -> Iterator[None]:
    with ringing(bell.ring, bell.reported.append):
        bell.await_rings(1)
        yield


def test_it_rings_at_the_start_and_at_the_moment_that_is_named() -> None:
    bell = Bell(DUE)
    with time_machine.travel(DUE - SECOND), set_for(bell):
        bell.await_rings(2)
    assert bell.at[0] < DUE <= bell.at[1]


def test_a_moment_that_came_during_a_tick_is_rung_for_at_once() -> None:
    bell = Bell(DUE)
    with time_machine.travel(DUE + SECOND), set_for(bell):
        bell.await_rings(2)
    assert bell.at[1] < DUE + 50 * SECOND


def test_it_rings_every_minute_whatever_is_wrong(jump: Jump) -> None:
    trouble = LedgerError("the database is gone")
    bell = Bell(trouble, trouble)
    with time_machine.travel(DUE) as now, set_for(bell):
        for minute in (1, 2):
            jump.await_end()
            jump.to(DUE + minute * 60 * SECOND, now)
            bell.await_rings(minute + 1)
    assert bell.reported == [trouble, trouble]


def test_after_a_sleep_or_a_jump_it_rings_within_two_minutes(jump: Jump) -> None:
    bell = Bell(DUE)
    with time_machine.travel(DUE - HOUR) as now, set_for(bell):
        jump.await_end()
        for minute in range(3):
            jump.to(DUE + 3 * HOUR + minute * 60 * SECOND, now)
        bell.await_rings(2)
    assert bell.at[1] <= DUE + 3 * HOUR + 125 * SECOND


def test_told_to_end_in_the_middle_of_a_tick_it_waits_for_that_and_ends() -> None:
    """It adds its next ring while the alarm clock is being put away."""
    begun, may_end = threading.Event(), threading.Event()
    rings = []

    def tick() -> datetime:
        begun.set()
        assert may_end.wait(PATIENCE)
        rings.append(datetime.now(UTC))
        return DUE

    def live() -> None:
        with ringing(tick, lambda _: None):
            assert begun.wait(PATIENCE)
            threading.Timer(0.2, may_end.set).start()

    life = threading.Thread(target=live, daemon=True)
    life.start()
    life.join(PATIENCE)
    assert not life.is_alive()
    assert len(rings) == 1
