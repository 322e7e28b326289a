"""SendGrid's API on this machine, for tests: an account behind a server that makes trouble."""

import json
import socket
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from email.utils import format_datetime
from enum import Enum, auto
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Event, Thread
from types import TracebackType
from typing import Any, Final, Self

from tests.fakes.sendgrid_account import Account, Reply


class Trouble(Enum):
    """How one call may go wrong. Those named AFTER have done what was asked."""

    NONE = auto()
    HANG_BEFORE = auto()
    HANG_AFTER = auto()
    CLOSE_BEFORE = auto()
    CLOSE_AFTER = auto()
    CUT_SHORT_AFTER = auto()
    SLOW_AFTER = auto()
    ERROR_BEFORE = auto()
    ERROR_AFTER = auto()
    HTML_AFTER = auto()
    REDIRECT = auto()
    FORBIDDEN_PAGE = auto()
    UNNAMED = auto()
    TOO_MANY = auto()
    TOO_LARGE = auto()
    CREDITS = auto()


class FakeSendgrid(Account):
    """The API at `url`, in a thread of its own; used as a context.

    `trouble` holds for each path how the next calls go wrong, unless `choose_trouble` is
    replaced. `delivered` tells what became of the messages all the same.
    """

    def __init__(
        self,
        *,
        key: str = "SG.fake",
        verified_sender: str | None = None,
        tls: SSLContext | None = None,
    ) -> None:
        super().__init__(verified_sender=verified_sender)
        self.key = key
        self.size_limit = 30_000_000
        self.reset_seconds = 2
        self.trouble: dict[str, deque[Trouble]] = defaultdict(deque)
        self.choose_trouble: Callable[[str], Trouble] = self._next_trouble
        self.is_hanging = Event()
        self.patience = Event()  # set, it ends whatever hangs
        self.at_end = ExitStack()
        self._server = _Server()
        self._server.fake = self
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"
        if tls:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=[0.02], daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.at_end.close()
        self.patience.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def connections(self) -> int:
        """How many were ever opened."""
        return len(self._server.accepted)

    def drop_connections(self) -> None:
        """Hang up on everybody."""
        for connection in self._server.accepted:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _next_trouble(self, path: str) -> Trouble:
        return self.trouble[path].popleft() if self.trouble[path] else Trouble.NONE


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    fake: FakeSendgrid

    def __init__(self) -> None:
        self.accepted: list[socket.socket] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.accepted.append(connection)
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers that hang up or are killed are what it is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        self._serve("POST")

    def do_GET(self) -> None:
        self._serve("GET")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name for it
        pass

    def _serve(self, method: str) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fake = self.server.fake
        if self.headers.get("Authorization") != f"Bearer {fake.key}":
            self._reply(Reply.error(401, "The provided authorization grant is invalid"))
            return
        if len(content) > fake.size_limit:
            self._reply(Reply.error(413, "content too large"))
            return
        try:
            document = json.loads(content) if content else None
        except ValueError:
            self._reply(Reply.error(400, "Bad Request"))
            return
        trouble = fake.choose_trouble(self.path)
        if trouble is Trouble.NONE:
            self._reply(fake.answer(method, self.path, document))
        else:
            self._make_trouble(trouble, lambda: fake.answer(method, self.path, document))

    def _make_trouble(self, trouble: Trouble, act: Callable[[], Reply]) -> None:
        fake = self.server.fake
        reply = act() if trouble.name.endswith("_AFTER") else None
        match trouble:
            case Trouble.TOO_MANY:
                reset = str(int(fake.now.timestamp()) + fake.reset_seconds)
                self._reply(replace(_REPLIES[trouble], headers={"X-RateLimit-Reset": reset}))
                return
            case _ if trouble in _REPLIES:
                self._reply(_REPLIES[trouble])
                return
            case Trouble.HANG_BEFORE | Trouble.HANG_AFTER:
                fake.is_hanging.set()
                fake.patience.wait()
            case Trouble.SLOW_AFTER if reply:
                fake.patience.wait(0.2)
                self._reply(reply)
                return
            case Trouble.CUT_SHORT_AFTER if reply:
                cut = f"HTTP/1.1 {reply.status} OK\r\nContent-Length: 9\r\n\r\n{{"
                self.wfile.write(cut.encode())
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _reply(self, reply: Reply) -> None:
        lines = {
            "Date": format_datetime(self.server.fake.now.replace(microsecond=0), usegmt=True),
            "Content-Type": "text/html" if reply.page else "application/json",
            "Content-Length": str(len(reply.content)),
            **reply.headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        phrase = HTTPStatus(reply.status).phrase
        # In one piece: two make the client's system wait 40 ms before it acknowledges the first.
        start = f"HTTP/1.1 {reply.status} {phrase}\r\n{head}\r\n"
        self.wfile.write(start.encode() + reply.content)


_PAGE: Final = "<!doctype html><title>Gateway</title><h1>Please sign in</h1>"
_REPLIES: Final = {
    Trouble.ERROR_BEFORE: Reply.error(503, "service not available"),
    Trouble.ERROR_AFTER: Reply.error(500, "internal server error"),
    Trouble.HTML_AFTER: Reply(200, page=_PAGE),
    Trouble.REDIRECT: Reply(302, headers={"Location": "/v3/elsewhere"}),
    Trouble.FORBIDDEN_PAGE: Reply(403, page=_PAGE),
    Trouble.UNNAMED: Reply.error(400, "Bad Request"),
    Trouble.TOO_MANY: Reply.error(429, "too many requests"),
    Trouble.TOO_LARGE: Reply.error(413, "content too large"),
    Trouble.CREDITS: Reply.error(401, "Maximum credits exceeded"),
}
