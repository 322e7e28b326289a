"""The public application itself, asked thousands of times without a server between."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import NamedTuple
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

Header = tuple[bytes, bytes]


class Request(NamedTuple):
    """What came over the wire, as a server hands it on; `pieces` are those of the body.

    Who `hangs_up` is gone after the last of them, without having ended it.
    """

    method: str
    path: bytes
    query: bytes = b""
    headers: Sequence[Header] = ()
    pieces: Sequence[bytes] = (b"",)
    client: str = "10.0.0.1"
    hangs_up: bool = False

    @property
    def scope(self) -> dict[str, object]:
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": unquote(self.path.decode("ascii")),
            "raw_path": self.path,
            "query_string": self.query,
            "root_path": "",
            "headers": self.headers,
            "client": (self.client, 1),
            "server": ("site.test", 80),
            "state": {},
        }

    def messages(self) -> Iterator[Message]:
        last = len(self.pieces) - 1
        for number, piece in enumerate(self.pieces):
            is_last = number == last and not self.hangs_up
            yield {"type": "http.request", "body": piece, "more_body": not is_last}


@dataclass(slots=True)
class Answer:
    """What the application said; a status of 0 is none at all."""

    status: int = 0
    headers: dict[bytes, bytes] | None = None
    body: bytes = b""

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")


class Application:
    """Answers requests one after the other; what it fails to answer it raises."""

    def __init__(self, app: ASGIApp, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop

    def ask(self, request: Request, patience: float = 30) -> Answer:
        """The answer. A TimeoutError where there is none in time."""
        (answer,) = self.ask_all([request], patience)
        return answer

    def ask_all(self, requests: Iterable[Request], patience: float = 30) -> list[Answer]:
        """The answer to each, which has `patience` seconds."""

        async def ask() -> list[Answer]:
            return [await asyncio.wait_for(self._ask(one), patience) for one in requests]

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result()

    async def _ask(self, request: Request) -> Answer:
        messages, answer = request.messages(), Answer()

        async def receive() -> Message:
            return next(messages, {"type": "http.disconnect"})

        await self._app(request.scope, receive, answer.take)
        return answer


@contextmanager
def running(app: ASGIApp) -> Iterator[Application]:
    """The application on a loop in a thread of its own: a browser may have this one's."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever)
    thread.start()
    yield Application(app, loop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
