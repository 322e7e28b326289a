"""What an editor asks of an issue's sending, and what they say to it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from newsletter.desk import Compiled, Desk
from newsletter.errors import IssueError, ProblemsFound
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.states import FrozenIssue
from newsletter.logs import event
from newsletter.model.delivery import DeliveryStatus, IssueState, Outcome
from newsletter.model.issue import Issue, IssueStatus
from newsletter.model.problem import Severity
from newsletter.render.renderer import dump_compiled, load_compiled

_STATES: Final = {
    IssueStatus.DRAFT: IssueState.DRAFT,
    IssueStatus.READY: IssueState.READY,
    IssueStatus.PAST: IssueState.FINISHED,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an issue stands: its state, counts per delivery status, and the times of its sending."""

    month: str
    state: IssueState
    counts: Mapping[DeliveryStatus, int]
    started_at: datetime | None = None
    finished_at: datetime | None = None


class Control:
    """The issues of one newsletter as their sending goes."""

    def __init__(self, desk: Desk, deliveries: Deliveries, clock: Callable[[], datetime]) -> None:
        self._desk = desk
        self._deliveries = deliveries
        self._now = clock

    def standing(self, month: str) -> Standing:
        """How an issue stands, from the editor's word and the ledger together."""
        frozen = self._deliveries.frozen(month)
        if frozen is None:
            return Standing(month, _STATES[self._desk.status(month)], {})
        counts = self._deliveries.counts(month)
        if frozen.state is IssueState.SENDING and not counts:  # paused and resumed, no more
            return Standing(month, _STATES[self._desk.status(month)], counts)
        return Standing(month, frozen.state, counts, frozen.started_at, frozen.finished_at)

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
        """Whether somebody has got the issue, or may have."""
        return self._deliveries.was_sent(month)

    def freeze(self, issue: Issue) -> Compiled:
        """What everybody gets: the content frozen at the first send, or this, frozen now."""
        frozen = self._deliveries.frozen(issue.month)
        if frozen and _changed_files(issue, frozen):
            if not self._deliveries.thaw(issue.month):
                raise self._changed(issue, frozen)
            frozen = None  # nobody has got it: the plan is made anew
        if frozen is None:
            compiled = self._desk.compile(issue)
            problems = self._desk.check_issue(issue, compiled)
            if errors := [p for p in problems if p.severity is Severity.ERROR]:
                raise ProblemsFound(errors)
            frozen = self._deliveries.freeze(
                issue.month,
                digests=issue.digests,
                content=dump_compiled(compiled),
                now=self._now(),
            )
            event("issue.frozen", month=issue.month, files=len(issue.digests))
        return load_compiled(frozen.content)

    def pause(self, month: str) -> None:
        """Send no more of a ready issue for now; it need not have been sent to anybody yet."""
        self._stop(month, IssueState.PAUSED)

    def cancel(self, month: str) -> None:
        """Never send what is left of a ready issue."""
        self._stop(month, IssueState.CANCELLED)

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

    def _stop(self, month: str, state: IssueState) -> None:
        if self._deliveries.frozen(month) is None:
            self.freeze(self._ready(month))
        self._deliveries.set_state(month, state, now=self._now())
        event(f"issue.{state}", month=month)

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
