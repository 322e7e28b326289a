"""What an editor asks of an issue's sending, and what they say to it."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Final

from newsletter.desk import Compiled, Desk
from newsletter.dispatch.recall import Recall, call_back
from newsletter.errors import IssueError, ProblemsFound
from newsletter.ledger.ledger import Ledger
from newsletter.ledger.states import FrozenIssue
from newsletter.logs import event
from newsletter.model.delivery import PENDING, DeliveryStatus, IssueState, Outcome
from newsletter.model.issue import Issue, IssueStatus
from newsletter.model.problem import Severity
from newsletter.render.renderer import dump_compiled, load_compiled
from newsletter.transports.base import Transport

# Before messages leave that a provider holds, what they link to is published.
ABOUT_TO: Final = timedelta(minutes=2)

_QUIET_SECONDS: Final = 15.0  # within which a sender sees that the issue is stopped
_LOOK_SECONDS: Final = 0.1

_STATES: Final = {
    IssueStatus.DRAFT: IssueState.DRAFT,
    IssueStatus.READY: IssueState.READY,
    IssueStatus.PAST: IssueState.FINISHED,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an issue stands: its state, counts per delivery status, and the times of its sending.

    `leaves_at` is the next time at which messages leave that wait for it. Where the program paused
    it and no person, `paused_because` says why.
    """

    month: str
    state: IssueState
    counts: Mapping[DeliveryStatus, int]
    started_at: datetime | None = None
    finished_at: datetime | None = None
    leaves_at: datetime | None = None
    paused_because: str = ""

    @property
    def is_given_in(self) -> bool:
        """Whether nothing is left to send of what was promised."""
        return bool(self.counts) and PENDING.isdisjoint(self.counts)


