"""Alerts: what was told of which issue, so that nothing is told twice, restarts included."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, or_, select, update

from newsletter.ledger.database import Database, insert_absent
from newsletter.ledger.tables import alerts, to_microseconds
from newsletter.model.alert import AlertKind

# Who took an alert and has not said by then that it left is dead, or could not send it.
_PATIENCE: Final = timedelta(minutes=5)


class Alerts:
    """One alert of a kind for each issue and recipient, as long as what it tells is so.

    A monitor's recipient is empty.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, month: str, kind: AlertKind, recipient: str, *, now: datetime) -> int:
        """For the how-manieth time the alert is to be sent by whoever asks.

        0 where it is not: somebody has sent it, or is about to.
        """
        is_given_up = or_(alerts.c.taken_at < now - _PATIENCE, alerts.c.taken_at > now + _PATIENCE)
        is_this = _is(month, kind, recipient)
        with self._database.write() as connection:
            row = (month, kind.value, recipient, to_microseconds(now), None, 1)
            if insert_absent(connection, alerts, [row]):
                return 1
            is_open = alerts.c.sent_at.is_(None) & is_given_up & alerts.c.over_at.is_(None)
            retake = update(alerts).where(is_this, is_open).values(taken_at=now)
            renew = (
                update(alerts)
                .where(is_this, alerts.c.over_at.is_not(None))
                .values(
                    taken_at=now, sent_at=None, over_at=None, occurrence=alerts.c.occurrence + 1
                )
            )
            for statement in (retake, renew):
                taken: int | None = connection.scalar(statement.returning(alerts.c.occurrence))
                if taken:
                    return taken
        return 0

    def settle(self, month: str, kind: AlertKind, recipient: str, *, now: datetime) -> None:
        """Write down that the alert has left."""
        statement = update(alerts).where(_is(month, kind, recipient)).values(sent_at=now)
        with self._database.write() as connection:
            connection.execute(statement)

    def end(self, month: str, kinds: Collection[AlertKind], *, now: datetime) -> None:
        """Write down that what these told is so no more; should it come again, it is told anew."""
        is_told = and_(
            alerts.c.month == month, alerts.c.kind.in_(kinds), alerts.c.over_at.is_(None)
        )
        with self._database.read() as connection:
            if not connection.scalar(select(exists().where(is_told))):
                return
        with self._database.write() as connection:
            connection.execute(update(alerts).where(is_told).values(over_at=now))


def _is(month: str, kind: AlertKind, recipient: str) -> ColumnElement[bool]:
    return and_(alerts.c.month == month, alerts.c.kind == kind, alerts.c.recipient == recipient)
