"""People and promises for the ledger's tests."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from uuid import NAMESPACE_DNS, uuid5

from sqlalchemy import select

from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.subscribers import Subscribers
from newsletter.ledger.tables import deliveries as table
from newsletter.model.delivery import DeliveryStatus, Outcome, PlannedDelivery, Receipt
from newsletter.model.subscriber import SubscriberRow, SubscriptionStatus

MONTH = "2022-11"
NOW = datetime(2022, 11, 15, 14, 0, tzinfo=UTC)
UNSUBSCRIBED = SubscriptionStatus.UNSUBSCRIBED
UNCONFIRMED = SubscriptionStatus.UNCONFIRMED
CONFIRMED = SubscriptionStatus.CONFIRMED


def row(email: str = "ana@clinic.example", **cells: object) -> SubscriberRow:
    """A row of a file that has a column for each of `cells`."""
    return SubscriberRow(email, email.casefold(), **cells)  # type: ignore[arg-type]


def rows(number: int) -> Iterator[SubscriberRow]:
    return (row(f"reader{index}@clinic.example") for index in range(number))


def promise(subscriber_id: str, variant_id: str = "en-all") -> PlannedDelivery:
    delivery_id = str(uuid5(NAMESPACE_DNS, f"{MONTH}/{subscriber_id}"))
    return PlannedDelivery(delivery_id, subscriber_id, variant_id)


def promises(subscribers: Subscribers, variants: int = 1) -> Iterator[PlannedDelivery]:
    """A promise to everybody who has none yet, the variants alternating."""
    for index, (subscriber_id, *_) in enumerate(subscribers.unplanned(MONTH)):
        yield promise(subscriber_id, f"en-{index % variants}")


def receipts(ids: Iterable[str], outcome: Outcome, detail: str = "") -> list[Receipt]:
    return [Receipt(delivery_id, outcome, detail) for delivery_id in ids]


def statuses(database: Database) -> dict[str, DeliveryStatus]:
    """The status of every delivery by its id."""
    with database.read() as connection:
        return dict(connection.execute(select(table.c.id, table.c.status)).all())


def begin(deliveries: Deliveries) -> None:
    deliveries.freeze(MONTH, digests={"issue.toml": "00"}, content="frozen", now=NOW)
