"""The schedule rehearsed: the real machine under a clock of its own, on copies, into nowhere.

The scheduler, the pipeline and the alerts are those of `newsletter run`. Only the clock, the
database, the archive and the way out are others, and those are gone afterwards.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from secrets import token_hex
from shutil import copytree
from tempfile import TemporaryDirectory
from threading import Event
from typing import Final

from newsletter.backups import copy_ledger, has_ledger
from newsletter.calendar import Entry, Timing
from newsletter.control import Standing
from newsletter.errors import ConfigError
from newsletter.logs import Fact, overhear
from newsletter.model.delivery import IssueState, Outcome, Receipt
from newsletter.model.message import Message
from newsletter.render.letters import LETTERS
from newsletter.scheduler import Scheduler, Workshop
from newsletter.secrets import Secrets
from newsletter.settings import Config, DatabaseSettings
from newsletter.transports.base import Appointment, Commit, Note
from newsletter.wiring import check_way_out, head_start, messages_per_second, open_workshop

_MINUTE: Final = timedelta(minutes=1)
_A_DAY: Final = timedelta(days=1)  # after which what was begun is given up, whatever is allowed


class What(StrEnum):
    """What may happen to an issue."""

    READY = "ready"
    NOT_READY = "not ready"
    AHEAD = "ahead"
    DUE = "due"
    LATE = "late"
    PAUSED = "paused"
    RENDER = "render"
    DISPATCH = "dispatch"
    ARCHIVE = "archive"
    EMAIL = "email"
    FINISHED = "finished"
    MONITOR = "monitor"
    HELD_UP = "held up"
    MISSED = "missed"


_BEGINNINGS: Final = {
    Timing.NEAR: What.AHEAD,
    Timing.DUE: What.DUE,
    Timing.LATE: What.LATE,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happens to an issue, in a few words."""

    at: datetime
    month: str
    what: What
    words: str


@dataclass(slots=True)
class _Clock:
    """Says what it is told to."""

    now: datetime


class _Void:
    """A way out that takes every message, whole, and keeps none but the letters' addresses."""

    parallel: Final = 1
    in_hand: Final = 1000
    needs_notes: Final = False

    def __init__(self, name: str, head_start: timedelta) -> None:
        self.name = name
        self.head_start = head_start
        self.letters: list[tuple[str, str]] = []  # whom they are for, and their subjects

    def send(
        self,
        messages: Iterable[Message],
        commit: Commit | None = None,
        appointment: Appointment | None = None,
        note: Note | None = None,  # noqa: ARG002 - nobody is killed on a stage
    ) -> Iterator[Receipt]:
        """Accept each message once it is written."""
        if commit and appointment:
            commit(appointment.shared or "rehearsal")
        for message in messages:
            message.to_bytes()
            reader = message.personalisation
            if message.variant.variant.month == LETTERS:
                self.letters.append((reader.recipient.email, message.variant.subject))
            yield Receipt(reader.delivery_id, Outcome.ACCEPTED)

    def can_repeat(self, provider_batch_id: str | None) -> bool:  # noqa: ARG002 - there is none
        """Whoever had something in hand before knows; this one does not."""
        return False

    def hurry(self) -> None:
        """Nobody is waited for."""

    def close(self) -> None:
        """Nothing is held open."""