class Control:
    """The issues of one newsletter as their sending goes."""

    def __init__(
        self,
        desk: Desk,
        ledger: Ledger,
        open_transport: Callable[[], Transport],
        clock: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._deliveries = ledger.deliveries
        self._open_transport = open_transport
        self._now = clock

    def standing(self, month: str) -> Standing:
        """How an issue stands, from the editor's word and the ledger together."""
        frozen = self._deliveries.frozen(month)
        if frozen is None:
            return Standing(month, _STATES[self._desk.status(month)], {})
        counts = self._deliveries.counts(month)
        if frozen.state is IssueState.SENDING and not counts:  # paused and resumed, no more
            return Standing(month, _STATES[self._desk.status(month)], counts)
        leaves_at = None
        if frozen.state is IssueState.SENDING:
            leaves_at = self._ledger.appointments.leaves_at(month, after=self._now())
        return Standing(
            month,
            frozen.state,
            counts,
            frozen.started_at,
            frozen.finished_at,
            leaves_at,
            frozen.paused_because,
        )

    def sendable(self, month: str) -> Issue:
        """The issue, which may be sent as it stands. Raises IssueError with the reason if not."""
        issue = self._ready(month)
        frozen = self._deliveries.frozen(month)
        if frozen and frozen.state in {IssueState.PAUSED, IssueState.CANCELLED}:
            where = self._desk.place(month)
            raise IssueError(f"{month} is {frozen.state}; nothing is sent", where=where)
        if frozen and _changed_files(issue, frozen) and self.was_sent(month):
            raise self._changed(issue, frozen)
        return issue

    def was_sent(self, month: str) -> bool:
        """Whether somebody has got the issue, may have, or is just about to."""
        return self._ledger.appointments.is_out(month, now=self._now() + ABOUT_TO)

    def is_waiting(self, month: str, due_at: datetime, by: datetime) -> bool:
        """Whether nothing of an issue due then is to be sent by a time, but something after it.

        So it is no longer once its content has changed, or it is about to be published.
        """
        frozen, appointments = self._deliveries.frozen(month), self._ledger.appointments
        if frozen is None or frozen.due_at != due_at or appointments.has_work(month, by=by):
            return False
        if due_at > self._now():
            issue = self._desk.reading(month).issue
            is_ready = issue is not None and issue.status is IssueStatus.READY
            if issue is None or not is_ready or _changed_files(issue, frozen):
                return False
            if self.was_sent(month):
                return False
        return appointments.leaves_at(month, after=self._now()) is not None

    def freeze(self, issue: Issue, due_at: datetime | None = None) -> Compiled:
        """What everybody gets: the content frozen at the first send, or this, frozen now.

        While nobody has got it, changed content or another time replaces what was frozen, and the
        plan is made anew.
        """
        frozen = self._deliveries.frozen(issue.month)
        if frozen and self._is_outdated(issue, frozen, due_at):
            self._call_back(issue.month)
            if not self._deliveries.thaw(issue.month):
                raise self._changed(issue, frozen)
            frozen = None
        if frozen is None:
            compiled = self._desk.compile(issue)
            problems = self._desk.check_issue(issue, compiled)
            if errors := [p for p in problems if p.severity is Severity.ERROR]:
                raise ProblemsFound(errors)
            frozen = self._deliveries.freeze(
                issue.month,
                digests=issue.digests,
                content=dump_compiled(compiled),
                due_at=due_at,
                now=self._now(),
            )
            event("issue.frozen", month=issue.month, files=len(issue.digests))
        return load_compiled(frozen.content)

    def withdraw(self, month: str) -> None:
        """Call back what must not leave as it was frozen, and forget it, if nobody has got it.

        Raises TransportError where it cannot be called back.
        """
        if not self.was_sent(month):
            self._call_back(month)
            self._deliveries.thaw(month)

    def pause(self, month: str, because: str = "") -> Recall:
        """Send no more of a ready issue for now; it need not have been sent to anybody yet.

        What a provider holds for a time to come is called back; that of who gets it all the same
        is counted. `because` says why where no person asks. Raises TransportError where it is
        paused, but the provider cannot be asked.
        """
        return self._stop(month, IssueState.PAUSED, because)

    def cancel(self, month: str) -> Recall:
        """Never send what is left of a ready issue, and call it back as `pause` does."""
        return self._stop(month, IssueState.CANCELLED)

    def call_back_stopped(self) -> None:
        """Call back what was given in of stopped issues, where that did not work at first."""
        for month in self._deliveries.months():
            if self._deliveries.state(month) in {IssueState.PAUSED, IssueState.CANCELLED}:
                self._call_back(month)

    def resume(self, month: str) -> None:
        """Let a paused issue be sent again."""
        self._deliveries.set_state(month, IssueState.SENDING, now=self._now())
        event("issue.resumed", month=month)

    def resolve(self, month: str, outcome: Outcome) -> int:
        """Settle the uncertain deliveries by a person's word; gives their number."""
        settled = self._deliveries.resolve(month, outcome, now=self._now())
        if settled:
            self._deliveries.finish_if_done(month, now=self._now())
            event("issue.resolved", month=month, settled=settled, outcome=outcome)
        return settled

    def _stop(self, month: str, state: IssueState, because: str = "") -> Recall:
        if self._deliveries.frozen(month) is None:
            self.freeze(self._ready(month))
        self._deliveries.set_state(month, state, now=self._now(), because=because)
        event(f"issue.{state}", month=month)
        return self._call_back(month)

    def _call_back(self, month: str) -> Recall:
        if self._ledger.appointments.leaves_at(month, after=self._now()) is None:
            return Recall()
        ends = monotonic() + _QUIET_SECONDS
        while self._ledger.is_being_sent(month) and monotonic() < ends:
            sleep(_LOOK_SECONDS)
        if not self._ledger.appointments.held(month, now=self._now()):
            return Recall()
        with closing(self._open_transport()) as transport:
            return call_back(month, self._ledger, transport, self._now)

    def _is_outdated(self, issue: Issue, frozen: FrozenIssue, due_at: datetime | None) -> bool:
        is_moved = None not in {due_at, frozen.due_at} and due_at != frozen.due_at
        if is_moved and not self.was_sent(issue.month):
            return True
        return bool(_changed_files(issue, frozen))

    def _ready(self, month: str) -> Issue:
        issue = self._desk.read(month)
        where = self._desk.place(month)
        if issue.status is IssueStatus.DRAFT:
            raise IssueError('the issue is a draft; set status = "ready" to send it', where=where)
        if issue.status is IssueStatus.PAST:
            raise IssueError("the issue is past: published elsewhere, never sent", where=where)
        return issue

    def _changed(self, issue: Issue, frozen: FrozenIssue) -> IssueError:
        return IssueError(
            f"{issue.month} has changed since it was first sent on {frozen.started_at:%d %B %Y} "
            f"({', '.join(_changed_files(issue, frozen))}); its readers all get the same, "
            "so put back what was sent",
            where=self._desk.place(issue.month),
        )


def _changed_files(issue: Issue, frozen: FrozenIssue) -> list[str]:
    names = sorted(frozen.digests.keys() | issue.digests.keys())
    return [name for name in names if frozen.digests.get(name) != issue.digests.get(name)]
