"""A message as a server sees it, and the order in which one connection is given them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from newsletter.model.message import Message
from newsletter.transports.base import Note
from newsletter.transports.smtp.envelope import Envelope


class Letter(NamedTuple):
    """A message in its envelope."""

    message: Message
    envelope: Envelope
    pieces: Sequence[bytes]  # of whole lines
    size: int
    note: Callable[[], None]  # to be called before the last of it leaves


class Letters:
    """One after the other, the next of which can be looked at before it is taken.

    It is asked for as late as can be: a message that was given counts as handed over. `{token}` in
    the envelope's `sender` becomes the delivery's id (VERP).
    """

    def __init__(
        self, first: Message, ask: Callable[[], Message | None], sender: str, note: Note
    ) -> None:
        self._ask = ask
        self._sender = sender
        self._note = note
        self._next: Letter | None = self._put_in_envelope(first)

    def peek(self) -> Letter | None:
        """The next, if there is one."""
        if self._next is None and (message := self._ask()):
            self._next = self._put_in_envelope(message)
        return self._next

    def take(self) -> Letter | None:
        """The next, if there is one; it is done with then."""
        letter, self._next = self.peek(), None
        return letter

    def left(self) -> Sequence[Message]:
        """What was looked at and not taken."""
        return [self._next.message] if self._next else []

    def _put_in_envelope(self, message: Message) -> Letter:
        reader = message.personalisation
        sender = self._sender.replace("{token}", reader.delivery_id)
        envelope = Envelope(sender, reader.recipient.wire_email)
        pieces = message.to_pieces()
        note = partial(self._note, reader.delivery_id)
        return Letter(message, envelope, pieces, sum(map(len, pieces)), note)
