"""A provider that answers as a script says, and senders who die at any moment."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum, StrEnum, auto
from itertools import cycle

from sqlalchemy import Connection

from newsletter.errors import TransportError
from newsletter.ledger.database import Database
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Message
from newsletter.transports.base import Appointment, Commit, Note


class Killed(BaseException):
    """What a SIGKILL looks like from inside: nothing of the sender reaches the world any more."""


class Life:
    """How many more steps a sender takes before it is killed; without a number it lives on."""

    def __init__(self, steps: int | None) -> None:
        self.steps = steps

    @property
    def is_over(self) -> bool:
        return self.steps == 0

    def step(self) -> None:
        """Take one, or be dead; the dead take none, however often they are asked to."""
        if self.steps is not None:
            if self.steps <= 1:
                self.steps = 0
                raise Killed
            self.steps -= 1


class MortalDatabase(Database):
    """A sender's door to the database: it dies before, in and after each of its transactions."""

    life = Life(None)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        if self.life.is_over:
            raise Killed
        with super().read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self.life.step()
        with super().write() as connection:
            yield connection
            self.life.step()
        self.life.step()


class Kind(Enum):
    """What can be done about messages whose answers were lost."""

    PLAIN = auto()  # nothing, as with SMTP
    SAME = auto()  # the same again reaches nobody twice, as with an outbox
    RECALLING = auto()  # they can be called back for a while, as with SendGrid


class Act(StrEnum):
    """What the provider does with one message."""

    ACCEPT = "accept"
    REFUSE = "refuse"
    RETRY = "retry"
    TAKE_AND_FALL_SILENT = "take and fall silent"
    FALL_SILENT = "fall silent"
    CLOSE = "close"
    BREAK = "break"  # after it was taken


class Broken(Exception):
    """A fault of the program in mid-message."""


class Provider:
    """What has become of the messages in the world, whatever the ledger believes."""

    name = "provider"
    parallel = 1
    needs_notes = True
    head_start = timedelta()

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.in_hand = 4 if kind is Kind.PLAIN else 1000
        self.left: Counter[str] = Counter()  # copies on their way to the reader
        self.held: dict[str, list[str]] = {}  # by batch: may still be called back
        self.refused: set[str] = set()
        self.put_off: Counter[str] = Counter()
        self.given: list[Message] = []  # in this dispatch
        self.life = Life(None)
        self.acts: Iterator[Act] = cycle([Act.ACCEPT])
        self.recalls = True
        self._batches = 0
        self._gone: set[str | None] = set()  # batches that cannot be called back any more

    def begin(self, acts: Sequence[Act], life: Life, *, recalls: bool) -> None:
        """Meet a new dispatch."""
        self.acts, self.life, self.recalls = cycle(acts), life, recalls
        self.given = []

    def let_go(self) -> None:
        """The time of all that is held has come."""
        for batch, held in self.held.items():
            self.left.update(held)
            self._gone.add(batch)
        self.held.clear()

    def copies(self, delivery_id: str) -> int:
        """How many the reader gets, as things stand."""
        return self.left[delivery_id] + sum(held.count(delivery_id) for held in self.held.values())

    def send(
        self,
        messages: Iterable[Message],
        commit: Commit | None = None,
        appointment: Appointment | None = None,  # noqa: ARG002
        note: Note | None = None,
    ) -> Iterator[Receipt]:
        batch = ""
        if self.kind is Kind.RECALLING and commit:
            self._batches += 1
            batch = f"b-{self._batches}"
            self.held[batch] = []
            commit(batch)
        for message in messages:
            self.given.append(message)
            self.life.step()
            if note:
                note(message.personalisation.delivery_id)
            self.life.step()
            receipt = self._answer(message.personalisation.delivery_id, batch)
            self.life.step()
            yield receipt

    def can_repeat(self, provider_batch_id: str | None) -> bool:
        self.life.step()
        match self.kind:
            case Kind.PLAIN:
                return False
            case Kind.SAME:
                return True
            case Kind.RECALLING:
                if not self.recalls:
                    self.let_go()
                self.held.pop(provider_batch_id or "", None)
                return provider_batch_id not in self._gone

    def hurry(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _answer(self, delivery_id: str, batch: str) -> Receipt:
        act = next(self.acts)
        silent = {Act.TAKE_AND_FALL_SILENT, Act.FALL_SILENT}
        if act in silent and self.kind is not Kind.PLAIN:
            act = Act.RETRY if act is Act.FALL_SILENT else Act.ACCEPT
        if act in {Act.ACCEPT, Act.TAKE_AND_FALL_SILENT, Act.BREAK}:
            self._take(delivery_id, batch)
        match act:
            case Act.ACCEPT:
                return Receipt(delivery_id, Outcome.ACCEPTED)
            case Act.REFUSE:
                self.refused.add(delivery_id)
                return Receipt(delivery_id, Outcome.REFUSED, "550 5.1.1 no such reader")
            case Act.RETRY:
                self.put_off[delivery_id] += 1
                return Receipt(delivery_id, Outcome.RETRY, "451 4.3.2 later")
            case Act.CLOSE:
                raise TransportError("unreachable", where="provider.example")
            case Act.BREAK:
                raise Broken
            case _:
                return Receipt(delivery_id, Outcome.UNCERTAIN, "no answer in time")

    def _take(self, delivery_id: str, batch: str) -> None:
        if batch in self.held:
            self.held[batch].append(delivery_id)
        elif self.kind is Kind.SAME:
            self.left[delivery_id] = 1
        else:
            self.left[delivery_id] += 1
