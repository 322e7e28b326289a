"""When each issue is due, and how it stands to its time at an instant. Pure: `now` is given.

An issue belongs to the period of its month and is due once in it: at its own `send_at`, or else
on the schedule's day. What has happened is the ledger's word and never the clock's, so a clock
that is set back or forward repeats nothing.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from newsletter.model.delivery import IssueState

_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

# What has begun is sent to its end even where the schedule allows less: half the list has it.
_GOES_ON_FOR: Final = timedelta(hours=24)
_PUNCTUAL: Final = timedelta(minutes=1)

# Whoever missed an issue longer ago than this has noticed.
_NEWS: Final = timedelta(days=31)


class Timing(StrEnum):
    """How an issue stands to its time."""

    UPCOMING = "upcoming"
    NEAR = "near"  # a provider takes it by now, to let it leave at its time
    DUE = "due"  # its time has come
    LATE = "late"  # past due within the allowed lateness: it is still sent
    MISSED = "missed"  # past that: a person decides
    DONE = "done"  # finished, cancelled or published elsewhere


@dataclass(frozen=True, slots=True)
class Schedule:
    """When issues are due: on `day` of their month at `time` in `timezone`.

    `day` is `1st tue` … `5th fri`, `last fri`, `1` … `31` or `last`; a month too short for it has
    its issue on the last such day. A time that a clock change leaves out comes as much later as
    the clock jumps; of one that comes twice the first counts (RFC 5545, 3.3.5).
    """

    day: str
    time: time
    timezone: ZoneInfo
    max_lateness: timedelta
    remind_before: timedelta
    window: timedelta = timedelta()  # for readers' own clocks, see `DueTime`

    def due_at(self, month: str) -> datetime:
        """When the issue of a month such as `2022-11` is due."""
        year, number = map(int, month.split("-"))
        on = date(year, number, _day_of_month(self.day, year, number))
        return datetime.combine(on, self.time, self.timezone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DueTime:
    """When an issue leaves: `at`, or with a `window` for each reader by their own clock.

    Who has a time zone gets it when their clock next shows what that of `timezone` shows at `at`,
    if it does so within the window; everybody else at `at`. So nobody gets it before it is due.
    """

    at: datetime
    timezone: ZoneInfo
    window: timedelta = timedelta()

    def for_reader(self, timezone: str) -> datetime:
        """When a reader in `timezone`, an IANA name or nothing, gets it."""
        if not timezone or not self.window:
            return self.at
        zone = ZoneInfo(timezone)
        wanted = self.at.astimezone(self.timezone).time()
        today = self.at.astimezone(zone).date()
        times = (
            datetime.combine(today + timedelta(days=days), wanted, zone).astimezone(UTC)
            for days in range(3)  # a clock that skips the hour, or a day, shows it on a later one
        )
        first = next(at for at in times if at >= self.at)
        return first if first - self.at <= self.window else self.at


@dataclass(frozen=True, slots=True)
class ScheduledIssue:
    """What the calendar must know of an issue: its own time, and how it stands.

    All of it `is_given_in` where nothing is left to send: it leaves by itself, or has left.
    """

    month: str
    state: IssueState
    send_at: datetime | None = None
    is_given_in: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One month on the calendar at one instant; without an issue (`is_there`) it is a draft."""

    month: str
    due_at: datetime
    timing: Timing
    state: IssueState
    is_there: bool

    @property
    def is_to_be_sent(self) -> bool:
        """Whether it is to be sent, or sent on, at this instant."""
        has_come = self.timing in {Timing.NEAR, Timing.DUE, Timing.LATE}
        return has_come and self.state in {IssueState.READY, IssueState.SENDING}

    def needs_reminder(self, now: datetime, remind_before: timedelta) -> bool:
        """Whether it is not ready although its time is near, or past and not yet missed."""
        is_open = self.timing not in {Timing.MISSED, Timing.DONE}
        return is_open and self.state is IssueState.DRAFT and now >= self.due_at - remind_before


def agenda(
    schedule: Schedule,
    issues: Iterable[ScheduledIssue],
    now: datetime,
    *,
    ahead: int = 6,
    head_start: timedelta = timedelta(),
) -> list[Entry]:
    """What is open or was missed lately, and the next `ahead` dates; the earliest first.

    A month for which nobody has made an issue is on it too, once the newsletter has begun. A
    provider takes messages by `head_start` before they are due.
    """
    there = {issue.month: issue for issue in issues}
    current = f"{now.astimezone(schedule.timezone):%Y-%m}"
    months = {*there, *(_shifted(current, by) for by in range(-1, ahead + 1))}
    entries = sorted(
        (_entry(schedule, month, there.get(month), now, head_start) for month in months),
        key=lambda entry: (entry.due_at, entry.month),
    )
    coming = [entry for entry in entries if entry.due_at > now]
    behind = [e for e in entries if e.due_at <= now and there and e.month >= min(there)]
    return [entry for entry in behind if _is_open(entry, now)] + coming[:ahead]


def _entry(
    schedule: Schedule,
    month: str,
    issue: ScheduledIssue | None,
    now: datetime,
    head_start: timedelta,
) -> Entry:
    state = issue.state if issue else IssueState.DRAFT
    due_at = issue.send_at if issue and issue.send_at else schedule.due_at(month)
    timing = _timing(schedule, state, now - due_at, head_start)
    if timing is Timing.MISSED and issue and issue.is_given_in:
        timing = Timing.LATE  # it is only to be told of
    if timing is Timing.MISSED:
        state = IssueState.MISSED
    return Entry(month, due_at, timing, state, issue is not None)


def _timing(
    schedule: Schedule, state: IssueState, late_by: timedelta, head_start: timedelta
) -> Timing:
    if state.is_over:
        return Timing.DONE
    if late_by < timedelta(0):
        return Timing.NEAR if -late_by <= head_start else Timing.UPCOMING
    if late_by < _PUNCTUAL:
        return Timing.DUE
    allowed = schedule.max_lateness
    if state is IssueState.SENDING:
        allowed = max(allowed, _GOES_ON_FOR) + schedule.window
    is_late = late_by <= allowed or state is IssueState.PAUSED  # which waits for a person anyhow
    return Timing.LATE if is_late else Timing.MISSED


def _is_open(entry: Entry, now: datetime) -> bool:
    if entry.timing is Timing.MISSED:
        return now - entry.due_at <= _NEWS
    return entry.timing is not Timing.DONE


def _day_of_month(day: str, year: int, month: int) -> int:
    first_weekday, length = monthrange(year, month)
    which, _, weekday = day.partition(" ")
    if not weekday:
        return length if which == "last" else min(int(which), length)
    first = 1 + (_WEEKDAYS.index(weekday) - first_weekday) % 7
    last = first + (length - first) // 7 * 7
    return last if which == "last" else min(first + (int(which[0]) - 1) * 7, last)


def _shifted(month: str, by: int) -> str:
    year, number = map(int, month.split("-"))
    years, index = divmod(number - 1 + by, 12)
    return f"{year + years:04d}-{index + 1:02d}"