class Rehearsal:
    """One newsletter on a stage, and what happened there so far."""

    def __init__(self, config: Config, workshop: Workshop, clock: _Clock, void: _Void) -> None:
        self.happenings: list[Happening] = []
        self._config = config
        self._workshop = workshop
        self._clock = clock
        self._void = void
        self._scheduler = Scheduler(lambda: nullcontext(workshop), Event(), lambda: clock.now)
        self._announced: set[tuple[str, What]] = set()

    def due_at(self, month: str) -> datetime:
        """When the month's issue is due. Raises IssueError where its folder cannot be read."""
        desk = self._workshop.pipeline.desk
        send_at = desk.reading(month).send_at if month in desk.months() else None
        return send_at or self._workshop.timetable.schedule.due_at(month)

    def standing(self, month: str) -> Standing | None:
        """How the issue stands on the stage; nothing where nobody has begun it."""
        pipeline = self._workshop.pipeline
        return pipeline.standing(month) if month in pipeline.desk.months() else None

    def coming(self, now: datetime, number: int) -> list[Entry]:
        """The next dates."""
        entries = self._workshop.timetable.entries(now, ahead=number)
        return [entry for entry in entries if entry.due_at > now]

    def play(self, due: Mapping[str, datetime], awake_at: datetime | None = None) -> None:
        """Let the scheduler live from `awake_at` until these months' issues are through.

        By default it is awake in time for the first reminder.
        """
        schedule = self._workshop.timetable.schedule
        over = max(schedule.max_lateness, _A_DAY) + 2 * _MINUTE
        moments = {
            at + offset
            for at in due.values()
            for offset in (
                -schedule.remind_before,
                timedelta(0),
                schedule.max_lateness + _MINUTE,
                over,
            )
        }
        begins_at, ends_at = awake_at or min(moments), max(moments)
        waiting = {begins_at, *(at for at in moments if at > begins_at)}
        while waiting:
            now = min(waiting)
            waiting.remove(now)
            known = len(self.happenings)
            next_at = self._tick(now, due.keys())
            if len(self.happenings) > known:
                waiting.add(now + _MINUTE)
            if next_at <= ends_at:
                waiting.add(next_at)

    def hear(self, name: str, facts: Mapping[str, Fact]) -> None:
        """Take down what an event tells."""
        match name:
            case "alert.sent":
                self._note_letters(str(facts["month"]))
            case "issue.frozen":
                self._note(facts, What.RENDER, "frozen as it is now: all its readers get the same")
            case "send.ended":
                if outcome := self._outcome(facts):
                    self._note(facts, What.DISPATCH, outcome)
            case "archive.published":
                address = self._config.newsletter.issue_url(str(facts["month"]))
                self._note(facts, What.ARCHIVE, f"published: {address}")
            case "schedule.held_up":
                self._note(facts, What.HELD_UP, f"{facts['reason']}; it is tried again")

    def _tick(self, now: datetime, months: Iterable[str]) -> datetime:
        self._clock.now = now
        for entry in self._workshop.timetable.entries(now):
            self._announce(entry, now)
        next_at = self._scheduler.tick()
        for month in months:
            self._look_for_end(month)
        return next_at

    def _announce(self, entry: Entry, now: datetime) -> None:
        """What is to be said of an issue before the scheduler turns to it."""
        month, outlook = entry.month, self._workshop.timetable.outlook
        is_near = now >= entry.due_at - self._workshop.timetable.schedule.remind_before
        if entry.is_to_be_sent:
            self._announce_sending(entry)
        elif entry.timing is Timing.MISSED:
            missing = outlook(entry).missing or (f"to send it then: newsletter send {month}",)
            self._once(month, What.MISSED, "; ".join(missing))
        elif entry.state is IssueState.PAUSED and entry.timing is not Timing.UPCOMING:
            self._once(month, What.PAUSED, f"to let it go on: newsletter resume {month}")
        elif is_near and entry.state is IssueState.DRAFT:
            self._once(month, What.NOT_READY, "; ".join(outlook(entry).missing))
        elif is_near and entry.state is IssueState.READY:
            self._once(month, What.READY, "; ".join(outlook(entry).missing) or "nothing is missing")

    def _announce_sending(self, entry: Entry) -> None:
        month, pipeline = entry.month, self._workshop.pipeline
        if not self._announced.isdisjoint((month, what) for what in _BEGINNINGS.values()):
            return
        issue = pipeline.desk.read(month)
        readers = _number(pipeline.outstanding(issue), "reader")
        variants = _number(len(pipeline.plan(issue).variants), "variant")
        goes = "is given in" if entry.timing is Timing.NEAR else "leaves"
        what = _BEGINNINGS[entry.timing]
        self._once(month, what, f'"{issue.subject}" {goes} for {readers}, in {variants}')

    def _look_for_end(self, month: str) -> None:
        standing = self.standing(month)
        if standing is None or standing.finished_at != self._clock.now:
            return
        counts = ", ".join(f"{number:,} {status}" for status, number in standing.counts.items())
        if self._once(month, What.FINISHED, counts) and self._config.alerts.heartbeat_url:
            self._once(month, What.MONITOR, f"asked: {self._config.alerts.heartbeat_url}")

    def _outcome(self, facts: Mapping[str, Fact]) -> str:
        outcomes = ("accepted", "refused", "retried", "uncertain")
        counts = {word: int(str(facts[word])) for word in outcomes}
        words = ", ".join(f"{number:,} {word}" for word, number in counts.items() if number)
        rate = messages_per_second(self._config)
        if not rate or not words:
            return words
        minutes = _number(max(1, round(sum(counts.values()) / rate / 60)), "minute")
        return f"{words}; at {rate:g} a second it takes about {minutes}"

    def _note_letters(self, month: str) -> None:
        for to, subject in self._void.letters:
            self._note({"month": month}, What.EMAIL, f'to {to}: "{subject}"')
        self._void.letters.clear()

    def _once(self, month: str, what: What, words: str) -> bool:
        is_new = (month, what) not in self._announced
        if is_new:
            self._announced.add((month, what))
            self._note({"month": month}, what, words)
        return is_new

    def _note(self, facts: Mapping[str, Fact], what: What, words: str) -> None:
        self.happenings.append(Happening(self._clock.now, str(facts["month"]), what, words))


@contextmanager
def open_rehearsal(config: Config, now: datetime) -> Iterator[Rehearsal]:
    """A stage with a copy of what there is. Raises NewsletterError where that cannot be read."""
    with TemporaryDirectory(prefix="newsletter-rehearsal-") as folder:
        staged, clock = _staged(config, Path(folder)), _Clock(now)
        void = _Void(config.transport.use, head_start(config))
        with open_workshop(staged, lambda: clock.now, void) as workshop:
            rehearsal = Rehearsal(config, workshop, clock, void)
            with overhear(rehearsal.hear):
                yield rehearsal


def obstacle(config: Config) -> str:
    """What would keep the real scheduler from sending anything from here, or nothing."""
    try:
        check_way_out(config)
    except ConfigError as error:
        return str(error)
    return ""


def _staged(config: Config, folder: Path) -> Config:
    """The settings with copies of what is written to, and nobody to be asked anything."""
    database, archive = folder / "newsletter.db", folder / "archive"
    if has_ledger(config):
        copy_ledger(config, database)
    if config.paths.archive.is_dir():
        copytree(config.paths.archive, archive, symlinks=True)
    return replace(
        config,
        database=DatabaseSettings(f"sqlite:///{database}"),
        paths=replace(config.paths, archive=archive),
        alerts=replace(config.alerts, heartbeat_url=None),
        # The links in messages that nobody keeps may be signed with anything.
        secrets=Secrets({"NEWSLETTER_SECRET_KEY": token_hex(16)}),
    )


def _number(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"
