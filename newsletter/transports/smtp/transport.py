"""SMTP: through a server that carries our email on, over connections that are kept."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from threading import Condition, Event
from typing import Final

from newsletter.errors import NewsletterError
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Message
from newsletter.transports.base import Appointment, Commit, Note
from newsletter.transports.smtp.connection import Acquaintance, Connection, Ending
from newsletter.transports.smtp.relay import Relay
from newsletter.transports.smtp.waiting import Dialogues


class Smtp:
    """Sends over at most so many connections at once, all of them kept busy by each `send`.

    Safe to use from several threads, which share the connections. `{token}` in the envelope's
    sender is replaced by the delivery's id (VERP). No step of a dialogue with the server takes
    longer than `timeout`.

    Raises TransportError, with the server's address and words, where it cannot be reached, fails
    to prove who it is, does not let us in, or refuses the sender.
    """

    name: Final = "smtp"
    parallel: Final = 2  # while the answers of one are recorded, the other sends
    in_hand: Final = 250
    needs_notes: Final = True
    head_start: Final = timedelta()

    def __init__(
        self, relay: Relay, *, envelope_sender: str, connections: int, timeout: timedelta
    ) -> None:
        self._hurry = Event()
        seconds = timeout.total_seconds()
        server = Acquaintance(relay, seconds)
        self._pool = _Pool(
            Connection(relay, server, envelope_sender, seconds, self._hurry)
            for _ in range(connections)
        )

    def send(
        self,
        messages: Iterable[Message],
        commit: Commit | None = None,  # noqa: ARG002 - nothing can be called back
        appointment: Appointment | None = None,  # noqa: ARG002 - everything leaves at once
        note: Note | None = None,
    ) -> Iterator[Receipt]:
        """Send each message as a connection becomes free; receipts come as they are known.

        The first message goes alone, so that a wrong password is tried once. One that met a kept
        connection which turned out dead is given to a new one.
        """
        return _Round(self._pool, messages, self._hurry, note or _forget).receipts()

    def can_repeat(self, provider_batch_id: str | None) -> bool:  # noqa: ARG002
        """Never: a server that was given a message twice delivers it twice."""
        return False

    def hurry(self) -> None:
        """Hang up wherever an answer is awaited, from now on at once."""
        self._hurry.set()

    def close(self) -> None:
        """Take leave on the connections that are not in use."""
        self._pool.close()


class _Pool:
    """The connections that no dialogue uses, open ones first."""

    def __init__(self, connections: Iterable[Connection]) -> None:
        self._all = tuple(connections)
        self._open: list[Connection] = []
        self._closed = list(self._all)
        self._returned = Condition()

    @property
    def has_open(self) -> bool:
        """Whether a connection is open, whoever uses it."""
        return any(connection.is_open for connection in self._all)

    def take(self, *, may_open: bool, wait: bool) -> Connection | None:
        """A connection, if there is one; if wanted it waits until another thread returns one.

        Who waits is also given a closed one where no other is open.
        """
        with self._returned:
            while True:
                if self._open:
                    return self._open.pop()
                if self._closed and (may_open or (wait and not self.has_open)):
                    return self._closed.pop()
                if not wait:
                    return None
                self._returned.wait()

    def give_back(self, connection: Connection) -> None:
        with self._returned:
            (self._open if connection.is_open else self._closed).append(connection)
            self._returned.notify()

    def close(self) -> None:
        with self._returned:
            for connection in self._open:
                connection.close()
            self._closed += self._open
            self._open = []


class _Round:
    """One call of `send`: its messages and the connections that carry them."""

    def __init__(self, pool: _Pool, messages: Iterable[Message], hurry: Event, note: Note) -> None:
        self._pool = pool
        self._note = note
        self._messages = iter(messages)
        self._again: list[Message] = []
        self._busy: set[Connection] = set()
        self._dialogues: Dialogues[Connection, Receipt | Ending] = Dialogues(hurry)
        self._is_proven = False  # the server took something, so more connections are worth it
        self._may_open = True
        self._has_more = True
        self._closed: NewsletterError | None = None

    def receipts(self) -> Iterator[Receipt]:
        try:
            while (has_started := self._start_another()) or self._busy:
                yield from self._move_on(wait=not has_started)
            if self._closed:
                raise self._closed
        finally:
            self._abandon()

    def _start_another(self) -> bool:
        """Have one more connection carry messages, if there are both."""
        if self._closed or not (self._has_more or self._again):
            return False
        connection = self._take_connection()
        if connection is None:
            return False
        message = self._next_message()
        if message is None:
            self._pool.give_back(connection)
            return False
        self._is_proven |= connection.is_open
        self._busy.add(connection)
        carrying = connection.carry(message, self._next_message, self._note)
        self._dialogues.start(connection, carrying)
        return True

    def _take_connection(self) -> Connection | None:
        is_alone = not self._busy
        may_open = self._may_open and (is_alone or self._is_proven)
        return self._pool.take(may_open=may_open, wait=is_alone)

    def _next_message(self) -> Message | None:
        """None at the end; should their source fail, what is under way comes to its end first."""
        if self._closed or self._again:
            return None if self._closed else self._again.pop()
        try:
            message = next(self._messages, None)
        except NewsletterError as error:
            self._closed = error
            return None
        self._has_more = message is not None
        return message

    def _move_on(self, *, wait: bool) -> Iterator[Receipt]:
        for connection, told in self._dialogues.advance(wait=wait):
            if isinstance(told, Receipt):
                self._is_proven |= connection.is_open or told.outcome is Outcome.ACCEPTED
                yield told
            else:
                self._end(connection, told)

    def _end(self, connection: Connection, ending: Ending) -> None:
        self._busy.remove(connection)
        if ending.error is None:
            pass
        elif not connection.is_open and (self._busy or self._pool.has_open):
            # The server may take no more of them at once: those that are open go on.
            self._may_open = False
            self._again += ending.unsent
        else:
            self._closed = self._closed or ending.error
            connection.close()
        self._pool.give_back(connection)

    def _abandon(self) -> None:
        """Hang up on what is still under way."""
        self._dialogues.close()
        for connection in self._busy:
            connection.close()
            self._pool.give_back(connection)
        self._busy.clear()


def _forget(delivery_id: str) -> None:
    """What one does who keeps no notes."""
