"""Messages for SMTP, the transport under test, and what comes of them."""

from collections.abc import Iterable
from datetime import timedelta
from ssl import SSLContext, create_default_context

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Address, Message, Personalisation
from newsletter.model.variant import OpenText, RenderedVariant, Variant
from newsletter.transports.base import Transport
from newsletter.transports.smtp.relay import Protection, Relay
from newsletter.transports.smtp.transport import Smtp

CONTENT = b"Subject: November\r\n\r\n.a line that begins with a dot\r\n..\r\n.\r\nthe end\r\n"
RENDERED = RenderedVariant(
    Variant("en-all", "2022-11", "en", (), ()), "November", OpenText(()), OpenText(())
)


def message(
    number: int = 0, *, email: str = "anna@reader.example", content: bytes = CONTENT
) -> Message:
    reader = Personalisation(f"delivery-{number}", Address(email), "", "", "")
    return Message(RENDERED, reader, lambda _: [content])


def open_smtp(
    port: int,
    *,
    host: str = "127.0.0.1",
    protection: Protection = Protection.NONE,
    tls: SSLContext | None = None,
    username: str | None = None,
    password: str = "",
    connections: int = 1,
    timeout: float = 20.0,
    sender: str = "bounces+{token}@list.example",
) -> Transport:
    """A transport whose VERP sender is `bounces+<delivery-id>@list.example` unless given."""
    relay = Relay(host, port, protection, username, password, tls or create_default_context())
    return Smtp(
        relay,
        envelope_sender=sender,
        connections=connections,
        timeout=timedelta(seconds=timeout),
    )


def outcomes(receipts: Iterable[Receipt]) -> list[Outcome]:
    return [receipt.outcome for receipt in receipts]


def attempt(transport: Transport, *messages: Message) -> list[Receipt | str]:
    """The receipts, and the error that came after them as its text."""
    results: list[Receipt | str] = []
    try:
        results.extend(transport.send(messages))
    except TransportError as error:
        results.append(str(error))
    transport.close()
    return results
