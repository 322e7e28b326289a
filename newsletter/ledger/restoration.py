"""A database that may be older than the world, as a backup is that was put back.

What it has as planned may have been sent since. It is known by the mark that `mark_as_backup` left
in its file, and by news of deliveries that it has never heard of.
"""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Final

from sqlalchemy import Update, exists, or_, select, text, update

from newsletter.ledger.database import Database
from newsletter.ledger.states import lock_issue
from newsletter.ledger.tables import BatchStatus, batches, deliveries, delivery_events
from newsletter.model.delivery import PENDING, DeliveryStatus
from newsletter.model.feedback import EFFECTIVE, DeliveryEvent

_d, _b, _e = deliveries.c, batches.c, delivery_events.c
_was_unknown: Final = _e.kind.not_in(EFFECTIVE)  # of a known delivery such news is not kept
_RESTORED: Final = "planned in a backup that was put back; it may have been sent since"


def mark_as_backup(file: Path, at: datetime) -> None:
    """Have a copy of the database tell for good that it is one, and of when."""
    with closing(sqlite3.connect(file)) as database:
        # SQLite keeps this number for its users; a file that never was a backup has 0.
        database.execute(f"PRAGMA user_version = {ceil(at.timestamp() / 60)}").close()


class Restoration:
    """What becomes uncertain by it. A delivery that somebody may have is not sent by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def backed_up_at(self) -> datetime | None:
        """When the backup was made that this database is; nothing where it is none."""
        if not self._database.file:
            return None
        with self._database.read() as connection:
            minutes = connection.scalar(text("PRAGMA user_version")) or 0
        return datetime.fromtimestamp(minutes * 60, UTC) if minutes else None

    def conclude(self, *, now: datetime) -> None:
        """Be no backup any more; what was planned in it is uncertain."""
        if self.backed_up_at() is None:
            return
        with self._database.write() as connection:
            connection.execute(_lose_sight(_RESTORED, now).where(_d.status.in_(PENDING)))
            connection.execute(_CLOSE)
            connection.execute(text("PRAGMA user_version = 0"))

    def lose_sight(self, month: str, reason: str, *, now: datetime) -> int:
        """Make uncertain whatever of the issue is still to be sent; how many deliveries that is."""
        with self._database.write() as connection:
            lock_issue(connection, month)
            number = connection.execute(
                _lose_sight(reason, now).where(_d.month == month, _d.status.in_(PENDING))
            ).rowcount
            connection.execute(_CLOSE.where(_b.month == month))
        return number

    def reports(self, month: str) -> list[DeliveryEvent]:
        """The news of deliveries that are open here, and were unknown when it came."""
        open_ = or_(_d.status.in_(PENDING), _d.status == DeliveryStatus.UNCERTAIN)
        statement = (
            select(_e.delivery_id, _e.kind, _e.at)
            .join(deliveries, _d.id == _e.delivery_id)
            .where(_d.month == month, open_, _was_unknown)
        )
        with self._database.read() as connection:
            # Nearly always there is none, and all of an issue's deliveries need not be looked at.
            if not connection.scalar(select(exists().where(_was_unknown))):
                return []
            return [DeliveryEvent(*row) for row in connection.execute(statement)]


_CLOSE: Final = (
    update(batches)
    .where(_b.status != BatchStatus.DONE)
    .values(status=BatchStatus.DONE, owner=None, fence=_b.fence + 1)
)


def _lose_sight(reason: str, now: datetime) -> Update:
    return update(deliveries).values(status=DeliveryStatus.UNCERTAIN, reason=reason, updated_at=now)
