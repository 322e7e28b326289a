"""A connection that opens itself when there is a message to carry, and anew when it is dead."""

from collections.abc import Sequence
from time import monotonic
from typing import Final

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Message
from newsletter.transports.smtp.envelope import Envelope
from newsletter.transports.smtp.opening import look_up, open_wire
from newsletter.transports.smtp.relay import Relay
from newsletter.transports.smtp.session import Session, Verdict
from newsletter.transports.smtp.waiting import Dialogue
from newsletter.transports.smtp.wire import Endpoint

_MOST_MESSAGES: Final = 1000  # then a server behind a name shared by several gets its turn
_LONGEST_PAUSE: Final = 30.0  # seconds; routers on the way forget a silent connection
_ENDPOINTS_LAST: Final = 60.0  # seconds


class Directory:
    """Where the server listens, looked up now and then. Raises TransportError."""

    def __init__(self, relay: Relay, timeout: float) -> None:
        self._relay = relay
        self._timeout = timeout
        self._endpoints: Sequence[Endpoint] = ()
        self._looked_up_at = 0.0

    def endpoints(self) -> Sequence[Endpoint]:
        """At least one; may block for the time-out."""
        if not self._endpoints or monotonic() > self._looked_up_at + _ENDPOINTS_LAST:
            self._endpoints = look_up(self._relay, self._timeout)
            self._looked_up_at = monotonic()
        return self._endpoints


class Connection:
    """One of a pool's, used by one thread at a time."""

    def __init__(self, relay: Relay, directory: Directory, sender: str, timeout: float) -> None:
        self._relay = relay
        self._directory = directory
        self._sender = sender
        self._timeout = timeout
        self._session: Session | None = None
        self._used_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it was, when last used."""
        return self._session is not None

    def carry(self, message: Message) -> Dialogue[Receipt | TransportError]:
        """Send one message. The error, where the way is closed for everybody."""
        delivery_id = message.personalisation.delivery_id
        envelope = Envelope(
            self._sender.replace("{token}", delivery_id),
            message.personalisation.recipient.wire_email,
        )
        if not envelope.is_sound:
            return Receipt(delivery_id, Outcome.REFUSED, "SMTP cannot carry such an address")
        try:
            verdict = yield from self._deliver(envelope, message.to_bytes())
        except TransportError as error:
            return error
        finally:
            self._settle()
        return Receipt(delivery_id, verdict.outcome, verdict.detail)

    def close(self) -> None:
        """Hang up."""
        if self._session:
            self._session.close()
            self._session = None

    def _deliver(self, envelope: Envelope, content: bytes) -> Dialogue[Verdict]:
        if monotonic() > self._used_at + _LONGEST_PAUSE:
            self.close()
        if self._session:
            verdict = yield from self._session.deliver(envelope, content)
            if verdict.is_heard:
                return verdict
            self.close()  # dead since it was last used: as if it had not been there
        session = yield from self._open()
        return (yield from session.deliver(envelope, content))

    def _open(self) -> Dialogue[Session]:
        endpoints = self._directory.endpoints()
        wire, extensions = yield from open_wire(self._relay, endpoints, self._timeout)
        self._session = Session(wire, extensions, self._relay.place)
        return self._session

    def _settle(self) -> None:
        self._used_at = monotonic()
        if self._session and (self._session.is_over or self._session.messages >= _MOST_MESSAGES):
            self.close()
