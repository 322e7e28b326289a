"""An SMTP server on this machine, for tests: sound, but for the trouble it is told to make."""

import socket
import ssl
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import Enum, auto
from threading import Event, Thread
from time import sleep
from types import TracebackType
from typing import Final, NamedTuple, Self


class Phase(Enum):
    """Where a dialogue stands: at what the server is about to answer."""

    GREETING = auto()
    EHLO = auto()
    HELO = auto()
    STARTTLS = auto()
    HANDSHAKE = auto()
    AUTH = auto()
    RSET = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    CONTENT = auto()  # some of a message is here, not all
    BEHIND = auto()  # all of it is, and more that is thrown away
    END = auto()  # all of it is
    QUIT = auto()


class Then(Enum):
    """What the server does once it has spoken."""

    GO_ON = auto()
    CLOSE = auto()
    RESET = auto()  # so that the other side learns it by an error
    HANG = auto()  # says no more, reads no more, and stays


class Trouble(NamedTuple):
    """The packets that stand for a usual reply, and what follows."""

    say: Callable[[bytes], Sequence[bytes]] = lambda _: ()
    then: Then = Then.GO_ON


class Taken(NamedTuple):
    """A message the server took, dots and all as the sender meant it."""

    sender: str
    recipient: str
    content: bytes


_USUAL: Final = {
    Phase.GREETING: b"220 server.example ESMTP\r\n",
    Phase.HELO: b"250 server.example\r\n",
    Phase.STARTTLS: b"220 2.0.0 ready\r\n",
    Phase.AUTH: b"235 2.7.0 welcome\r\n",
    Phase.RSET: b"250 2.0.0 ok\r\n",
    Phase.MAIL: b"250 2.1.0 ok\r\n",
    Phase.RCPT: b"250 2.1.5 ok\r\n",
    Phase.DATA: b"354 go on\r\n",
    Phase.END: b"250 2.0.0 taken\r\n",
    Phase.QUIT: b"221 2.0.0 bye\r\n",
}


