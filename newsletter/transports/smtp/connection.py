"""A connection that opens itself when there is a message to carry, and anew when it is dead."""

from collections.abc import Callable, Sequence
from threading import Event
from time import monotonic
from typing import Final, NamedTuple

from newsletter.errors import TransportError
from newsletter.model.delivery import Receipt
from newsletter.model.message import Message
from newsletter.transports.base import Hurried, Note
from newsletter.transports.look_up import Endpoint
from newsletter.transports.smtp.letter import Letter, Letters
from newsletter.transports.smtp.opening import look_up, open_wire
from newsletter.transports.smtp.relay import Relay
from newsletter.transports.smtp.session import Foresight, Session, Verdict
from newsletter.transports.smtp.waiting import Dialogue, LongDialogue

_LONGEST_PAUSE: Final = 30.0  # seconds; routers on the way forget a silent connection
_ENDPOINTS_LAST: Final = 60.0  # seconds


class Acquaintance:
    """What the connections know of the server together: where it listens, and a habit of its."""

    def __init__(self, relay: Relay, timeout: float) -> None:
        self._relay = relay
        self._timeout = timeout
        self._endpoints: Sequence[Endpoint] = ()
        self._looked_up_at = 0.0
        self.foresight = Foresight()

    def endpoints(self) -> Dialogue[Sequence[Endpoint]]:
        """At least one, looked up now and then. Raises TransportError."""
        if not self._endpoints or monotonic() > self._looked_up_at + _ENDPOINTS_LAST:
            self._endpoints = yield from look_up(self._relay, self._timeout)
            self._looked_up_at = monotonic()
        return self._endpoints


class Ending(NamedTuple):
    """Why a connection carries no more, and the messages that it certainly did not carry."""

    error: TransportError | None = None  # the way is closed for everybody
    unsent: Sequence[Message] = ()


class Connection:
    """One of a pool's, used by one thread at a time. In a `hurry` it lets no message leave."""

    def __init__(
        self, relay: Relay, server: Acquaintance, sender: str, timeout: float, hurry: Event
    ) -> None:
        self._relay = relay
        self._server = server
        self._sender = sender
        self._timeout = timeout
        self._hurry = hurry
        self._session: Session | None = None
        self._used_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether it was, when last used."""
        return self._session is not None

    def carry(
        self, first: Message, ask: Callable[[], Message | None], note: Note
    ) -> LongDialogue[Receipt | Ending]:
        """Send this message and others as long as there are; a receipt for each."""

        def note_in_time(delivery_id: str) -> None:
            self._check_hurry()
            note(delivery_id)

        letters = Letters(first, ask, self._sender, note_in_time)
        while letter := letters.take():
            delivery_id = letter.message.personalisation.delivery_id
            try:
                verdict = yield from self._deliver(letter, letters.peek)
            except TransportError as error:
                return Ending(error, [letter.message, *letters.left()])
            finally:
                self._settle()
            yield Receipt(delivery_id, verdict.outcome, verdict.detail)
        return Ending()

    def close(self) -> None:
        """Hang up."""
        if self._session:
            self._session.close()
            self._session = None

    def _check_hurry(self) -> None:
        if self._hurry.is_set():
            raise Hurried("told to stop", where=self._relay.place)

    def _deliver(self, letter: Letter, peek: Callable[[], Letter | None]) -> Dialogue[Verdict]:
        self._check_hurry()
        if monotonic() > self._used_at + _LONGEST_PAUSE:
            self.close()
        if self._session:
            verdict = yield from self._session.deliver(letter, peek)
            if verdict.is_heard:
                return verdict
            self.close()  # dead since it was last used: as if it had not been there
        session = yield from self._open()
        return (yield from session.deliver(letter, peek))

    def _open(self) -> Dialogue[Session]:
        self._check_hurry()
        endpoints = yield from self._server.endpoints()
        wire, extensions = yield from open_wire(self._relay, endpoints, self._timeout)
        self._session = Session(wire, extensions, self._relay.place, self._server.foresight)
        return self._session

    def _settle(self) -> None:
        self._used_at = monotonic()
        if self._session and self._session.is_spent:
            self.close()
