"""Messages to give to SendGrid, and somebody who gives them as the dispatcher would."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Address, Message, Personalisation
from newsletter.model.variant import MergeField, OpenText, RenderedVariant, Variant
from newsletter.personalise.headers import own_headers, shared_headers
from newsletter.transports.base import Transport
from newsletter.transports.sendgrid.client import SendgridClient
from newsletter.transports.sendgrid.doubt import Timing
from newsletter.transports.sendgrid.transport import Sendgrid
from tests.fakes.newsletters import NEWSLETTER
from tests.fakes.sendgrid_server import FakeSendgrid

RENDERED = RenderedVariant(
    variant=Variant("en-all", "2022-11", "en", ("01-alliance",), ()),
    subject="The alliance, measured",
    html=OpenText(
        (
            *("<p>", MergeField.GREETING, "</p>", '<a href="', MergeField.UNSUBSCRIBE_URL),
            *('">Leave</a> <a href="', MergeField.PREFERENCES_URL, '">Topics</a>'),
        )
    ),
    text=OpenText((MergeField.GREETING, "\n\nLeave: ", MergeField.UNSUBSCRIBE_URL, "\n")),
)


def message(
    number: int,
    *,
    email: str | None = None,
    name: str = "Anna Bell",
    rendered: RenderedVariant = RENDERED,
) -> Message:
    """A reader's message; those of one number are the same."""
    personalisation = Personalisation(
        delivery_id=f"7d444840-9dc0-51d1-b245-{number:012}",
        recipient=Address(email or f"reader-{number}@reader.example", name),
        greeting=f"Dear {name},",
        unsubscribe_url=f"https://news.example/unsubscribe/{number:066}",
        preferences_url=f"https://news.example/preferences/{number:066}",
    )
    return Message(
        rendered,
        personalisation,
        lambda _: [],
        shared_headers(NEWSLETTER, rendered.variant),
        own_headers(NEWSLETTER.list_id, personalisation),
    )


def messages(count: int) -> list[Message]:
    """So many, to as many readers."""
    return [message(number) for number in range(count)]


def open_sendgrid(
    fake: FakeSendgrid,
    *,
    key: str | None = None,
    timeout: float = 5.0,
    patience: float = 10.0,
    wait: Callable[[float], object] | None = None,
    is_sandbox: bool = False,
) -> Sendgrid:
    """The transport on a fake API; what it waits for passes at once."""
    client = SendgridClient(fake.url, key or fake.key, timedelta(seconds=timeout))
    timing = Timing(
        patience=timedelta(seconds=patience),
        wait=wait or (lambda seconds: fake.advance(timedelta(seconds=seconds))),
    )
    fake.at_end.callback(client.close)
    return Sendgrid(NEWSLETTER, client, timing, is_sandbox=is_sandbox)


@dataclass
class Sender:
    """Keeps the receipts and what was committed, and sends again what may be."""

    transport: Transport
    receipts: dict[str, Receipt] = field(default_factory=dict)
    committed: list[str] = field(default_factory=list)

    def send(self, batch: Iterable[Message]) -> list[Receipt]:
        """One attempt; the receipts in the order of the messages."""
        batch = list(batch)
        for receipt in self.transport.send(batch, self.committed.append):
            self.receipts[receipt.delivery_id] = receipt
        ids = [given.personalisation.delivery_id for given in batch]
        return [self.receipts[id_] for id_ in ids if id_ in self.receipts]

    def send_until_settled(self, batch: Sequence[Message]) -> list[Receipt]:
        """Attempts, each with what is left to send, until nothing is."""
        left = list(batch)
        while left:
            self.send(left)
            left = [m for m in left if self._outcome(m) is Outcome.RETRY]
        return [self.receipts[m.personalisation.delivery_id] for m in batch]

    def _outcome(self, given: Message) -> Outcome:
        return self.receipts[given.personalisation.delivery_id].outcome


def outcomes(receipts: Iterable[Receipt]) -> list[Outcome]:
    """What became of each."""
    return [receipt.outcome for receipt in receipts]


def readers(fake: FakeSendgrid) -> list[str]:
    """Whom SendGrid has written to once all that it holds has left, twice if so, sorted."""
    fake.advance(timedelta(hours=1))
    return sorted(email.to for email in fake.delivered)


def addresses(batch: Iterable[Message]) -> list[str]:
    """Whom it should have written to, sorted."""
    return sorted(given.personalisation.recipient.wire_email for given in batch)
