"""Letters over one open connection, and what became of each, exact to the phase.

Until a letter's last byte is handed over the server cannot have taken it, so whatever happens
another attempt is safe. From then on only the server's answer tells.

With PIPELINING the commands for the next letter leave right behind that byte (RFC 2920, 3.1), so
that a letter takes one round trip and not two.
"""

import re
from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import lru_cache
from typing import Final, NamedTuple

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome
from newsletter.transports.smtp.envelope import Envelope
from newsletter.transports.smtp.letter import Letter
from newsletter.transports.smtp.opening import Extensions
from newsletter.transports.smtp.reply import Reply
from newsletter.transports.smtp.waiting import Dialogue
from newsletter.transports.smtp.wire import ConnectionLost, Wire

_MOST_LETTERS: Final = 1000  # then a server behind a name shared by several gets its turn
_END: Final = b".\r\n"
_DOT_LINE: Final = re.compile(rb"\r\n\.")
_LONG: Final = 500


class Verdict(NamedTuple):
    """What became of a letter, in whose words, and whether the server had said any of it."""

    outcome: Outcome
    detail: str = ""
    is_heard: bool = True


class _Phase(Enum):
    RESET = auto()
    SENDER = auto()
    RECIPIENT = auto()
    CONTENT = auto()


class _Command(NamedTuple):
    phase: _Phase
    line: bytes
    expected: int  # the kind of reply after which the dialogue may go on


_RESET: Final = _Command(_Phase.RESET, b"RSET\r\n", 2)
_DATA: Final = _Command(_Phase.CONTENT, b"DATA\r\n", 3)


class Foresight:
    """Whether a server gets on with letters that are offered ahead, as its sessions find out.

    Not every server that offers PIPELINING does. Once it has, whatever is lost later has other
    causes.
    """

    def __init__(self) -> None:
        self.is_worth_it = True
        self._is_known = False

    def note(self, *, is_heard: bool) -> None:
        """Take in whether there was an answer to what had been offered ahead."""
        self._is_known |= is_heard
        self.is_worth_it = self._is_known


