"""What is to leave at a time to come, and its recall: written down first, then asked for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from newsletter.ledger.database import Database
from newsletter.ledger.states import lock_issue, share_state
from newsletter.ledger.tables import BatchStatus, batches, deliveries, issues
from newsletter.model.delivery import SENT, DeliveryStatus, IssueState

_S = DeliveryStatus
_d, _b = deliveries.c, batches.c

_WITH_PROVIDER: Final = frozenset({_S.ACCEPTED, _S.UNCERTAIN})
_is_with_provider: Final = and_(_d.batch_id == _b.id, _d.status.in_(_WITH_PROVIDER))
_is_named: Final = and_(
    _b.month == bindparam("of_month"), _b.provider_batch_id == bindparam("name")
)
_BEGIN: Final = (
    update(batches)
    .where(_is_named, _b.status.in_((BatchStatus.DONE, BatchStatus.PLANNED)))
    .values(status=BatchStatus.RECALLING, owner=bindparam("new_owner"), fence=_b.fence + 1)
)
_HELD: Final = (
    select(_b.id)
    .where(_is_named, _b.status == BatchStatus.RECALLING, _b.owner == bindparam("holder"))
    .order_by(_b.id)
    .with_for_update()
)


class Appointments:
    """When messages leave that wait for it, here or with a provider.

    What a provider holds under one name shares one fate. Whoever calls it back holds its batches
    meanwhile; the deliveries stay as they were until it is known what became of them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def appoint(self, month: str, leaves_at: datetime | None) -> None:
        """Let what waits without an appointment leave at this time; without one, everything now."""
        waiting = update(batches).where(_b.month == month, _b.status == BatchStatus.PLANNED)
        if leaves_at is not None:
            waiting = waiting.where(_b.leaves_at.is_(None))
        issue = update(issues).where(issues.c.month == month)
        with self._database.write() as connection:
            connection.execute(issue.values(due_at=leaves_at))
            connection.execute(waiting.values(leaves_at=leaves_at))

    def leaves_at(self, month: str, *, after: datetime) -> datetime | None:
        """The first appointment of the month's messages that is still to come."""
        statement = select(func.min(_b.leaves_at)).where(_b.month == month, _b.leaves_at > after)
        with self._database.read() as connection:
            first: datetime | None = connection.scalar(statement)
        return first

    def has_work(self, month: str, *, by: datetime) -> bool:
        """Whether something is to be sent by a time, or is in somebody's hands."""
        is_to_go = or_(_b.leaves_at.is_(None), _b.leaves_at <= by, _b.status != BatchStatus.PLANNED)
        statement = select(
            exists().where(_b.month == month, _b.status != BatchStatus.DONE, is_to_go)
        )
        with self._database.read() as connection:
            return bool(connection.scalar(statement))

    def is_out(self, month: str, *, now: datetime) -> bool:
        """Whether somebody has got the issue by now, or may have."""
        has_left = or_(
            _b.provider_batch_id.is_(None),
            _b.leaves_at.is_(None),
            _b.leaves_at <= now,
            _d.status != _S.ACCEPTED,
        )
        statement = select(
            exists().where(_d.month == month, _d.status.in_(SENT), _b.id == _d.batch_id, has_left)
        )
        with self._database.read() as connection:
            return bool(connection.scalar(statement))

    def names(self, month: str, transport: str, *, now: datetime) -> list[str]:
        """What `transport` committed for messages of the month that it holds and may call back."""
        statement = (
            select(_b.provider_batch_id)
            .where(_b.month == month, _b.transport == transport, _b.leaves_at > now)
            .where(_b.provider_batch_id.is_not(None), exists().where(_is_with_provider))
            .distinct()
        )
        with self._database.read() as connection:
            return sorted(connection.scalars(statement))

    def held(self, month: str, *, now: datetime) -> int:
        """How many messages of the month a provider holds for a time to come."""
        statement = (
            select(func.count())
            .select_from(deliveries.join(batches, _b.id == _d.batch_id))
            .where(_b.month == month, _b.leaves_at > now, _b.provider_batch_id.is_not(None))
            .where(_d.status.in_(_WITH_PROVIDER))
        )
        with self._database.read() as connection:
            return connection.scalar(statement) or 0

    def begin_recall(self, month: str, name: str, owner: str) -> bool:
        """Write down that `owner` is about to call back what bears the name; whether any does.

        What a sender has in hand just now is not among it.
        """
        named = {"of_month": month, "name": name, "new_owner": owner}
        with self._database.write() as connection:
            lock_issue(connection, month)
            return connection.execute(_BEGIN, named).rowcount > 0

    def end_recall(self, month: str, name: str, owner: str, *, is_back: bool, now: datetime) -> int:
        """Plan again what came back, how many that is; what did not stays as it was."""
        with self._database.write() as connection:
            state = share_state(connection, month)
            named = {"of_month": month, "name": name, "holder": owner}
            held = connection.scalars(_HELD, named).all()
            back = _take_back(connection, held, state, now) if is_back else 0
            connection.execute(
                update(batches)
                .where(_b.id.in_(held))
                .values(
                    status=case(
                        (
                            exists().where(_d.batch_id == _b.id, _d.status == _S.PLANNED),
                            literal(BatchStatus.PLANNED, _b.status.type),
                        ),
                        else_=literal(BatchStatus.DONE, _b.status.type),
                    ),
                    owner=None,
                )
            )
        return back


def _take_back(
    connection: Connection, held: Sequence[int], state: IssueState, now: datetime
) -> int:
    becomes = _S.CANCELLED if state is IssueState.CANCELLED else _S.PLANNED
    back = connection.execute(
        update(deliveries)
        .where(_d.batch_id.in_(held), _d.status.in_(_WITH_PROVIDER))
        .values(status=becomes, reason="", updated_at=now)
    ).rowcount
    connection.execute(update(batches).where(_b.id.in_(held)).values(provider_batch_id=None))
    return back
