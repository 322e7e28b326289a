"""The server before the application. The only file that knows uvicorn."""

import asyncio
import logging
import os
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from newsletter.errors import NewsletterError
from newsletter.logs import ERROR, event

SLOWEST_HEAD: Final = 10.0  # seconds for a request's first lines
_LARGEST_HEAD: Final = 16_384  # bytes
_IDLE: Final = 15  # seconds that a connection is kept between requests
_LAST_WORDS: Final = 10  # seconds for the requests in hand at the end

_TOO_SLOW: Final = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 9\r\n\r\nToo slow\n"
)


class _Faults(logging.Handler):
    """Writes down, in our form, what the application should have known how to answer.

    Whoever asked has had a plain page by then. The server's other lines are left out: they would
    stand among ours.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and (error := record.exc_info[1]):
            event("web.fault", ERROR, fault=type(error).__name__, where=_place(error))


logging.getLogger("uvicorn").addHandler(_Faults())
logging.getLogger("uvicorn").propagate = False


class Server(uvicorn.Server):
    """Serves one application on a socket that is bound already, until SIGINT or SIGTERM.

    `trusted_proxies`, addresses or networks, are believed about where a visitor comes from;
    `on_signal` is called as soon as the end is asked for.
    """

    def __init__(
        self,
        app: ASGIApp,
        trusted_proxies: Sequence[str] = (),
        on_signal: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_signal = on_signal
        super().__init__(
            uvicorn.Config(
                app,
                http=_Patient,
                ws="none",
                lifespan="on",
                log_config=None,  # the guard writes the log, without paths and addresses
                access_log=False,
                server_header=False,
                proxy_headers=bool(trusted_proxies),
                forwarded_allow_ips=list(trusted_proxies),
                timeout_keep_alive=_IDLE,
                timeout_graceful_shutdown=_LAST_WORDS,
                h11_max_incomplete_event_size=_LARGEST_HEAD,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Let the requests in hand end; a second signal cuts them off."""
        self._on_signal()
        super().handle_exit(sig, frame)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """End quietly: uvicorn would raise the signal again, as if it had not been obeyed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises NewsletterError where the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        words = os.strerror(error.errno) if error.errno else str(error)
        what = f"cannot listen there: {words}; set another port in [web]"
        raise NewsletterError(what, where=f"{host}:{port}") from error


def _place(error: BaseException) -> str:
    """Where the fault is: the innermost line of the program's own, without the error's text."""
    frames = traceback.extract_tb(error.__traceback__)
    with suppress(StopIteration):
        ours = next(f for f in reversed(frames) if "/newsletter/" in f.filename)
        return f"{Path(ours.filename).name}:{ours.lineno}"
    return ""


class _Patient(H11Protocol):
    """HTTP/1.1 that waits for a request's first lines, but not for ever.

    Nor does it wait for the rest of a body that was answered before it came.
    """

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what came, and go on waiting if it is not yet a request."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on with what came meanwhile."""
        super().on_response_complete()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._forget()
        super().connection_lost(exc)

    def _watch(self) -> None:
        is_idle = self.timeout_keep_alive_task is not None  # nothing has come, which is no fault
        is_awaited = self.conn.their_state is h11.IDLE or self._is_answered_early
        if not is_awaited or is_idle or self.transport.is_closing():
            self._forget()
        elif self._patience is None:
            self._patience = self.loop.call_later(SLOWEST_HEAD, self._give_up)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        self._patience = None
        if not self.transport.is_closing():
            if not self._is_answered_early:
                self.transport.write(_TOO_SLOW)
            self.transport.close()

    @property
    def _is_answered_early(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE
