"""What every way out promises."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from newsletter.errors import TransportError
from newsletter.model.delivery import Receipt
from newsletter.model.message import Message

# Takes the provider's name for what is about to go and returns once it is written down for good.
Commit = Callable[[str], None]
# Takes the id of a delivery of which the other side may have all from now on.
Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Appointment:
    """When messages are to leave that are given in before.

    `shared` is what was committed for others that leave at that time: a provider may take these
    under the same name, to call all of them back at once. `warn` is called before it does.
    """

    leaves_at: datetime
    shared: str | None
    warn: Callable[[], None]


class Throttled(TransportError):
    """The way is closed to everybody for so long: `wait` is what the other side asks for.

    A message without a receipt was certainly not taken.
    """

    def __init__(self, message: str, wait: timedelta) -> None:
        super().__init__(message)
        self.wait = wait


class Hurried(TransportError):
    """It ends before its time, as it was told to (`hurry`).

    A message without a receipt was certainly not taken.
    """


class Transport(Protocol):
    """A way for messages to leave."""

    @property
    def name(self) -> str:
        """The word of the settings: outbox, smtp or sendgrid."""

    @property
    def parallel(self) -> int:
        """How many calls of `send` at once are worth it."""

    @property
    def in_hand(self) -> int:
        """How many messages to give one `send`.

        A machine that fails leaves so many in doubt, a sender that dies only those that had left.
        """

    @property
    def needs_notes(self) -> bool:
        """Whether a sender has to leave word of what may have been taken, should it die.

        Not where messages can be called back, or taken twice without harm.
        """

    @property
    def head_start(self) -> timedelta:
        """How long before messages are to leave it takes them; nothing where they leave at once."""

    def send(
        self,
        messages: Iterable[Message],
        commit: Commit | None = None,
        appointment: Appointment | None = None,
        note: Note | None = None,
    ) -> Iterator[Receipt]:
        """Take messages as it becomes ready for them and answer each with one receipt.

        A receipt holds once it is given. Whoever wants to stop ends `messages` and reads on to
        the last receipt. Raises TransportError where the way is closed for everybody; a message
        without a receipt was then certainly not taken.

        A transport that can call messages back calls `commit` at most once, before the first of
        them leaves, and they may leave minutes later. Without `commit` they leave at once. With an
        `appointment`, which only one with a head start is given, they leave then. One that needs
        notes calls `note` at the last moment in which a message has certainly not been taken.
        """

    def can_repeat(self, provider_batch_id: str | None) -> bool:
        """Whether messages may be sent again and reach nobody twice.

        `provider_batch_id` is what their `send` last committed, if it did. All that it named and
        that were not refused are then to be sent again: the transport may have called them back.
        Raises TransportError where that cannot be known now.
        """

    def hurry(self) -> None:
        """Have every `send` under way end within 2 s, as somebody waits for it.

        What the other side has not answered is given up: called back, or uncertain.
        """

    def close(self) -> None:
        """Give back connections. It may be used again and opens them anew."""
