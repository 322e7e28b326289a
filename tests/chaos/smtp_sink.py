"""An SMTP server that counts what it takes and goes wrong at every step, the same way each time."""

import re
from collections import Counter
from enum import Enum, auto
from random import Random
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Any, Final, Self

_MESSAGE_ID: Final = re.compile(rb"^Message-ID:\s*<([^@>]+)@", re.MULTILINE | re.IGNORECASE)

_HEADERS: Final = 8192  # octets in which they end


class Trouble(Enum):
    """What happens to one attempt at one recipient."""

    NONE = auto()
    UNKNOWN_READER = auto()  # 550 at RCPT, at every attempt
    LATER_AT_RCPT = auto()  # 451
    SHUT_AT_RCPT = auto()  # 421
    HANG_UP_AT_RCPT = auto()
    HANG_UP_IN_CONTENT = auto()
    HANG_UP_UNTAKEN = auto()  # after the final dot, without a reply
    HANG_UP_TAKEN = auto()  # the same, but the message was taken
    LATER_AT_THE_END = auto()  # 451
    SHUT_AT_THE_END = auto()  # 421


_PASSING: Final = [each for each in Trouble if each.name not in {"NONE", "UNKNOWN_READER"}]


class SmtpSink:
    """Listens at `port` while used as a context. What goes wrong follows from `seed`."""

    def __init__(self, seed: str) -> None:
        self.taken: Counter[str] = Counter()  # by the delivery's id
        self.unanswered: set[str] = set()  # whose sender was left without a reply
        self.is_calm = False
        self._seed = seed
        self._attempts: Counter[str] = Counter()
        self._lock = Lock()
        self._server = _Server(("127.0.0.1", 0), _Dialogue)
        self._server.sink = self
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, content: bytes) -> None:
        """Be responsible for a message from now on."""
        with self._lock:
            self.taken[_delivery_id(content)] += 1

    def leave_unanswered(self, content: bytes) -> None:
        """Note that nobody will hear what became of a message."""
        with self._lock:
            self.unanswered.add(_delivery_id(content))

    def trouble_for(self, recipient: str) -> Trouble:
        """What the next attempt at a recipient meets."""
        with self._lock:
            self._attempts[recipient] += 1
            attempt = self._attempts[recipient]
        if Random(f"{self._seed} {recipient}").random() < 0.005:  # noqa: S311 - repeatable
            return Trouble.UNKNOWN_READER
        chance = Random(f"{self._seed} {recipient} {attempt}")  # noqa: S311 - repeatable
        if self.is_calm or chance.random() < 0.97:
            return Trouble.NONE
        return chance.choice(_PASSING)


class _Server(ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    sink: SmtpSink

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that are killed are what it is for."""


class _Dialogue(StreamRequestHandler):
    disable_nagle_algorithm = True
    server: Any
    _trouble = Trouble.NONE

    def handle(self) -> None:
        self._say("220 sink.example")
        while line := self.rfile.readline():
            match line.split(b":", 1)[0].strip().upper().split(b" ")[0]:
                case b"EHLO":
                    self._say("250-sink.example\r\n250-PIPELINING\r\n250 8BITMIME")
                case b"RCPT" if not self._answer_recipient(line):
                    return
                case b"RCPT":
                    pass
                case b"DATA" if self._trouble in {Trouble.UNKNOWN_READER, Trouble.LATER_AT_RCPT}:
                    self._say("503 5.5.1 no recipient")
                case b"DATA" if not self._answer_content():
                    return
                case b"DATA":
                    pass
                case b"QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 fine")

    def _answer_recipient(self, line: bytes) -> bool:
        """Whether the connection goes on."""
        recipient = line.split(b"<", 1)[1].split(b">", 1)[0].decode()
        self._trouble = self.server.sink.trouble_for(recipient)
        match self._trouble:
            case Trouble.UNKNOWN_READER:
                self._say("550 5.1.1 nobody of that name here")
            case Trouble.LATER_AT_RCPT:
                self._say("451 4.7.1 greylisted")
            case Trouble.SHUT_AT_RCPT:
                self._say("421 4.3.2 closing")
                return False
            case Trouble.HANG_UP_AT_RCPT:
                return False
            case _:
                self._say("250 fine")
        return True

    def _answer_content(self) -> bool:
        """Whether the connection goes on."""
        self._say("354 go ahead")
        sink: SmtpSink = self.server.sink
        if self._trouble is Trouble.HANG_UP_IN_CONTENT:
            # The caller may have handed over all of it by now, and then cannot know.
            beginning = self.rfile.read(_HEADERS)
            if len(beginning) == _HEADERS:
                sink.leave_unanswered(beginning)
            return False
        content = self._content()
        if not content:
            return False
        match self._trouble:
            case Trouble.HANG_UP_UNTAKEN | Trouble.HANG_UP_TAKEN:
                sink.leave_unanswered(content)
                if self._trouble is Trouble.HANG_UP_TAKEN:
                    sink.take(content)
                return False
            case Trouble.LATER_AT_THE_END:
                self._say("451 4.3.0 not now")
            case Trouble.SHUT_AT_THE_END:
                self._say("421 4.3.2 closing")
                return False
            case _:
                sink.take(content)
                self._say("250 2.0.0 taken")
        return True

    def _content(self) -> bytes:
        """A whole message; nothing where the sender was killed in the middle of it."""
        content = bytearray()
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                return b""
            content += line
        return bytes(content)

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


def _delivery_id(content: bytes) -> str:
    found = _MESSAGE_ID.search(content)
    assert found
    return found[1].decode()
