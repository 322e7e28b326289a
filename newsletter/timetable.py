"""The calendar of one newsletter: its schedule, its issues as they stand, and what they lack."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from newsletter.calendar import DueTime, Entry, Schedule, ScheduledIssue, agenda
from newsletter.model.delivery import IssueState
from newsletter.model.issue import IssueStatus
from newsletter.model.problem import Severity
from newsletter.pipeline import Pipeline

_OVER: Final = timedelta(days=75)  # an issue is over by then, however it ended


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a date will bring: `subject` and `recipients` of an issue that would leave now.

    `missing` says what keeps it from leaving, each with a way to mend it.
    """

    subject: str = ""
    recipients: int = 0
    missing: tuple[str, ...] = ()


class Timetable:
    """When the issues of a newsletter leave. Everything is read anew at each call."""

    def __init__(self, pipeline: Pipeline, schedule: Schedule, head_start: timedelta) -> None:
        self._pipeline = pipeline
        self.schedule = schedule
        self.head_start = head_start

    def entries(self, now: datetime, *, ahead: int = 6) -> list[Entry]:
        """What is open, was missed lately or comes next; the earliest first."""
        issues = self._issues(now)
        return agenda(self.schedule, issues, now, ahead=ahead, head_start=self.head_start)

    def due_time(self, entry: Entry) -> DueTime:
        """When the entry's issue leaves for whom."""
        return DueTime(entry.due_at, self.schedule.timezone, self.schedule.window)

    def outlook(self, entry: Entry) -> Outlook:
        """What the entry's issue would send to whom, and what is missing for it."""
        month = entry.month
        if not entry.is_there:
            return Outlook(missing=(f"nobody has begun it: newsletter new {month}",))
        desk = self._pipeline.desk
        reading = desk.reading(month)
        if entry.state.is_over:
            return Outlook(reading.issue.subject if reading.issue else "")
        errors = sum(problem.severity is Severity.ERROR for problem in reading.problems)
        if reading.issue is None:
            problems = "a problem" if errors == 1 else f"{errors:,} problems"
            return Outlook(missing=(f"it has {problems}: newsletter check {month}",))
        missing = []
        if reading.issue.status is IssueStatus.DRAFT:
            missing.append(f"it is a draft ({desk.place(month)}): newsletter approve {month}")
        if entry.state is IssueState.PAUSED:
            missing.append(f"it is paused: newsletter resume {month}")
        recipients = self._pipeline.outstanding(reading.issue)
        if not recipients:
            missing.append("nobody would get it: newsletter subscribers import FILE")
        return Outlook(reading.issue.subject, recipients, tuple(missing))

    def _issues(self, now: datetime) -> Iterator[ScheduledIssue]:
        recent = f"{now - _OVER:%Y-%m}"
        for month in self._pipeline.desk.months():
            if month < recent:  # not worth reading a long archive for
                yield ScheduledIssue(month, IssueState.FINISHED)
            else:
                send_at = self._pipeline.desk.reading(month).send_at
                standing = self._pipeline.standing(month)
                yield ScheduledIssue(month, standing.state, send_at, standing.is_given_in)
