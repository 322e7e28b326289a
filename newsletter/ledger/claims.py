"""Taking a batch: its intent is written down before anything of it is sent."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    Connection,
    Integer,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from newsletter.ledger.database import AnyRow, fetch_at_once
from newsletter.ledger.states import is_sending
from newsletter.ledger.tables import (
    BatchStatus,
    Instant,
    batches,
    deliveries,
    subscribers,
    suppressions,
)
from newsletter.model.delivery import Batch, Delivery, DeliveryStatus, SkipReason
from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason

_S = DeliveryStatus
_d, _b = deliveries.c, batches.c
_now: Final = bindparam("now", type_=Instant)
_batch: Final = bindparam("batch", type_=Integer)
_most: Final = bindparam("most", type_=Integer)
_is_planned: Final = and_(_d.batch_id == _batch, _d.status == _S.PLANNED)

_NEXT: Final = (
    select(_b.id, _b.variant_id, _b.fence, _b.leaves_at, _b.provider_batch_id)
    .where(
        _b.month == bindparam("month"),
        _b.status == BatchStatus.PLANNED,
        or_(_b.next_attempt_at.is_(None), _b.next_attempt_at <= _now),
        or_(_b.leaves_at.is_(None), _b.leaves_at <= bindparam("by", type_=Instant)),
    )
    .order_by(_b.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
# What a provider holds of a batch keeps the name under which it can be called back.
_IS_WITH_PROVIDER: Final = select(
    exists().where(_d.batch_id == _batch, _d.status.in_((_S.ACCEPTED, _S.UNCERTAIN)))
)
_LEAVE: Final = (
    update(batches)
    .where(_b.id == _batch, ~exists().where(_is_planned))
    .values(status=BatchStatus.DONE)
)
_MOVE: Final = (
    update(deliveries)
    .where(_d.id.in_(select(_d.id).where(_is_planned).limit(_most)))
    .values(batch_id=bindparam("new_batch"))
)
_why_not: Final = case(
    (subscribers.c.id.is_(None), SuppressionReason.ERASED.value),
    (subscribers.c.status == SubscriptionStatus.UNSUBSCRIBED, SkipReason.UNSUBSCRIBED.value),
    (subscribers.c.status == SubscriptionStatus.UNCONFIRMED, SkipReason.UNCONFIRMED.value),
    (exists().where(suppressions.c.key == subscribers.c.email_key), SkipReason.SUPPRESSED.value),
    (subscribers.c.paused_until > bindparam("month"), SkipReason.PAUSED.value),
)
_RECIPIENTS: Final = (
    select(
        _d.id,
        _d.subscriber_id,
        subscribers.c.email,
        subscribers.c.name,
        _why_not.label("why_not"),
        _d.attempts,
    )
    .outerjoin(subscribers, subscribers.c.id == _d.subscriber_id)
    .where(_is_planned)
)
_NUMBER: Final = select(func.count()).where(_is_planned)
_SKIP: Final = (
    update(deliveries)
    .where(_d.id == bindparam("delivery"), _is_planned)
    .values(status=_S.SKIPPED, reason=bindparam("why"), updated_at=_now)
)
_SEND: Final = update(deliveries).where(_is_planned).values(status=_S.SENDING, updated_at=_now)
_CLAIM: Final = (
    update(batches)
    .where(_b.id == _batch)
    .values(
        status=BatchStatus.SENDING,
        owner=bindparam("new_owner"),
        fence=_b.fence + 1,
        claimed_at=_now,
        next_attempt_at=None,
        transport=bindparam("new_transport"),
        provider_batch_id=None,
    )
)


def take_next(  # noqa: PLR0913 - a claim says who, for what, when and how much
    connection: Connection,
    month: str,
    owner: str,
    *,
    transport: str,
    now: datetime,
    head_start: timedelta = timedelta(),
    limit: int | None,
) -> Batch | None:
    """Mark the next batch, or `limit` deliveries of it, as being sent by `owner`.

    It is one that may leave by now, or within the `head_start`.
    Who may no longer be mailed is skipped instead: the batch may come without deliveries.
    """
    if not is_sending(connection, month):
        return None
    wanted = {"month": month, "now": now, "by": now + head_start}
    found = connection.execute(_NEXT, wanted).one_or_none()
    if found is None:
        return None
    batch_id, fence = found.id, found.fence
    number = connection.scalar(_NUMBER, {"batch": batch_id}) or 0
    most = number if limit is None else limit
    if number > most or _is_partly_out(connection, found):
        batch_id, fence = _split(connection, month, found, most), 0
    planned = fetch_at_once(connection, _RECIPIENTS, {"batch": batch_id, "month": month})
    at = {"batch": batch_id, "now": now}
    recipients: list[Delivery] = []
    skipped: list[dict[str, object]] = []
    attempts = 0
    for delivery_id, subscriber_id, email, name, why_not, before in planned:
        attempts = max(attempts, before)
        if why_not is None:
            recipients.append(Delivery(delivery_id, subscriber_id, email, name))
        else:
            skipped.append({"delivery": delivery_id, "why": why_not, **at})
    if skipped:
        connection.execute(_SKIP, skipped)
    connection.execute(_SEND, at)
    connection.execute(_CLAIM, {"new_owner": owner, "new_transport": transport, **at})
    return Batch(
        batch_id,
        month,
        found.variant_id,
        owner,
        fence + 1,
        attempts,
        tuple(recipients),
        found.leaves_at,
    )


def _is_partly_out(connection: Connection, found: AnyRow) -> bool:
    if found.provider_batch_id is None:
        return False
    return bool(connection.scalar(_IS_WITH_PROVIDER, {"batch": found.id}))


def _split(connection: Connection, month: str, found: AnyRow, most: int) -> int:
    """A new batch with the deliveries that are planned, but no more than so many."""
    values = {"month": month, "variant_id": found.variant_id, "leaves_at": found.leaves_at}
    new_id: int = connection.scalars(
        insert(batches).values(status=BatchStatus.PLANNED, fence=0, **values).returning(_b.id)
    ).one()
    connection.execute(_MOVE, {"batch": found.id, "most": most, "new_batch": new_id})
    connection.execute(_LEAVE, {"batch": found.id})
    return new_id