class Session:
    """An open connection. Once it `is_over` it takes no further letter."""

    def __init__(
        self, wire: Wire, extensions: Extensions, place: str, foresight: Foresight
    ) -> None:
        self._wire = wire
        self._extensions = extensions
        self._place = place
        self._is_pipelining = "PIPELINING" in extensions
        self._foresight = foresight
        self._largest = _largest(extensions)
        self._needs_reset = False
        self._ahead: Sequence[_Command] = ()  # of the next letter, and already with the server
        self._letters = 0
        self.is_over = False

    @property
    def is_spent(self) -> bool:
        """Whether the next letter should have another connection."""
        return self.is_over or self._letters >= _MOST_LETTERS

    def deliver(self, letter: Letter, peek: Callable[[], Letter | None]) -> Dialogue[Verdict]:
        """Give the server one letter, its lines ending in CRLF.

        `peek` shows the letter that must be the next. Raises TransportError where the server
        refuses us, or letters of that size, rather than the recipient; the letter was certainly
        not taken then.
        """
        match self._objection(letter):
            case TransportError() as error:
                raise error
            case Verdict() as verdict:
                return verdict
        self._letters += 1
        is_ahead = bool(self._ahead)
        verdict = yield from self._converse(letter, peek, is_ahead=is_ahead)
        if is_ahead:
            self._foresight.note(is_heard=verdict.is_heard)
        if self.is_over and self._ahead:
            self._foresight.note(is_heard=False)
        return verdict

    def close(self) -> None:
        """Take leave, as far as that can be done without waiting."""
        self._wire.close(b"" if self.is_over or self._ahead else b"QUIT\r\n")

    def _converse(
        self, letter: Letter, peek: Callable[[], Letter | None], *, is_ahead: bool
    ) -> Dialogue[Verdict]:
        commands, self._ahead = self._ahead, ()
        if not is_ahead:
            if not self._wire.is_quiet():
                return self._lose("did not wait for the message", is_heard=False)
            commands = self._commands(letter)
        replies, lost = yield from self._offer(commands, is_ahead=is_ahead)
        if refusal := _refusal(commands, replies):
            return self._judge(*refusal, letter.envelope, is_ahead=is_ahead)
        if lost:
            return self._lose(lost, is_heard=len(replies) > self._needs_reset)
        return (yield from self._hand_over(letter, peek))

    def _objection(self, letter: Letter) -> Verdict | TransportError | None:
        """Why such a letter cannot even be offered."""
        if not letter.envelope.is_sound:
            return Verdict(Outcome.REFUSED, "SMTP cannot carry such an address")
        if letter.envelope.is_international and "SMTPUTF8" not in self._extensions:
            return Verdict(Outcome.REFUSED, "the server takes ASCII addresses alone (no SMTPUTF8)")
        if self._largest and letter.size > self._largest:
            what = f"takes {self._largest} bytes at most, and a message has {letter.size}"
            return TransportError(what, where=self._place)
        return None

    def _commands(self, letter: Letter) -> Sequence[_Command]:
        envelope = letter.envelope
        parameters = f" SIZE={letter.size}" if "SIZE" in self._extensions else ""
        if envelope.is_international:
            parameters += " SMTPUTF8"
        mail = f"MAIL FROM:<{envelope.sender}>{parameters}\r\n".encode()
        rcpt = f"RCPT TO:<{envelope.recipient}>\r\n".encode()
        return [
            *([_RESET] if self._needs_reset else []),
            _Command(_Phase.SENDER, mail, 2),
            _Command(_Phase.RECIPIENT, rcpt, 2),
            _DATA,
        ]

    def _offer(
        self, commands: Sequence[_Command], *, is_ahead: bool
    ) -> Dialogue[tuple[list[Reply], str]]:
        """The replies that came, and how the connection was lost if it was.

        With PIPELINING all commands go at once, else none after a refusal.
        """
        replies: list[Reply] = []
        try:
            if self._is_pipelining and not is_ahead:
                yield from self._wire.write(_lines(commands))
            for command in commands:
                if not self._is_pipelining:
                    yield from self._wire.write(command.line)
                reply = yield from self._wire.reply()
                replies.append(reply)
                if reply.code == 421 or not (self._is_pipelining or reply.kind == command.expected):
                    break
            # It goes on though it refused: it gets the empty message that RFC 2920 has for this
            # (3.1), if that is certain to be for nobody: the recipient was refused.
            if len(replies) == len(commands) and reply.kind == 3 and _refusal(commands, replies):
                self.is_over = replies[-2].kind not in {4, 5}
                if not self.is_over:
                    yield from self._wire.write(_END)
                    reply = yield from self._wire.reply()
        except ConnectionLost as lost:
            self.is_over = True
            return replies, str(lost)
        self.is_over |= reply.code == 421
        return replies, ""

    def _hand_over(self, letter: Letter, peek: Callable[[], Letter | None]) -> Dialogue[Verdict]:
        if self._wire.is_ahead:  # then its next reply would not be about this letter
            return self._lose("answered more than it was asked")
        self._needs_reset = False
        self._ahead = self._run_ahead(peek)
        behind = _lines(self._ahead)
        self.is_over = True  # unless the server answers
        letter.note()
        try:
            yield from self._wire.write(b"".join((*_framed(letter.pieces), _END, behind)))
            reply = yield from self._wire.reply()
        except ConnectionLost as lost:
            if self._wire.unwritten > len(behind):
                return self._lose(str(lost))
            return Verdict(Outcome.UNCERTAIN, f"the server {lost} after the whole message")
        self.is_over = reply.code == 421 or reply.kind == 3
        if reply.kind == 2:
            return Verdict(Outcome.ACCEPTED)
        if reply.kind == 3:
            return Verdict(Outcome.UNCERTAIN, letter.envelope.without_recipient(reply.words))
        return self._refuse(reply, letter.envelope, is_about_us=reply.is_about_us)

    def _run_ahead(self, peek: Callable[[], Letter | None]) -> Sequence[_Command]:
        if not self._is_pipelining or not self._foresight.is_worth_it or self.is_spent:
            return ()
        following = peek()
        return () if following is None or self._objection(following) else self._commands(following)

    def _judge(
        self, command: _Command, reply: Reply, envelope: Envelope, *, is_ahead: bool
    ) -> Verdict:
        """What it means that one of the commands did not get the reply it needs."""
        self._needs_reset = True
        phase = command.phase
        if phase is _Phase.RESET:
            return self._lose(f"did not start anew: {reply.words}", is_heard=False)
        if reply.kind not in {4, 5}:
            how = f"answered out of turn: {envelope.without_recipient(reply.words)}"
            return self._lose(how, is_heard=not is_ahead)
        if phase is _Phase.SENDER and (reply.code == 421 or is_ahead):
            # Too many for one connection, or too soon: what counts is what it says on a new one.
            return Verdict(Outcome.RETRY, reply.words, is_heard=False)
        is_about_us = reply.is_about_us or (
            phase is _Phase.SENDER and not (envelope.is_international and reply.is_about_letters)
        )
        return self._refuse(reply, envelope, is_about_us=is_about_us)

    def _refuse(self, reply: Reply, envelope: Envelope, *, is_about_us: bool) -> Verdict:
        words = envelope.without_recipient(reply.words)
        if reply.kind == 4:
            return Verdict(Outcome.RETRY, words)
        if is_about_us:
            raise TransportError(f"refuses us: {words}", where=self._place)
        return Verdict(Outcome.REFUSED, words)

    def _lose(self, how: str, *, is_heard: bool = True) -> Verdict:
        """The connection is of no more use; the letter was certainly not taken."""
        self.is_over = True
        return Verdict(Outcome.RETRY, f"the server {how}", is_heard)


def _lines(commands: Sequence[_Command]) -> bytes:
    return b"".join([command.line for command in commands])


def _refusal(
    commands: Sequence[_Command], replies: Sequence[Reply]
) -> tuple[_Command, Reply] | None:
    """The first command that did not get the reply it needs."""
    for command, reply in zip(commands, replies, strict=False):
        if reply.kind != command.expected:
            return command, reply
    return None


def _largest(extensions: Extensions) -> int:
    """The most bytes of a message (RFC 1870), 0 where the server does not say."""
    size = next(iter(extensions.get("SIZE", ())), "")
    return int(size) if size.isdecimal() else 0


def _framed(pieces: Sequence[bytes]) -> list[bytes]:
    """Content as it stands between DATA and its end (RFC 5321, 4.5.2).

    A long piece comes with every reader of a variant: to look through it takes longer than to
    write it.
    """
    return [_stuffed_once(piece) if len(piece) > _LONG else _stuffed(piece) for piece in pieces]


def _stuffed(piece: bytes) -> bytes:
    stuffed = _DOT_LINE.sub(b"\r\n..", piece)  # takes a quarter of the time of bytes.replace
    return b"." + stuffed if stuffed.startswith(b".") else stuffed


_stuffed_once: Final = lru_cache(maxsize=256)(_stuffed)
