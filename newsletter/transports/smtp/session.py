"""Messages over one open connection, and what became of each, exact to the phase.

Until a message's last byte is handed over the server cannot have taken it, so whatever happens
another attempt is safe. From then on only the server's answer tells.
"""

import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome
from newsletter.transports.smtp.envelope import Envelope
from newsletter.transports.smtp.opening import Extensions
from newsletter.transports.smtp.reply import Reply
from newsletter.transports.smtp.waiting import Dialogue
from newsletter.transports.smtp.wire import ConnectionLost, Wire

_END: Final = b".\r\n"
_DOT_LINE: Final = re.compile(rb"\r\n\.")


class Verdict(NamedTuple):
    """What became of a message, in whose words, and whether the server had said any of it."""

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


class Session:
    """An open connection. Once it `is_over` it takes no further message."""

    def __init__(self, wire: Wire, extensions: Extensions, place: str) -> None:
        self._wire = wire
        self._extensions = extensions
        self._place = place
        self._largest = _largest(extensions)
        self._needs_reset = False
        self.is_over = False
        self.messages = 0

    def deliver(self, envelope: Envelope, content: bytes) -> Dialogue[Verdict]:
        """Give the server one message, its lines ending in CRLF.

        Raises TransportError where the server refuses us, or messages of that size, rather than
        the recipient; the message was certainly not taken then.
        """
        if envelope.is_international and "SMTPUTF8" not in self._extensions:
            return Verdict(Outcome.REFUSED, "the server takes ASCII addresses alone (no SMTPUTF8)")
        if self._largest and len(content) > self._largest:
            what = f"takes {self._largest} bytes at most, and a message has {len(content)}"
            raise TransportError(what, where=self._place)
        self.messages += 1
        if not self._wire.is_quiet():
            return self._lose("did not wait for the message", is_heard=False)
        commands = self._commands(envelope, len(content))
        replies, lost = yield from self._offer(commands)
        if refusal := _refusal(commands, replies):
            return self._judge(refusal[0].phase, refusal[1], envelope)
        if lost:
            return self._lose(lost, is_heard=len(replies) > self._needs_reset)
        return (yield from self._hand_over(content, envelope))

    def close(self) -> None:
        """Take leave, as far as that can be done without waiting."""
        self._wire.close(b"" if self.is_over else b"QUIT\r\n")

    def _commands(self, envelope: Envelope, size: int) -> list[_Command]:
        parameters = f" SIZE={size}" if "SIZE" in self._extensions else ""
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

    def _offer(self, commands: Sequence[_Command]) -> Dialogue[tuple[list[Reply], str]]:
        """The replies that came, and how the connection was lost if it was.

        With PIPELINING (RFC 2920) all commands go at once, else none after a refusal.
        """
        is_pipelining = "PIPELINING" in self._extensions
        replies: list[Reply] = []
        try:
            if is_pipelining:
                yield from self._wire.write(b"".join(command.line for command in commands))
            for command in commands:
                if not is_pipelining:
                    yield from self._wire.write(command.line)
                reply = yield from self._wire.reply()
                replies.append(reply)
                if reply.code == 421 or not (is_pipelining or reply.kind == command.expected):
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

    def _hand_over(self, content: bytes, envelope: Envelope) -> Dialogue[Verdict]:
        if self._wire.is_ahead:  # then its next reply would not be about this message
            return self._lose("answered more than it was asked")
        try:
            yield from self._wire.write(_framed(content))
        except ConnectionLost as lost:
            return self._lose(str(lost))
        try:
            reply = yield from self._wire.reply()
        except ConnectionLost as lost:
            self.is_over = True
            return Verdict(Outcome.UNCERTAIN, f"the server {lost} after the whole message")
        self._needs_reset = False
        self.is_over = reply.code == 421 or reply.kind == 3
        if reply.kind == 2:
            return Verdict(Outcome.ACCEPTED)
        if reply.kind == 3:
            return Verdict(Outcome.UNCERTAIN, envelope.without_recipient(reply.words))
        return self._refuse(reply, envelope, is_about_us=reply.is_about_us)

    def _judge(self, phase: _Phase, reply: Reply, envelope: Envelope) -> Verdict:
        """What it means that one of the commands did not get the reply it needs."""
        self._needs_reset = True
        if phase is _Phase.RESET:
            return self._lose(f"did not start anew: {reply.words}", is_heard=False)
        if reply.kind not in {4, 5}:
            return self._lose(f"answered out of turn: {envelope.without_recipient(reply.words)}")
        if phase is _Phase.SENDER and reply.code == 421:
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
        """The connection is of no more use; the message was certainly not taken."""
        self.is_over = True
        return Verdict(Outcome.RETRY, f"the server {how}", is_heard)


def _refusal(
    commands: Sequence[_Command], replies: Sequence[Reply]
) -> tuple[_Command, Reply] | None:
    """The first command that did not get the reply it needs."""
    answered = zip(commands, replies, strict=False)
    return next((pair for pair in answered if pair[1].kind != pair[0].expected), None)


def _largest(extensions: Extensions) -> int:
    """The most bytes of a message (RFC 1870), 0 where the server does not say."""
    size = next(iter(extensions.get("SIZE", ())), "")
    return int(size) if size.isdecimal() else 0


def _framed(content: bytes) -> bytes:
    """The message as it stands between DATA and the next reply (RFC 5321, 4.5.2)."""
    stuffed = _DOT_LINE.sub(b"\r\n..", content)  # takes a quarter of the time of bytes.replace
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (_END if stuffed.endswith(b"\r\n") else b"\r\n" + _END)
