"""How fast a way out may go, kept to by all senders together."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select, update

from newsletter.ledger.database import Database, insert_absent
from newsletter.ledger.tables import paces, to_microseconds

_LONGEST: Final = timedelta(minutes=10)  # what is later was written under a wrong clock


class Paces:
    """The time at which each way out is free again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def reserve(
        self, transport: str, messages: int, *, per_second: float, now: datetime
    ) -> datetime:
        """When so many messages may begin to leave, if all senders keep to the rate."""
        is_it = paces.c.transport == transport
        with self._database.write() as connection:
            insert_absent(connection, paces, [(transport, to_microseconds(now))])
            free = connection.execute(select(paces.c.free_at).where(is_it).with_for_update())
            free_at: datetime = free.scalar_one()
            begins_at = now if free_at - now > _LONGEST else max(now, free_at)
            after = begins_at + timedelta(seconds=messages / per_second)
            connection.execute(update(paces).where(is_it).values(free_at=after))
        return begins_at
