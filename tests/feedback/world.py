"""A list whose readers have been sent some issues, and news of what became of them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from newsletter.feedback import Feedback
from newsletter.ledger.database import Database
from newsletter.ledger.ledger import Ledger
from newsletter.model.delivery import DeliveryStatus, Outcome, PlannedDelivery, Receipt
from newsletter.model.feedback import DeliveryEvent, EventKind, FeedbackCounts
from newsletter.model.subscriber import Subscriber, SubscriberRow
from newsletter.personalise.delivery_id import delivery_id

NOW = datetime(2022, 11, 15, 14, tzinfo=UTC)
MONTH = "2022-11"
LIST_ID = "digest.news.example"


class World:
    """A ledger, the readers in it, and what is told of their deliveries."""

    def __init__(self, database: Database, *, soft_bounces: int = 5) -> None:
        self.ledger = Ledger.of(database)
        self.feedback = Feedback(self.ledger, soft_bounces=soft_bounces)

    def subscribe(self, number: int) -> list[str]:
        """So many confirmed readers; their addresses."""
        emails = [f"reader{n}@clinic.example" for n in range(number)]
        self.ledger.subscribers.import_rows(
            [SubscriberRow(email, email) for email in emails], now=NOW, is_erased=None
        )
        return emails

    def send(self, month: str = MONTH, outcome: Outcome | None = Outcome.ACCEPTED) -> list[str]:
        """Send the issue to all who may be mailed; the ids of the deliveries by address.

        Without an outcome the sender is still at it.
        """
        deliveries = self.ledger.deliveries
        deliveries.freeze(month, digests={}, content="", now=NOW)
        readers = [id_ for id_, *_ in self.ledger.subscribers.unplanned(month)]
        promised = [PlannedDelivery(delivery_id(LIST_ID, month, id_), id_, "en") for id_ in readers]
        deliveries.plan(month, promised, now=NOW)
        batch = deliveries.claim(month, "sender", now=NOW)
        assert batch
        if outcome:
            answers = [Receipt(one.id, outcome, "said so") for one in batch.deliveries]
            deliveries.record(batch, answers, now=NOW)
        return [one.id for one in sorted(batch.deliveries, key=lambda one: one.email)]

    def tell(
        self, events: Sequence[DeliveryEvent], *, now: datetime = NOW, source: str = "sendgrid"
    ) -> FeedbackCounts:
        return self.feedback.take(events, source=source, now=now)

    def status(self, delivery: str, month: str = MONTH) -> DeliveryStatus:
        return self.line(delivery, month)[0]

    def line(self, delivery: str, month: str = MONTH) -> tuple[DeliveryStatus, str]:
        """The status of a delivery and its reason."""
        found = {o.delivery_id: o for o in self.ledger.deliveries.outcomes(month)}[delivery]
        return found.status, found.reason

    def reader(self, email: str) -> Subscriber:
        found = self.ledger.subscribers.find(email)
        assert found
        return found

    def mailable(self) -> list[str]:
        """Whom the next issue would go to."""
        people = self.ledger.subscribers
        found = [people.get(id_) for id_, *_ in people.unplanned("2030-01")]
        return sorted(person.email for person in found if person)


def told(delivery: str, kind: EventKind, *, after: int = 0, reason: str = "") -> DeliveryEvent:
    """News of a delivery so many seconds after it was sent."""
    return DeliveryEvent(delivery, kind, NOW + timedelta(seconds=after), reason)


def all_told(deliveries: Iterable[str], kind: EventKind) -> list[DeliveryEvent]:
    return [told(delivery, kind) for delivery in deliveries]
