"""Who got an issue, who did not, and why: one line for everybody."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, select

from newsletter.ledger.database import Database
from newsletter.ledger.subscribers import why_skipped
from newsletter.ledger.tables import batches, deliveries, subscribers
from newsletter.model.delivery import DeliveryStatus


class OutcomeLine(NamedTuple):
    """One subscriber and one issue; an erased person's has no address, an unplanned one no id."""

    email: str
    name: str
    variant: str
    status: DeliveryStatus
    reason: str
    delivery_id: str
    updated_at: datetime | None


def outcome_lines(database: Database, month: str) -> Iterator[OutcomeLine]:
    """The deliveries of the month, then whoever is stored and was promised none."""
    planned = (
        select(
            deliveries.c.subscriber_id,
            deliveries.c.id,
            deliveries.c.status,
            deliveries.c.reason,
            deliveries.c.updated_at,
            batches.c.variant_id,
            subscribers.c.email,
            subscribers.c.name,
        )
        .join(batches, batches.c.id == deliveries.c.batch_id)
        .outerjoin(subscribers, subscribers.c.id == deliveries.c.subscriber_id)
        .where(deliveries.c.month == month)
    )
    for row in database.pages(planned, deliveries.c.subscriber_id):
        yield OutcomeLine(
            row.email or "",
            row.name or "",
            row.variant_id,
            row.status,
            row.reason,
            row.id,
            row.updated_at,
        )
    has_delivery = exists().where(
        deliveries.c.month == month, deliveries.c.subscriber_id == subscribers.c.id
    )
    others = select(
        subscribers.c.id, subscribers.c.email, subscribers.c.name, why_skipped(month).label("why")
    ).where(~has_delivery)
    for row in database.pages(others, subscribers.c.id):
        reason = row.why or "no delivery was planned"
        yield OutcomeLine(row.email, row.name, "", DeliveryStatus.SKIPPED, reason, "", None)
