"""One connection to an SMTP server: bytes out, replies in, TLS on the way.

Nothing here blocks: what takes time is a dialogue that waits. What goes wrong in it is a
ConnectionLost.
"""

import os
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from errno import EINPROGRESS
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address
from select import POLLIN, POLLOUT
from time import monotonic
from typing import Any, Final, TypeVar

from newsletter.transports.look_up import Endpoint
from newsletter.transports.smtp.reply import Reply
from newsletter.transports.smtp.waiting import DeadlinePassed, Dialogue, Wait
from newsletter.undoing import on_failure

_Result = TypeVar("_Result")

_REPLY_LINE: Final = re.compile(rb"([2-5][0-9]{2})(?:([ -])([^\r\n]*))?\r?\n")
_LONGEST_LINE: Final = 4096  # RFC 5321 allows 512 octets; servers put links into theirs
_MOST_LINES: Final = 100
_CHUNK: Final = 16384
_LONGEST_RECORD: Final = 16384  # of TLS: it arrives whole or not at all
_LONGEST_WRITE: Final = 1 << 30


class ConnectionLost(Exception):
    """A connection of no more use; `str()` is a sentence's end, whose subject is the server."""


class Wire:
    """A socket; no write, reply or handshake takes longer than `timeout` seconds."""

    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self._socket = socket.socket(endpoint.family, socket.SOCK_STREAM)
        self._socket.settimeout(0)
        self._endpoint = endpoint
        self._timeout = timeout
        self._patience = timeout
        self._deadline = 0.0
        self._received = b""
        self._longest_write = _LONGEST_WRITE
        self.unwritten = 0  # bytes at the end of the last write that have certainly not left

    @classmethod
    def connect(cls, endpoint: Endpoint, *, patience: float, timeout: float) -> Dialogue["Wire"]:
        """A wire to the endpoint, which has `patience` seconds to answer."""
        try:
            wire = cls(endpoint, timeout)
        except OSError as error:  # out of descriptors, or no IPv6 here
            raise ConnectionLost(f"cannot be reached: {error.strerror}") from error
        with on_failure(wire.close):
            yield from wire._connect(patience)
        return wire

    @property
    def is_private(self) -> bool:
        """Whether nobody else can listen: TLS, or a server on this machine."""
        is_tls = isinstance(self._socket, ssl.SSLSocket)
        return is_tls or _ip(self._endpoint.address).is_loopback

    @property
    def certificate_expires_at(self) -> datetime | None:
        """Until when the server can prove who it is; None in clear."""
        if not isinstance(self._socket, ssl.SSLSocket):
            return None
        expiry = (self._socket.getpeercert() or {}).get("notAfter")
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(expiry)), UTC)

    @property
    def own_address(self) -> str:
        """This end, as an address literal (RFC 5321, 4.1.3)."""
        ip = _ip(self._socket.getsockname())
        return f"[IPv6:{ip}]" if ip.version == 6 else f"[{ip}]"

    @property
    def is_ahead(self) -> bool:
        """Whether the server has said more than it was asked; its replies mean nothing then."""
        return bool(self._received)

    def is_quiet(self) -> bool:
        """Whether the server is there and waits for us, as far as can be told without asking."""
        try:
            self._received += self._socket.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError):
            return not self._received
        except OSError:
            pass
        return False

    def start_tls(self, context: ssl.SSLContext, host: str) -> Dialogue[None]:
        """Go on within TLS, with a server whose certificate is for `host`."""
        if self._received:  # what came in clear must not count as said within
            raise ConnectionLost("said more in clear than it was asked before TLS")

        def wrap() -> ssl.SSLSocket:
            self._socket.getpeername()  # raises if it has gone: `ssl` would lose the descriptor
            return context.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False
            )

        self._start_clock(self._timeout)
        wrapped = yield from self._complete(wrap, POLLIN)
        self._socket = wrapped
        self._longest_write = _LONGEST_RECORD
        yield from self._complete(wrapped.do_handshake, POLLIN)

    def write(self, content: bytes) -> Dialogue[None]:
        """Hand all of it to the system. Where that fails, its `unwritten` end has not left."""
        self._start_clock(self._timeout)
        self.unwritten = len(content)
        rest = memoryview(content)
        while rest:
            piece = rest[: self._longest_write]
            sent = yield from self._complete(partial(self._socket.send, piece), POLLOUT)
            rest = rest[sent:]
            self.unwritten = len(rest)

    def reply(self) -> Dialogue[Reply]:
        """The next reply, whole."""
        self._start_clock(self._timeout)
        texts: list[bytes] = []
        codes = set()
        while len(texts) < _MOST_LINES:
            while (end := self._received.find(b"\n") + 1) == 0:
                yield from self._receive()
            line = _REPLY_LINE.fullmatch(self._received, 0, end)
            self._received = self._received[end:]
            if line is None:
                break
            code, mark, text = line.groups()
            codes.add(code)
            texts.append(text or b"")
            if mark != b"-" and len(codes) == 1:
                return Reply(int(code), tuple(texts))
        raise ConnectionLost("gave an answer that is not SMTP")

    def close(self, farewell: bytes = b"") -> None:
        """Hang up, with a last word if it can be said at once."""
        if farewell:
            with suppress(OSError):
                self._socket.send(farewell)
        self._socket.close()

    def _connect(self, patience: float) -> Dialogue[None]:
        self._start_clock(patience)
        error = self._socket.connect_ex(self._endpoint.address)
        if error == EINPROGRESS:
            yield from self._wait(POLLOUT)
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise ConnectionLost(f"cannot be reached: {os.strerror(error)}")
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _receive(self) -> Dialogue[None]:
        if len(self._received) > _LONGEST_LINE:
            raise ConnectionLost("gave an answer that is not SMTP")
        received = yield from self._complete(partial(self._socket.recv, _CHUNK), POLLIN)
        if not received:
            raise ConnectionLost("hung up")
        self._received += received

    def _complete(self, operation: Callable[[], _Result], awaited: int) -> Dialogue[_Result]:
        """Do it as soon as it can be done at once; `awaited` is what a plain socket lacks."""
        while True:
            try:
                return operation()
            except ssl.SSLWantReadError:
                events = POLLIN
            except ssl.SSLWantWriteError:
                events = POLLOUT
            except BlockingIOError:
                events = awaited
            except OSError as error:
                raise ConnectionLost(_reason(error)) from error
            yield from self._wait(events)

    def _start_clock(self, patience: float) -> None:
        self._patience = patience
        self._deadline = monotonic() + patience

    def _wait(self, events: int) -> Dialogue[None]:
        try:
            yield Wait(self._socket.fileno(), events, self._deadline)
        except DeadlinePassed as passed:
            reason = str(passed) or f"gave no answer within {self._patience:g} s"
            raise ConnectionLost(reason) from None


def _ip(address: tuple[Any, ...]) -> IPv4Address | IPv6Address:
    return ip_address(address[0].partition("%")[0])


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has no valid certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"does not get on with us in TLS: {(error.reason or '?').replace('_', ' ').lower()}"
    return f"broke the connection: {error.strerror}"
