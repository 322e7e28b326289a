"""The preview's server, on this machine's loopback address alone."""

import logging
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread
from typing import Final

import uvicorn

from newsletter.errors import NewsletterError
from newsletter.preview.app import Preview
from newsletter.settings import Config

_LOOPBACK: Final = "127.0.0.1"
_TRIES: Final = 20

# Of a fault of ours uvicorn would show the traceback.
if not os.environ.get("NEWSLETTER_DEBUG"):
    logging.getLogger("uvicorn").addHandler(logging.NullHandler())
    logging.getLogger("uvicorn").propagate = False


class PreviewServer:
    """Serves a newsletter's preview until it is stopped."""

    def __init__(
        self, load: Callable[[], Config], listener: socket.socket, month: str = ""
    ) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._preview = Preview(load, self.port, month)
        config = uvicorn.Config(
            self._preview.app(),
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            http="h11",
            loop="asyncio",
            lifespan="on",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._over = Event()
        self._thread = Thread(target=self._run, daemon=True)

    @property
    def url(self) -> str:
        """Where the preview is."""
        return f"http://{_LOOPBACK}:{self.port}/"

    def start(self) -> None:
        """Begin to answer; the port is open already, so nobody is turned away meanwhile."""
        self._thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait that long at most; whether the server has stopped."""
        return self._over.wait(seconds)

    def stop(self) -> None:
        """Stop answering, and end the streams of open pages."""
        self._preview.close()
        self._server.should_exit = True
        self._thread.join(3)

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._over.set()


def listen(port: int, *, is_wish: bool) -> socket.socket:
    """A listening socket at a port of this machine, or a free one soon after it.

    Where `is_wish` only this port will do: raises NewsletterError if it is in use.
    """
    last = port if is_wish else min(port + _TRIES, 65535)
    for each in range(port, last + 1):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            listener.bind((_LOOPBACK, each))
            listener.listen()
            return listener
        listener.close()
    raise NewsletterError(
        f"port {port} is in use, perhaps by another preview; name a free one with --port"
    )
