"""A ledger with promises, and ways out that do as they are told."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from uuid import NAMESPACE_URL, uuid5

from newsletter.dispatch.dispatcher import DispatchReport, Manners, dispatch
from newsletter.dispatch.pacing import Patience
from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.ledger import Ledger
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.delivery import Delivery, DeliveryStatus, Outcome, PlannedDelivery, Receipt
from newsletter.model.message import Address, Encode, Message, Personalisation
from newsletter.model.subscriber import SubscriberRow, SubscriptionStatus
from newsletter.model.variant import OpenText, RenderedVariant, Variant
from newsletter.transports.base import Appointment, Commit, Note, Transport

MONTH = "2022-11"
NOW = datetime(2022, 11, 15, 14, tzinfo=UTC)
RENDERED = RenderedVariant(
    Variant("en-all", MONTH, "en", (), ()), "News", OpenText(("<p>News</p>",)), OpenText(("News",))
)

PATIENCE = Patience(first=timedelta(minutes=10), attempts=5)


def encode(reader: Personalisation) -> list[bytes]:
    return [f"To: {reader.recipient.email}\r\n\r\n".encode()]


class Sender:
    """A ledger in a folder, and the step that sends what it promises."""

    def __init__(self, folder: Path, url: str = "sqlite:///newsletter.db") -> None:
        self.database = Database.open(url, base=folder)
        self.deliveries = Deliveries(self.database)

    def promise(self, count: int, *, batch_size: int = 1000) -> list[str]:
        """Promise the issue to so many subscribers; the ids of the deliveries."""
        addresses = [f"reader-{number}@reader.example" for number in range(count)]
        subscribers = Subscribers(self.database)
        subscribers.import_rows(
            [
                SubscriberRow(a, a, "", (), "", SubscriptionStatus.CONFIRMED, None, "")
                for a in addresses
            ],
            now=NOW,
            is_erased=None,
        )
        promised = [
            PlannedDelivery(str(uuid5(NAMESPACE_URL, id_)), id_, "en-all")
            for id_, *_ in subscribers.unplanned(MONTH)
        ]
        self.deliveries.freeze(MONTH, digests={}, content="", now=NOW)
        self.deliveries.plan(MONTH, promised, now=NOW, batch_size=batch_size)
        return [planned.delivery_id for planned in promised]

    def send(
        self,
        transport: Transport,
        *,
        limit: int | None = None,
        progress: Callable[[DispatchReport], None] = lambda _: None,
        stop: Event | None = None,
        now: datetime = NOW,
        clock: Callable[[], datetime] | None = None,
        manners: Manners | None = None,
        encode: Encode = encode,
    ) -> DispatchReport:
        def write(
            variant_id: str, deliveries: Sequence[Delivery], leaves_at: datetime | None
        ) -> list[Message]:
            assert variant_id == "en-all"
            return [
                Message(RENDERED, Personalisation(each.id, Address(each.email), "", "", ""), encode)
                for each in deliveries
            ]

        return dispatch(
            MONTH,
            Ledger.of(self.database),
            transport,
            write,
            manners or Manners(limit=limit, patience=PATIENCE, linger=timedelta()),
            progress=progress,
            stop=stop or Event(),
            clock=clock or (lambda: now),
        )

    def counts(self) -> dict[DeliveryStatus, int]:
        return self.deliveries.counts(MONTH)


class Carrier:
    """A way out that answers as it is told, and remembers what it was given."""

    name = "carrier"
    parallel = 1
    in_hand = 1000
    needs_notes = True
    head_start = timedelta()

    def __init__(
        self,
        answer: Callable[[str], Outcome],
        *,
        is_repeatable: bool = False,
        words: str = "said of {}",
        commits: str = "",
    ) -> None:
        self.is_repeatable = is_repeatable
        self._words = words
        self._commits = commits
        self.given: list[str] = []
        self._answer = answer

    def send(
        self,
        messages: Iterable[Message],
        commit: Commit | None = None,
        appointment: Appointment | None = None,  # noqa: ARG002
        note: Note | None = None,
    ) -> Iterator[Receipt]:
        if commit and self._commits:
            commit(self._commits)
        for message in messages:
            delivery_id = message.personalisation.delivery_id
            self.given.append(delivery_id)
            if note:
                note(delivery_id)
            yield Receipt(delivery_id, self._answer(delivery_id), self._words.format(delivery_id))

    def can_repeat(self, provider_batch_id: str | None) -> bool:  # noqa: ARG002
        return self.is_repeatable

    def hurry(self) -> None:
        pass

    def close(self) -> None:
        pass


def in_outbox(path: Path) -> list[str]:
    """The deliveries whose file is there and whole."""
    files = sorted((path / "new").iterdir())
    assert all(file.read_bytes().endswith(b"@reader.example\r\n\r\n") for file in files)
    return [file.stem for file in files]
