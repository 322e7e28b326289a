"""News of deliveries, and what it moves: statuses, suppressions, people who left."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    SmallInteger,
    Table,
    Text,
    bindparam,
    delete,
    select,
    type_coerce,
    update,
)
from sqlalchemy.schema import CreateTable

from newsletter.ledger.database import Database, insert_absent
from newsletter.ledger.effects import have_effects
from newsletter.ledger.tables import (
    STATUS_CODES,
    BatchStatus,
    Instant,
    StatusCode,
    batches,
    deliveries,
    delivery_events,
    issues,
    key_text,
    subscribers,
    to_microseconds,
)
from newsletter.model.delivery import PENDING, SENT, DeliveryStatus, IssueState
from newsletter.model.feedback import (
    EFFECTIVE,
    MOVES,
    ORDER,
    SOFT_BOUNCES,
    DeliveryEvent,
    FeedbackCounts,
)

_d, _b = deliveries.c, batches.c
_now: Final = bindparam("now", type_=Instant)
_OPEN: Final = frozenset(STATUS_CODES[status] for status in (*PENDING, DeliveryStatus.UNCERTAIN))
_MOVES: Final = {
    (STATUS_CODES[status], kind): STATUS_CODES[becomes] for (status, kind), becomes in MOVES.items()
}

# The deliveries that there is news of; then those that it moves, and to what.
_news: Final = Table(
    "news",
    MetaData(),
    Column("delivery_id", key_text(36)),
    Column("status", StatusCode),
    Column("reason", Text),
    prefixes=["TEMPORARY"],
)
_with_news: Final = _news.join(deliveries, _d.id == _news.c.delivery_id)

# Whoever else writes to many deliveries holds their issue or their batches before: so nobody waits
# for somebody who waits for them.
_SHARE_UNFINISHED: Final = (
    select(issues.c.month)
    .where(issues.c.state != IssueState.FINISHED)
    .order_by(issues.c.month)
    .with_for_update(read=True)
)
_HOLD_BATCHES: Final = (
    select(_b.id)
    .where(_b.month.in_(bindparam("months", expanding=True)), _b.status != BatchStatus.DONE)
    .where(_b.id.in_(select(_d.batch_id).select_from(_with_news).where(_d.status.in_(PENDING))))
    .order_by(_b.id)
    .with_for_update()
)
_STANDING: Final = (
    select(_d.id, type_coerce(_d.status, SmallInteger))
    .select_from(_with_news)
    .order_by(_d.id)
    .with_for_update(of=deliveries)
)
_MOVE: Final = (
    update(deliveries)
    .where(_d.id == _news.c.delivery_id)
    .values(status=_news.c.status, reason=_news.c.reason, updated_at=_now)
)
_MONTHS: Final = select(_d.month).select_from(_with_news).distinct()


@dataclass(frozen=True, slots=True)
class TakenNews:
    """What came of some news, and the months in which something is no longer open by it."""

    counts: FeedbackCounts
    settled: frozenset[str]


class DeliveryEvents:
    """The news of deliveries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(
        self,
        events: Sequence[DeliveryEvent],
        *,
        source: str,
        soft_bounces: int = SOFT_BOUNCES,
        now: datetime,
    ) -> TakenNews:
        """Move the deliveries, suppress and unsubscribe, all or nothing.

        An event told before, in whatever order, changes nothing; one of an unknown delivery makes
        nothing, and is kept if it is of an issue's: a newer ledger than this one knew of it. After
        `soft_bounces` in a row, from issue to issue, an address is suppressed.
        """
        effective = [event for event in events if event.kind in EFFECTIVE]
        with self._database.write() as connection:
            # Before any delivery is locked: an erasure locks the people first, too.
            effects = have_effects(
                connection, effective, source=source, soft_bounces=soft_bounces, now=now
            )
            _hold(connection, events)
            standing: dict[str, int] = dict(connection.execute(_STANDING).all())
            moved: dict[str, tuple[int, str]] = {}
            taken = repeated = 0
            unknown: list[DeliveryEvent] = []
            was_open = False
            for event in sorted(events, key=_in_order):
                status = standing.get(event.delivery_id)
                if status is None:
                    unknown.append(event)
                elif becomes := _MOVES.get((status, event.kind)):
                    standing[event.delivery_id] = becomes
                    moved[event.delivery_id] = (becomes, event.reason)
                    was_open |= status in _OPEN
                    taken += 1
                elif event in effects.new:
                    taken += 1
                else:
                    repeated += 1
            settled = _move(connection, moved, was_open=was_open, now=now)
            _remember(connection, unknown)
        counts = FeedbackCounts(
            taken, repeated, len(unknown), effects.suppressed, effects.unsubscribed
        )
        return TakenNews(counts, settled)

    def last_delivery(self, email_key: str, *, since: datetime) -> str | None:
        """The delivery of the latest issue that was sent to an address `since` then."""
        statement = (
            select(_d.id)
            .join(subscribers, subscribers.c.id == _d.subscriber_id)
            .where(subscribers.c.email_key == email_key, _d.month.in_(select(issues.c.month)))
            .where(_d.status.in_(SENT), _d.updated_at >= since)
            .order_by(_d.month.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            found: str | None = connection.scalar(statement)
        return found


def _remember(connection: Connection, unknown: Iterable[DeliveryEvent]) -> None:
    """Keep the news of deliveries of issues (UUIDv5: not of test copies) that are not here."""
    insert_absent(
        connection,
        delivery_events,
        [
            (event.delivery_id, event.kind.value, to_microseconds(event.at))
            for event in unknown
            if event.month and event.delivery_id[14:15] == "5" and event.kind not in EFFECTIVE
        ],
    )


def _in_order(event: DeliveryEvent) -> tuple[datetime, int]:
    return event.at, ORDER[event.kind]


def _hold(connection: Connection, events: Iterable[DeliveryEvent]) -> None:
    """Stage the deliveries there is news of, and let no sender touch those of theirs."""
    connection.execute(CreateTable(_news, if_not_exists=True))
    ids = {event.delivery_id for event in events}
    insert_absent(connection, _news, [(delivery_id,) for delivery_id in ids])
    if months := connection.scalars(_SHARE_UNFINISHED).all():
        connection.execute(_HOLD_BATCHES, {"months": months})


def _move(
    connection: Connection,
    moved: dict[str, tuple[int, str]],
    *,
    was_open: bool,
    now: datetime,
) -> frozenset[str]:
    """Write where the deliveries stand now; gives their months if any of them was open."""
    connection.execute(delete(_news))
    rows = [(delivery_id, code, reason) for delivery_id, (code, reason) in moved.items()]
    if not rows:
        return frozenset()
    insert_absent(connection, _news, rows)
    connection.execute(_MOVE, {"now": now})
    months = connection.scalars(_MONTHS).all() if was_open else ()
    connection.execute(delete(_news))
    return frozenset(months)
