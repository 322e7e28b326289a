"""An issue as the ledger keeps it: frozen when sending begins, and the moves of its state."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from newsletter.errors import IssueError
from newsletter.ledger.database import AnyRow, insert_absent
from newsletter.ledger.tables import batches, deliveries, issues, to_microseconds
from newsletter.model.delivery import DeliveryStatus, IssueState

_S = IssueState

# What a person or the end of the work may change; new deliveries alone reopen a finished issue.
_MOVES: Final = {
    _S.SENDING: {_S.PAUSED, _S.CANCELLED, _S.FINISHED},
    _S.PAUSED: {_S.SENDING, _S.CANCELLED, _S.FINISHED},
}

_NOBODY_HAS_IT: Final = (
    DeliveryStatus.PLANNED,
    DeliveryStatus.SKIPPED,
    DeliveryStatus.REFUSED,
    DeliveryStatus.FAILED,
)

_STATE: Final = select(issues.c.state).where(issues.c.month == bindparam("month"))
# NO KEY, as a new batch refers to its issue: that must not wait for this, lest each wait for the
# other.
_LOCK_STATE: Final = _STATE.with_for_update(key_share=True)
_SHARE_STATE: Final = _STATE.with_for_update(read=True)
_FROZEN: Final = select(issues).where(issues.c.month == bindparam("month"))


@dataclass(frozen=True, slots=True)
class FrozenIssue:
    """What everybody gets of an issue, as it was when sending began, and where it stands.

    `digests` maps each file to the SHA-256 of its bytes then; `content` is the frozen rendering,
    which the ledger does not read. It was planned to leave at `due_at`, or at once. Where the
    program paused it and no person, `paused_because` says why.
    """

    month: str
    state: IssueState
    digests: Mapping[str, str]
    content: str
    started_at: datetime
    finished_at: datetime | None
    due_at: datetime | None = None
    paused_because: str = ""


def freeze(  # noqa: PLR0913 - an issue is frozen with all that it is
    connection: Connection,
    month: str,
    *,
    digests: Mapping[str, str],
    content: str,
    due_at: datetime | None,
    now: datetime,
) -> FrozenIssue:
    """The issue as it was first frozen: now, if it was not before."""
    files = json.dumps(dict(digests), sort_keys=True)
    due = None if due_at is None else to_microseconds(due_at)
    row = (month, _S.SENDING.value, files, content, to_microseconds(now), None, due)
    insert_absent(connection, issues, [row])
    return _frozen(connection.execute(_FROZEN, {"month": month}).one())


def load_frozen(connection: Connection, month: str) -> FrozenIssue | None:
    """The issue of `month`, where its sending has begun."""
    row = connection.execute(_FROZEN, {"month": month}).one_or_none()
    return None if row is None else _frozen(row)


def _frozen(row: AnyRow) -> FrozenIssue:
    return FrozenIssue(
        row.month,
        row.state,
        json.loads(row.digests),
        row.content,
        row.started_at,
        row.finished_at,
        row.due_at,
        row.paused_because or "",
    )


def thaw(connection: Connection, month: str) -> bool:
    """Forget that sending began, plan and all, if nobody has it and no sender; whether so.

    A paused or cancelled issue stays as it is.
    """
    of_month = deliveries.c.month == month
    untouched = deliveries.c.status.in_(_NOBODY_HAS_IT)
    if lock_state(connection, month) is not IssueState.SENDING:
        return False
    if connection.scalar(select(exists().where(of_month, ~untouched))):
        return False
    connection.execute(delete(deliveries).where(of_month))
    connection.execute(delete(batches).where(batches.c.month == month))
    connection.execute(delete(issues).where(issues.c.month == month))
    return True


def lock_state(connection: Connection, month: str) -> IssueState:
    """The state, which nobody else can change or share before this transaction ends.

    Raises `IssueError` where the issue's sending has not begun.
    """
    return _begun(lock_issue(connection, month), month)


def lock_issue(connection: Connection, month: str) -> IssueState | None:
    """The same, or nothing where the issue's sending has not begun.

    Who changes several of an issue's batches locks the issue first: each would else lock them in an
    order of its own, and two might wait for each other.
    """
    state: IssueState | None = connection.scalar(_LOCK_STATE, {"month": month})
    return state


def share_state(connection: Connection, month: str) -> IssueState:
    """The same, but others may share it: nobody can change it before all of them have ended."""
    return _begun(connection.scalar(_SHARE_STATE, {"month": month}), month)


def is_sending(connection: Connection, month: str) -> bool:
    """Whether the issue is being sent, which stays so before this transaction ends."""
    return connection.scalar(_SHARE_STATE, {"month": month}) is _S.SENDING


def _begun(state: IssueState | None, month: str) -> IssueState:
    if state is None:
        raise IssueError("its sending has not begun", where=month)
    return state


def move_state(
    connection: Connection, month: str, state: IssueState, *, now: datetime, because: str = ""
) -> None:
    """Set the state; raises `IssueError` for a move out of a cancelled or finished issue."""
    current = lock_state(connection, month)
    if current is state:
        return
    if state not in _MOVES.get(current, ()):
        raise IssueError(f"it is {current}, which is final", where=month)
    finished_at = now if state is _S.FINISHED else None
    set_state(connection, month, state, finished_at=finished_at, because=because)


def set_state(
    connection: Connection,
    month: str,
    state: IssueState,
    *,
    finished_at: datetime | None,
    because: str = "",
) -> None:
    """Set the state whatever it was."""
    connection.execute(
        update(issues)
        .where(issues.c.month == month)
        .values(state=state, finished_at=finished_at, paused_because=because or None)
    )
