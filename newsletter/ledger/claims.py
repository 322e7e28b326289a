"""Taking a batch: its intent is written down before anything of it is sent."""

from datetime import datetime
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

from newsletter.ledger.database import fetch_at_once
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
_is_planned: Final = and_(_d.batch_id == _batch, _d.status == _S.PLANNED)

_NEXT: Final = (
    select(_b.id, _b.variant_id, _b.fence)
    .where(
        _b.month == bindparam("month"),
        _b.status == BatchStatus.PLANNED,
        or_(_b.next_attempt_at.is_(None), _b.next_attempt_at <= _now),
    )
    .order_by(_b.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_COUNT_PLANNED: Final = select(func.count()).select_from(deliveries).where(_is_planned)
_MOVE: Final = (
    update(deliveries)
    .where(_d.id.in_(select(_d.id).where(_is_planned).limit(bindparam("limit", type_=Integer))))
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
    limit: int | None,
) -> Batch | None:
    """Mark the next batch, or `limit` deliveries of it, as being sent by `owner`.

    Who may no longer be mailed is skipped instead: the batch may come without deliveries.
    """
    if not is_sending(connection, month):
        return None
    found = connection.execute(_NEXT, {"month": month, "now": now}).one_or_none()
    if found is None:
        return None
    batch_id, variant_id, fence = found
    if limit is not None and _count_planned(connection, batch_id) > limit:
        batch_id, fence = _split(connection, month, batch_id, variant_id, limit), 0
    at = {"batch": batch_id, "now": now}
    recipients: list[Delivery] = []
    skipped: list[dict[str, object]] = []
    attempts = 0
    for delivery_id, subscriber_id, email, name, why_not, before in fetch_at_once(
        connection, _RECIPIENTS, {"batch": batch_id, "month": month}
    ):
        attempts = max(attempts, before)
        if why_not is None:
            recipients.append(Delivery(delivery_id, subscriber_id, email, name))
        else:
            skipped.append({"delivery": delivery_id, "why": why_not, **at})
    if skipped:
        connection.execute(_SKIP, skipped)
    connection.execute(_SEND, at)
    connection.execute(_CLAIM, {"new_owner": owner, "new_transport": transport, **at})
    return Batch(batch_id, month, variant_id, owner, fence + 1, attempts, tuple(recipients))


def _count_planned(connection: Connection, batch_id: int) -> int:
    return connection.scalars(_COUNT_PLANNED, {"batch": batch_id}).one()


def _split(connection: Connection, month: str, batch_id: int, variant_id: str, limit: int) -> int:
    """A new batch with `limit` of the deliveries."""
    new_id: int = connection.scalars(
        insert(batches)
        .values(month=month, variant_id=variant_id, status=BatchStatus.PLANNED, fence=0)
        .returning(_b.id)
    ).one()
    connection.execute(_MOVE, {"batch": batch_id, "limit": limit, "new_batch": new_id})
    return new_id
