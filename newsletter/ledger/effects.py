"""What news of a delivery means for its reader: mailed no more, or gone. Each has it once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Final

from sqlalchemy import BindParameter, Connection, bindparam, exists, select, update

from newsletter.ledger.database import AnyRow, AnySelect, await_writers, insert_absent
from newsletter.ledger.tables import (
    Instant,
    deliveries,
    delivery_events,
    issues,
    lifted_suppressions,
    subscribers,
    suppressions,
    to_microseconds,
)
from newsletter.model.delivery import DeliveryStatus
from newsletter.model.feedback import DeliveryEvent, EventKind
from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason

_PIECE: Final = 500
_d, _e, _s, _l = deliveries.c, delivery_events.c, subscribers.c, lifted_suppressions.c

_SUPPRESSES: Final = {
    EventKind.HARD_BOUNCE: SuppressionReason.HARD_BOUNCE,
    EventKind.COMPLAINT: SuppressionReason.COMPLAINT,
}
_GOT_THROUGH: Final = frozenset(
    {DeliveryStatus.ACCEPTED, DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED}
)

_of_ids: Final[BindParameter[list[str]]] = bindparam("ids", expanding=True)
_TOLD: Final = select(_e.delivery_id, _e.kind, _e.at).where(_e.delivery_id.in_(_of_ids))
_DELIVERIES: Final = select(_d.id, _d.subscriber_id).where(_d.id.in_(_of_ids))
_PEOPLE: Final = (
    select(_s.id, _s.email_key)
    .where(_s.id.in_(_of_ids))
    .order_by(_s.id)
    .with_for_update(key_share=True)
)
_UNSUBSCRIBE: Final = (
    update(subscribers)
    .where(_s.id.in_(_of_ids), _s.status != SubscriptionStatus.UNSUBSCRIBED)
    .values(
        status=SubscriptionStatus.UNSUBSCRIBED,
        unsubscribed_at=bindparam("now", type_=Instant),
        unsubscribed_through=bindparam("source"),
        updated_at=bindparam("now", type_=Instant),
    )
)
# Whoever lifted a suppression starts the row anew.
_is_soft: Final = exists().where(
    _e.delivery_id == _d.id,
    _e.kind == EventKind.SOFT_BOUNCE,
    ~exists().where(_l.key == _s.email_key, _l.lifted_at >= _e.at),
)
_HISTORY: Final = (
    select(_d.subscriber_id, _d.status, _is_soft)
    .join(subscribers, _s.id == _d.subscriber_id)
    .where(_d.subscriber_id.in_(_of_ids), _d.month.in_(select(issues.c.month)))
    .order_by(_d.subscriber_id, _d.month.desc())
)


@dataclass(frozen=True, slots=True)
class Effects:
    """The events that had not been told before, and what they did."""

    new: frozenset[DeliveryEvent] = frozenset()
    suppressed: int = 0
    unsubscribed: int = 0


def have_effects(
    connection: Connection,
    events: Sequence[DeliveryEvent],
    *,
    source: str,
    soft_bounces: int,
    now: datetime,
) -> Effects:
    """Suppress and unsubscribe the readers of the deliveries that `events` are about."""
    if not events:
        return Effects()
    await_writers(connection, subscribers)  # an erasure, after which the person is gone for us too
    ids = {event.delivery_id for event in events}
    told = {tuple(row) for row in _pieces(connection, _TOLD, ids)}
    readers: dict[str, str] = dict(_pieces(connection, _DELIVERIES, ids))
    new = frozenset(
        event for event in events if event.delivery_id in readers and event[:3] not in told
    )
    insert_absent(
        connection,
        delivery_events,
        [(event.delivery_id, event.kind.value, to_microseconds(event.at)) for event in new],
    )
    people: dict[str, str] = dict(
        _pieces(connection, _PEOPLE, {readers[event.delivery_id] for event in new})
    )
    reasons: dict[str, SuppressionReason] = {}  # by address
    leaving: set[str] = set()
    bouncing: set[str] = set()
    for event in new:
        reader = readers[event.delivery_id]
        if reader not in people:  # erased
            continue
        if event.kind is EventKind.UNSUBSCRIBED:
            leaving.add(reader)
        elif event.kind is EventKind.SOFT_BOUNCE:
            bouncing.add(reader)
        else:
            reasons[people[reader]] = _SUPPRESSES[event.kind]
    for reader in _worn_out(connection, bouncing, soft_bounces):
        reasons.setdefault(people[reader], SuppressionReason.SOFT_BOUNCES)
    at = to_microseconds(now)
    rows = [(key, reason.value, source, at) for key, reason in reasons.items()]
    suppressed = insert_absent(connection, suppressions, rows)
    left = 0
    for piece in _in_pieces(leaving):
        values = {"ids": piece, "source": source, "now": now}
        left += connection.execute(_UNSUBSCRIBE, values).rowcount
    return Effects(new, suppressed, left)


def _worn_out(connection: Connection, readers: Iterable[str], soft_bounces: int) -> Iterator[str]:
    """Those of `readers` whose last issues, as many as `soft_bounces`, all bounced."""
    for reader, issues_ in groupby(_pieces(connection, _HISTORY, readers), key=itemgetter(0)):
        in_a_row = 0
        for _, status, is_soft in issues_:
            if is_soft:
                in_a_row += 1
            elif status in _GOT_THROUGH:
                break
        if in_a_row >= soft_bounces:
            yield reader


def _pieces(connection: Connection, statement: AnySelect, ids: Iterable[str]) -> list[AnyRow]:
    """The rows of a statement for all `ids`, some hundred at a time."""
    return [
        row for piece in _in_pieces(ids) for row in connection.execute(statement, {"ids": piece})
    ]


def _in_pieces(ids: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(ids)
    return (ordered[start : start + _PIECE] for start in range(0, len(ordered), _PIECE))
