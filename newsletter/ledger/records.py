"""What is on record of people beside their subscription: to show, to prove and to hand over."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple

from sqlalchemy import exists, select

from newsletter.ledger.database import AnyRow, Database
from newsletter.ledger.tables import consents, deliveries, issues, subscribers, suppressions
from newsletter.model.delivery import DeliveryStatus
from newsletter.model.subscriber import Consent, Suppression


class PastDelivery(NamedTuple):
    """What became of one issue for one person; `at` is when the status last moved."""

    month: str
    status: DeliveryStatus
    reason: str
    at: datetime


class Departure(NamedTuple):
    """When and through what a person left."""

    at: datetime
    through: str


_PAGE: Final = 5000

_c, _d = consents.c, deliveries.c
_CONSENT = (_c.at, _c.source, _c.how, _c.recorded_at, _c.words, _c.version, _c.client)
_SUPPRESSION = (suppressions.c.reason, suppressions.c.source, suppressions.c.at)


class Records:
    """The records. An `email_key` is an address as addresses are compared."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def suppression(self, email_key: str) -> Suppression | None:
        """Why an address must not be mailed, whether or not anybody stored has it."""
        statement = select(*_SUPPRESSION).where(suppressions.c.key == email_key)
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Suppression(*row)

    def departure(self, subscriber_id: str) -> Departure | None:
        """How somebody left who has."""
        statement = select(subscribers.c.unsubscribed_at, subscribers.c.unsubscribed_through).where(
            subscribers.c.id == subscriber_id, subscribers.c.unsubscribed_at.is_not(None)
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else Departure(*row)

    def deliveries(self, subscriber_id: str, *, most: int) -> list[PastDelivery]:
        """What became of the issues that were promised to a person, the latest months first."""
        statement = (
            select(_d.month, _d.status, _d.reason, _d.updated_at)
            # Naming the months lets the database use its index of month and subscriber.
            .where(_d.subscriber_id == subscriber_id, _d.month.in_(select(issues.c.month)))
            .order_by(_d.month.desc())
            .limit(most)
        )
        with self._database.read() as connection:
            return [PastDelivery(*row) for row in connection.execute(statement)]

    def consents(self) -> Iterator[tuple[str, Consent]]:
        """Every consent on record with its person's address, by person and oldest first."""
        people = select(subscribers.c.id, subscribers.c.email)
        for page in _batched(self._database.pages(people, subscribers.c.id), _PAGE):
            emails = {row.id: row.email for row in page}
            statement = (
                select(_c.subscriber_id, *_CONSENT)
                .where(_c.subscriber_id.in_(emails))
                .order_by(_c.subscriber_id, _c.number)
            )
            with self._database.read() as connection:
                found = connection.execute(statement).all()
            for subscriber_id, *consent in found:
                yield emails[subscriber_id], Consent(*consent)

    def suppressed_strangers(self) -> Iterator[tuple[str, Suppression]]:
        """The suppressed addresses, as compared, that nobody stored has; not the erased ones."""
        is_stored = exists().where(subscribers.c.email_key == suppressions.c.key)
        statement = (
            select(suppressions.c.key, *_SUPPRESSION)
            .where(suppressions.c.key.contains("@"))
            .where(~is_stored)
        )
        for key, *suppression in self._database.pages(statement, suppressions.c.key):
            yield key, Suppression(*suppression)


def _batched(rows: Iterator[AnyRow], size: int) -> Iterator[list[AnyRow]]:
    while batch := list(islice(rows, size)):
        yield batch
