"""Alerts: what was told of which issue, so that nothing is told twice, restarts included."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, update

from newsletter.ledger.database import Database, insert_absent
from newsletter.ledger.tables import alerts, to_microseconds
from newsletter.model.alert import AlertKind

# Who took an alert and has not said by then that it left is dead, or could not send it.
_PATIENCE: Final = timedelta(minutes=5)


class Alerts:
    """One alert of a kind for each issue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, month: str, kind: AlertKind, *, now: datetime) -> bool:
        """Whether the alert is to be sent by whoever asks: nobody has sent it or is about to."""
        is_it = (alerts.c.month == month) & (alerts.c.kind == kind)
        is_given_up = or_(alerts.c.taken_at < now - _PATIENCE, alerts.c.taken_at > now + _PATIENCE)
        with self._database.write() as connection:
            row = (month, kind.value, to_microseconds(now))
            if insert_absent(connection, alerts, [row]):
                return True
            retake = update(alerts).where(is_it, alerts.c.sent_at.is_(None), is_given_up)
            return connection.execute(retake.values(taken_at=now)).rowcount == 1

    def settle(self, month: str, kind: AlertKind, *, now: datetime) -> None:
        """Write down that the alert has left."""
        is_it = (alerts.c.month == month) & (alerts.c.kind == kind)
        with self._database.write() as connection:
            connection.execute(update(alerts).where(is_it).values(sent_at=now))
