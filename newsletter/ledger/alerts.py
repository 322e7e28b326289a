"""Alerts: what was told of which issue, so that nothing is told twice, restarts included."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, update

from newsletter.ledger.database import Database, insert_absent
from newsletter.ledger.tables import alerts, to_microseconds
from newsletter.model.alert import AlertKind

# Who took an alert and has not said by then that it left is dead, or could not send it.
_PATIENCE: Final = timedelta(minutes=5)


class Alerts:
    """One alert of a kind for each issue and recipient; a monitor's recipient is empty."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, month: str, kind: AlertKind, recipient: str, *, now: datetime) -> bool:
        """Whether the alert is to be sent by whoever asks: nobody has sent it or is about to."""
        is_given_up = or_(alerts.c.taken_at < now - _PATIENCE, alerts.c.taken_at > now + _PATIENCE)
        with self._database.write() as connection:
            row = (month, kind.value, recipient, to_microseconds(now))
            if insert_absent(connection, alerts, [row]):
                return True
            is_open = _is(month, kind, recipient) & alerts.c.sent_at.is_(None) & is_given_up
            retake = update(alerts).where(is_open).values(taken_at=now)
            return connection.execute(retake).rowcount == 1

    def settle(self, month: str, kind: AlertKind, recipient: str, *, now: datetime) -> None:
        """Write down that the alert has left."""
        statement = update(alerts).where(_is(month, kind, recipient)).values(sent_at=now)
        with self._database.write() as connection:
            connection.execute(statement)


def _is(month: str, kind: AlertKind, recipient: str) -> ColumnElement[bool]:
    return and_(alerts.c.month == month, alerts.c.kind == kind, alerts.c.recipient == recipient)
