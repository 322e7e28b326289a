"""The issue leaves by itself: what is done whenever the alarm clock rings.

What is due comes from the settings, the files and the ledger, so a tick may come at any time, any
number of times and in any number of processes.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Final

from newsletter.alerts import Alerts
from newsletter.calendar import Entry, Timing
from newsletter.control import Standing
from newsletter.errors import (
    AlreadySent,
    EverybodyRefused,
    IssueError,
    NewsletterError,
    NotPublished,
    ProblemsFound,
    TransportError,
)
from newsletter.logs import ERROR, event
from newsletter.model.alert import AlertKind
from newsletter.model.delivery import IssueState
from newsletter.model.issue import Issue
from newsletter.pipeline import Pipeline
from newsletter.timetable import Timetable

_OFFICE: Final = "scheduler"  # held by one process at a time, which acts
_FRESH: Final = timedelta(hours=24)  # how long after its end an issue is still told of
_FIRST_PAUSE: Final = timedelta(minutes=1)  # after a failure; each later one is twice as long
_LONGEST_PAUSE: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Workshop:
    """One newsletter with everything read anew: what a tick works with."""

    pipeline: Pipeline
    timetable: Timetable
    alerts: Alerts


@dataclass(slots=True)
class Scheduler:
    """Sends each issue in its time, and tells how it goes. `stop` ends a sending under way."""

    open_workshop: Callable[[], AbstractContextManager[Workshop]]
    stop: Event
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _pauses: dict[str, timedelta] = field(default_factory=dict)
    _not_before: dict[str, datetime] = field(default_factory=dict)
    _published: set[str] = field(default_factory=set)  # of what ended: seen to since the start

    def tick(self) -> datetime:
        """Do what is to be done now, unless another process is at it; gives the next due time.

        Raises NewsletterError where the settings, the files or the ledger cannot be read.
        """
        began_at = self.clock()  # what comes due from here on is for another tick
        with self.open_workshop() as workshop:
            with workshop.pipeline.ledger.owners.elect(_OFFICE) as is_elected:
                if is_elected:
                    self._call_back(workshop.pipeline.control.call_back_stopped)
                    entries = workshop.timetable.entries(began_at)
                    for entry in entries:
                        self._attend(workshop, entry)
                    if not any(entry.is_to_be_sent for entry in entries):
                        workshop.pipeline.ledger.restoration.conclude(now=began_at)
                    for standing in self._lately_ended(workshop):
                        self._publish(workshop, standing.month)
                        self._tell_of_end(workshop, standing)
            return min(_moments(workshop, began_at))

    def _attend(self, workshop: Workshop, entry: Entry) -> None:
        """Send the issue, or tell what keeps it from being sent."""
        _end_alerts(workshop, entry, self.clock())
        if not entry.is_to_be_sent:
            self._withdraw_moved(workshop, entry)
            self._tell_of_trouble(workshop, entry)
        elif not self._is_pausing(entry.month, self.clock()) and not self._is_waiting(
            workshop, entry
        ):
            self._send(workshop, entry)

    def _is_waiting(self, workshop: Workshop, entry: Entry) -> bool:
        """Whether all that may leave or be given in by now is, and the rest has its time."""
        by = self.clock() + workshop.timetable.head_start
        return workshop.pipeline.control.is_waiting(entry.month, entry.due_at, by)

    def _tell_of_trouble(self, workshop: Workshop, entry: Entry) -> None:
        month, schedule, alerts = entry.month, workshop.timetable.schedule, workshop.alerts
        due_at = entry.due_at.astimezone(schedule.timezone)
        if entry.state is IssueState.PAUSED:
            if reason := workshop.pipeline.standing(month).paused_because:
                alerts.tell(month, AlertKind.BROKEN, lambda w: w.broken(reason))
        elif entry.timing is Timing.MISSED:
            missing = workshop.timetable.outlook(entry).missing
            alerts.tell(month, AlertKind.MISSED, lambda w: w.missed(due_at, missing))
        elif entry.needs_reminder(self.clock(), schedule.remind_before):
            missing = workshop.timetable.outlook(entry).missing
            alerts.tell(month, AlertKind.NOT_READY, lambda w: w.not_ready(due_at, missing))

    def _withdraw_moved(self, workshop: Workshop, entry: Entry) -> None:
        """Call back what was given in for a time that is no longer the issue's."""
        control = workshop.pipeline.control
        if entry.timing is Timing.UPCOMING and entry.state is IssueState.SENDING:
            leaves_at = workshop.pipeline.standing(entry.month).leaves_at
            if leaves_at is not None and leaves_at < entry.due_at:
                self._call_back(lambda: control.withdraw(entry.month))
                workshop.alerts.end(entry.month, AlertKind.BEGUN)

    @staticmethod
    def _call_back(call: Callable[[], None]) -> None:
        """Call back from a provider; one that does not answer is asked again in a minute."""
        try:
            call()
        except TransportError as error:
            event("schedule.not_called_back", ERROR, reason=str(error))

    def _send(self, workshop: Workshop, entry: Entry) -> None:
        month, pipeline, alerts = entry.month, workshop.pipeline, workshop.alerts
        due_at = entry.due_at.astimezone(workshop.timetable.schedule.timezone)
        try:
            issue = self._sendable(workshop, month)
            self._tell_of_beginning(workshop, issue, due_at)
            pipeline.send(issue, due=workshop.timetable.due_time(entry), stop=self.stop)
            self._pauses.pop(month, None)
            alerts.end(month, AlertKind.INTERRUPTED, AlertKind.PROBLEM, AlertKind.UNPUBLISHED)
        except AlreadySent as error:
            why = error.why
            alerts.tell(month, AlertKind.DOUBTFUL, lambda w: w.doubtful(why))
        except EverybodyRefused as error:
            reason = str(error)
            pipeline.control.pause(month, reason)
            alerts.tell(month, AlertKind.BROKEN, lambda w: w.broken(reason))
        except NotPublished as error:
            self._tell_unpublished(workshop, month, error)
        except NewsletterError as error:
            self._pause(month, error)
            reason, lines = str(error), error.lines
            if isinstance(error, TransportError) or pipeline.control.was_sent(month):
                alerts.tell(month, AlertKind.INTERRUPTED, lambda w: w.interrupted(reason))
            else:
                alerts.tell(month, AlertKind.PROBLEM, lambda w: w.problem(due_at, lines))

    def _sendable(self, workshop: Workshop, month: str) -> Issue:
        """The issue as it may be sent; what was given in of another is called back first."""
        pipeline = workshop.pipeline
        try:
            return pipeline.sendable(month)
        except (IssueError, ProblemsFound):
            pipeline.control.withdraw(month)
            workshop.alerts.end(month, AlertKind.BEGUN)
            raise

    def _tell_of_beginning(self, workshop: Workshop, issue: Issue, due_at: datetime) -> None:
        pipeline = workshop.pipeline
        plan = pipeline.plan(issue)
        if not plan.recipients:
            raise NewsletterError("there is nobody to send it to")
        if pipeline.doubts.about(issue.month) or not pipeline.outstanding(issue, plan):
            return
        articles = [
            (a.title, sum(number for v, number in plan.variants.items() if a.id in v.full))
            for a in issue.articles
        ]
        leaves_at = due_at if due_at > self.clock() else None
        workshop.alerts.tell(
            issue.month,
            AlertKind.BEGUN,
            lambda w: w.begun(issue.subject, plan.recipients, articles, leaves_at),
        )

    def _lately_ended(self, workshop: Workshop) -> Iterator[Standing]:
        """The issues that ended lately, whoever sent them."""
        pipeline, now = workshop.pipeline, self.clock()
        for month in pipeline.ledger.deliveries.months():
            standing = pipeline.standing(month)
            ended_at = standing.finished_at
            if standing.state is IssueState.FINISHED and ended_at and now - ended_at < _FRESH:
                yield standing

    def _publish(self, workshop: Workshop, month: str) -> None:
        """See that the archive has an issue that ended: whoever sent it may have been killed."""
        if month in self._published or self._is_pausing(month, self.clock()):
            return
        try:
            workshop.pipeline.build_archive()
        except NewsletterError as error:
            self._tell_unpublished(workshop, month, error)
        else:
            self._published.add(month)
            self._pauses.pop(month, None)
            workshop.alerts.end(month, AlertKind.UNPUBLISHED)

    def _tell_unpublished(self, workshop: Workshop, month: str, error: NewsletterError) -> None:
        reason = str(error)
        self._pause(month, error)
        workshop.alerts.tell(month, AlertKind.UNPUBLISHED, lambda w: w.unpublished(reason))

    def _tell_of_end(self, workshop: Workshop, standing: Standing) -> None:
        address = workshop.pipeline.desk.newsletter.issue_url(standing.month)
        workshop.alerts.tell(
            standing.month, AlertKind.FINISHED, lambda w: w.finished(standing.counts, address)
        )
        workshop.alerts.beat(standing.month)

    def _is_pausing(self, month: str, now: datetime) -> bool:
        return now < self._not_before.get(month, now)

    def _pause(self, month: str, error: NewsletterError) -> None:
        """Leave the issue alone for a while, longer after each failure."""
        pause = min(self._pauses.get(month, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._pauses[month] = pause * 2
        self._not_before[month] = self.clock() + pause
        event(
            "schedule.held_up",
            ERROR,
            month=month,
            reason=str(error),
            again_in=pause.total_seconds(),
        )


def _end_alerts(workshop: Workshop, entry: Entry, now: datetime) -> None:
    """What was told and is so no more is told anew when it comes again."""
    over = set()
    if entry.state is not IssueState.PAUSED:
        over.add(AlertKind.BROKEN)
    if entry.timing is not Timing.MISSED:
        over.add(AlertKind.MISSED)
    if now < entry.due_at - workshop.timetable.schedule.remind_before:
        over.add(AlertKind.NOT_READY)
    workshop.alerts.end(entry.month, *over)


def _moments(workshop: Workshop, now: datetime) -> Iterator[datetime]:
    """When something is to be done next, to the second."""
    timetable = workshop.timetable
    appointments = workshop.pipeline.ledger.appointments
    for entry in timetable.entries(now):
        yield from (at for at in (entry.due_at - timetable.head_start, entry.due_at) if at > now)
        if entry.state is IssueState.SENDING:
            later = appointments.leaves_at(entry.month, after=now + timetable.head_start)
            if later:
                yield later - timetable.head_start