class ScriptedSmtp:
    """Listens at `port` of 127.0.0.1 while used as a context.

    `trouble` tells what goes wrong where; with `passes` it does so only that often, and not before
    it had a chance to `spares` times. `taken` is what it is responsible for, `heard` every command
    of every connection.
    """

    def __init__(
        self,
        trouble: Mapping[Phase, Trouble] | None = None,
        *,
        offers: Sequence[str] = ("PIPELINING",),
        tls: ssl.SSLContext | None = None,
        passes: int | None = None,
        spares: int = 0,
    ) -> None:
        self.trouble = dict(trouble or {})
        self.offers = tuple(offers)
        self.tls = tls
        self.left = passes
        self.spares = spares
        self.pause = 0.02  # seconds between two packets
        self.is_bundling = False  # whether replies to one group of commands come together
        self.is_lax = False  # whether it goes on after it refused the command before
        self.taken: list[Taken] = []
        self.heard: list[str] = []
        self.connections = 0
        self._patience = Event()
        self._open: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._server.getsockname()[1]

    def __enter__(self) -> Self:
        Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._patience.set()
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self.drop_connections()

    def drop_connections(self) -> None:
        """Hang up on everybody."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def trouble_at(self, phase: Phase) -> Trouble | None:
        """What goes wrong here now."""
        trouble = self.trouble.get(phase)
        if trouble and self.spares:
            self.spares -= 1
            return None
        if trouble and self.left is not None:
            self.left -= 1
            return trouble if self.left >= 0 else None
        return trouble

    def hang(self) -> None:
        """Return at the end of the test."""
        self._patience.wait()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections += 1
                self._open.append(connection)
                Thread(target=_Dialogue(self, connection).hold, daemon=True).start()


class _Over(Exception):
    pass


class _Dialogue:
    """One connection."""

    def __init__(self, server: ScriptedSmtp, connection: socket.socket) -> None:
        self._server = server
        self._connection = connection
        self._stream = connection.makefile("rb")
        self._sender = ""
        self._recipient = ""
        self._held = b""

    def hold(self) -> None:
        with suppress(_Over, OSError):
            self._say(Phase.GREETING)
            while line := self._stream.readline():
                self._server.heard.append(line.decode().rstrip("\r\n"))
                self._answer(line.decode())
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        self._connection.close()

    def _answer(self, line: str) -> None:
        verb, _, rest = line.rstrip("\r\n").partition(" ")
        phase = Phase[verb]
        if phase is Phase.EHLO:
            words = ("server.example", *self._server.offers)
            lines = [f"250{' ' if word is words[-1] else '-'}{word}\r\n" for word in words]
            self._say(phase, "".join(lines).encode())
            return
        needed = {Phase.RCPT: self._sender, Phase.DATA: self._recipient}.get(phase, "nothing")
        if not (needed or self._server.is_lax):
            self._connection.sendall(self._held + b"503 5.5.1 out of sequence\r\n")
            self._held = b""
            return
        usual = self._say(phase)
        path = rest.partition("<")[2].partition(">")[0]
        match phase:
            case Phase.STARTTLS:
                self._start_tls()
            case Phase.RSET:
                self._sender = self._recipient = ""
            case Phase.MAIL if usual:
                self._sender = path
            case Phase.RCPT if usual:
                self._recipient = path
            case Phase.DATA if usual:
                self._take()
            case Phase.QUIT:
                raise _Over
            case _:
                pass

    def _start_tls(self) -> None:
        if Phase.HANDSHAKE in self._server.trouble:
            self._say(Phase.HANDSHAKE, b"")
        assert self._server.tls
        self._connection = self._server.tls.wrap_socket(self._connection, server_side=True)
        self._stream = self._connection.makefile("rb")

    def _take(self) -> None:
        content = bytearray()
        while (line := self._stream.readline()) != b".\r\n":
            if not line:
                raise _Over
            if not content and Phase.CONTENT in self._server.trouble:
                self._say(Phase.CONTENT, b"")
            content += line.removeprefix(b".")
        if Phase.BEHIND in self._server.trouble and self._throw_away():
            self._say(Phase.BEHIND, b"")
        sender, recipient, self._sender, self._recipient = self._sender, self._recipient, "", ""
        self._say(Phase.END, then_take=Taken(sender, recipient, bytes(content)))

    def _throw_away(self) -> bytes:
        """Whatever has come by now."""
        sleep(self._server.pause)
        self._connection.settimeout(0)
        came = self._stream.read(len(self._stream.peek()))
        self._connection.settimeout(None)
        return came

    def _say(
        self, phase: Phase, usual: bytes | None = None, *, then_take: Taken | None = None
    ) -> bool:
        """Answer, as told; whether nothing of it was unusual in meaning."""
        usual = _USUAL[phase] if usual is None else usual
        trouble = self._server.trouble_at(phase)
        packets = trouble.say(usual) if trouble else [usual]
        is_positive = b"".join(packets)[:1] == usual[:1]
        if then_take and is_positive:
            self._server.taken.append(then_take)
        if self._server.is_bundling and phase in {Phase.RSET, Phase.MAIL, Phase.RCPT}:
            self._held += b"".join(packets)
            packets = []
        elif self._held:
            packets, self._held = [self._held, *packets], b""
        for number, packet in enumerate(packets):
            if number:
                sleep(self._server.pause)
            self._connection.sendall(packet)
        match trouble.then if trouble else Then.GO_ON:
            case Then.CLOSE:
                raise _Over
            case Then.RESET:
                linger = struct.pack("ii", 1, 0)
                self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self._stream.close()
                self._connection.close()
                raise _Over
            case Then.HANG:
                self._server.hang()
                raise _Over
            case Then.GO_ON:
                pass
        return is_positive
