"""What became of a batch, written by nobody but the one who holds it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import (
    Connection,
    Integer,
    SmallInteger,
    and_,
    bindparam,
    case,
    exists,
    literal,
    select,
    update,
)

from newsletter.errors import LedgerError
from newsletter.ledger.handovers import Fates
from newsletter.ledger.tables import (
    BatchStatus,
    Instant,
    StatusCode,
    batches,
    deliveries,
    subscribers,
)
from newsletter.model.delivery import Batch, DeliveryStatus, IssueState, Outcome, Receipt

_S = DeliveryStatus
_KILLED: Final = "the sender stopped before it kept an answer"
_WITHOUT_END: Final = 2**15 - 1  # the largest SMALLINT

_d, _b = deliveries.c, batches.c
_now: Final = bindparam("now", type_=Instant)
_batch: Final = bindparam("batch", type_=Integer)
_is_sending: Final = and_(_d.batch_id == _batch, _d.status == _S.SENDING)
_is_planned: Final = and_(_d.batch_id == _batch, _d.status == _S.PLANNED)
_answered: Final = {"attempts": _d.attempts + 1, "updated_at": _now}

# The names of parameters in an UPDATE must not be those of columns.
_is_held: Final = and_(
    _b.id == _batch,
    _b.owner == bindparam("holder"),
    _b.fence == bindparam("held_fence"),
    _b.status == BatchStatus.SENDING,
)
_HOLD: Final = select(_b.id).where(_is_held).with_for_update()
_NAME: Final = update(batches).where(_is_held).values(provider_batch_id=bindparam("name"))
_ACCEPT_ALL: Final = (
    update(deliveries).where(_is_sending).values(status=_S.ACCEPTED, reason="", **_answered)
)
_SETTLE: Final = (
    update(deliveries)
    .where(_d.id == bindparam("delivery"), _is_sending)
    .values(status=bindparam("became", type_=StatusCode), reason=bindparam("detail"), **_answered)
)
_RETRY: Final = (
    update(deliveries)
    .where(_d.id == bindparam("delivery"), _is_sending)
    .values(
        status=case(
            (
                _d.attempts + 1 >= bindparam("most", type_=SmallInteger),
                literal(_S.FAILED, StatusCode),
            ),
            else_=literal(_S.PLANNED, StatusCode),
        ),
        reason=bindparam("detail"),
        **_answered,
    )
)
_LOSE_SIGHT: Final = (
    update(deliveries)
    .where(_is_sending)
    .values(status=_S.UNCERTAIN, reason=bindparam("detail"), **_answered)
)
_PUT_BACK: Final = update(deliveries).where(_is_sending).values(status=_S.PLANNED, updated_at=_now)
_CANCEL: Final = update(deliveries).where(_is_planned).values(status=_S.CANCELLED, updated_at=_now)
# A server's words may hold the address of somebody who was erased while the batch was on its way.
_FORGET_ERASED: Final = (
    update(deliveries)
    .where(_d.batch_id == _batch, _d.reason.contains("@"))
    .where(~exists().where(subscribers.c.id == _d.subscriber_id))
    .values(reason="")
)
_CLOSE: Final = (
    update(batches)
    .where(_b.id == _batch)
    .values(
        status=case(
            (exists().where(_is_planned), literal(BatchStatus.PLANNED, _b.status.type)),
            else_=literal(BatchStatus.DONE, _b.status.type),
        ),
        owner=None,
        next_attempt_at=bindparam("retry_at", type_=Instant),
    )
)

_STATUS_OF: Final = {
    Outcome.ACCEPTED: _S.ACCEPTED,
    Outcome.REFUSED: _S.REFUSED,
    Outcome.UNCERTAIN: _S.UNCERTAIN,
}


class FenceLost(LedgerError):
    """The batch is in other hands, or closed: nothing was written."""

    def __init__(self, batch: Batch) -> None:
        super().__init__("this batch is in other hands; nothing was recorded", where=batch.month)


def require_held(connection: Connection, batch: Batch) -> None:
    """Raise `FenceLost` unless the batch's owner holds it under its fence; nobody else can then."""
    if not is_held(connection, batch.id, batch.owner, batch.fence):
        raise FenceLost(batch)


def name_held(connection: Connection, batch: Batch, provider_batch_id: str) -> None:
    """Note what the provider calls the batch. Raises `FenceLost` as `require_held` does."""
    held = _held(batch.id, batch.owner, batch.fence)
    if not connection.execute(_NAME, {"name": provider_batch_id, **held}).rowcount:
        raise FenceLost(batch)


def is_held(connection: Connection, batch_id: int, owner: str, fence: int) -> bool:
    """Whether `owner` holds the batch under `fence`."""
    return connection.scalar(_HOLD, _held(batch_id, owner, fence)) is not None


def settle(
    connection: Connection,
    batch: Batch,
    receipts: Sequence[Receipt],
    *,
    now: datetime,
    max_attempts: int | None,
) -> None:
    """Write what the receipts say, in one statement where the whole batch was accepted."""
    at = {"batch": batch.id, "now": now}
    if _accepts_all(batch, receipts):
        connection.execute(_ACCEPT_ALL, at)
        return
    settled: list[dict[str, object]] = []
    retried: list[dict[str, object]] = []
    for receipt in receipts:
        values = {"delivery": receipt.delivery_id, "detail": receipt.detail, **at}
        if receipt.outcome is Outcome.RETRY:
            retried.append({**values, "most": max_attempts or _WITHOUT_END})
        else:
            settled.append({**values, "became": _STATUS_OF[receipt.outcome]})
    if settled:
        connection.execute(_SETTLE, settled)
    if retried:
        connection.execute(_RETRY, retried)
    connection.execute(_FORGET_ERASED, {"batch": batch.id})


def lose_sight(connection: Connection, batch_id: int, fates: Fates | None, *, now: datetime) -> int:
    """Make uncertain whatever of the batch has no answer and may have left; return how many.

    Without `fates` any of it may have.
    """
    at = {"batch": batch_id, "now": now}
    if fates is None:
        return connection.execute(_LOSE_SIGHT, {"detail": _KILLED, **at}).rowcount
    became = [(x, _S.ACCEPTED, "") for x in fates.accepted]
    became += [(x, _S.UNCERTAIN, _KILLED) for x in fates.unanswered]
    settled = [{"delivery": x, "became": status, "detail": why, **at} for x, status, why in became]
    if settled:
        connection.execute(_SETTLE, settled)
    return len(fates.unanswered)


def close(
    connection: Connection,
    batch_id: int,
    state: IssueState,
    *,
    now: datetime,
    retry_at: datetime | None = None,
) -> int:
    """Give the batch back with whatever of it is still to send; return how many had no answer.

    It is not claimed again before `retry_at`; in a cancelled issue nothing is left to send.
    """
    at = {"batch": batch_id, "now": now}
    put_back = connection.execute(_PUT_BACK, at).rowcount
    if state is IssueState.CANCELLED:
        connection.execute(_CANCEL, at)
    connection.execute(_CLOSE, {"batch": batch_id, "retry_at": retry_at})
    return put_back


def _held(batch_id: int, owner: str, fence: int) -> dict[str, object]:
    return {"batch": batch_id, "holder": owner, "held_fence": fence}


def _accepts_all(batch: Batch, receipts: Sequence[Receipt]) -> bool:
    return all(receipt.outcome is Outcome.ACCEPTED for receipt in receipts) and {
        receipt.delivery_id for receipt in receipts
    } == {delivery.id for delivery in batch.deliveries}
