"""Suppressions taken away again: by whom, why and when, on record for good."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from newsletter.ledger.database import Database
from newsletter.ledger.tables import lifted_suppressions, suppressions
from newsletter.model.subscriber import LiftedSuppression, Suppression

_l = lifted_suppressions.c


class Suppressions:
    """What was lifted. An `email_key` is an address as addresses are compared."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lift(self, email_key: str, *, by: str, because: str, now: datetime) -> bool:
        """Let an address be mailed again; False where it was not suppressed.

        An erased address is not known by its key, and stays erased.
        """
        with self._database.write() as connection:
            found = connection.execute(
                delete(suppressions)
                .where(suppressions.c.key == email_key)
                .returning(suppressions.c.reason, suppressions.c.source, suppressions.c.at)
            ).one_or_none()
            if found is None:
                return False
            connection.execute(
                insert(lifted_suppressions).values(
                    key=email_key,
                    reason=found.reason,
                    source=found.source,
                    suppressed_at=found.at,
                    lifted_by=by,
                    lifted_because=because,
                    lifted_at=now,
                )
            )
        return True

    def lifted(self, email_key: str) -> list[LiftedSuppression]:
        """Every suppression of an address that was lifted, oldest first."""
        statement = (
            select(
                *(_l.reason, _l.source, _l.suppressed_at),
                *(_l.lifted_by, _l.lifted_because, _l.lifted_at),
            )
            .where(_l.key == email_key)
            .order_by(_l.number)
        )
        with self._database.read() as connection:
            return [
                LiftedSuppression(Suppression(*suppression), by, because, at)
                for *suppression, by, because, at in connection.execute(statement)
            ]


def forget_lifted(connection: Connection, email_key: str) -> None:
    """Remove what is on record of an address that is being erased."""
    connection.execute(delete(lifted_suppressions).where(_l.key == email_key))
