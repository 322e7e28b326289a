"""What stands before every page: limits of size and time, the headers of safety, the log."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.logs import event

LARGEST_FORM: Final = 64_000  # bytes
LARGEST_EVENTS: Final = 10_000_000
SLOWEST_BODY: Final = 15.0  # seconds for the whole of it

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Robots-Tag": "noindex",
    "Cache-Control": "no-store",
}
_GIVEN_UP: Final = frozenset({408, 413, 500})
_UNKNOWN: Final = "unknown"  # the route in the log of what leads nowhere: its path may hold a token

Observe = Callable[[str, str, int, float], None]  # method, route, status, seconds


class Guard:
    """Wraps the whole application; what it may not do, nothing inside it can do by mistake.

    The log holds the route and never the path, which may carry a token.
    """

    def __init__(self, app: ASGIApp, observe: Observe) -> None:
        self._app = app
        self._observe = observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, whatever becomes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = perf_counter()
        answer = _Answer(send)
        try:
            # A body where none belongs is never read: while a file is on its way, `receive` only
            # waits for the visitor to leave.
            has_body = scope["method"] not in {"GET", "HEAD"}
            read = _Body(scope, receive).receive if has_body else receive
            await self._app(scope, read, answer.send)
        finally:
            seconds = perf_counter() - begun
            route = _route(scope)
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._observe(method, route, answer.status, seconds)
            event(
                "web.request",
                method=method,
                route=route,
                status=answer.status,
                milliseconds=round(seconds * 1000, 1),
            )


_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _Answer:
    """Passes an answer on, with the headers that it does not bring itself."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0  # nobody was there to take an answer

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            if self.status in _GIVEN_UP:
                headers["Connection"] = "close"  # whatever is still to come is not waited for
        await self._send(message)


class _Body:
    """A request's body, read within its limits or refused with 413 or 408."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        is_webhook = scope["path"].startswith("/webhooks/")
        self._largest = LARGEST_EVENTS if is_webhook else LARGEST_FORM
        stated = Headers(scope=scope).get("content-length", "")
        self._stated = int(stated) if stated.isascii() and stated.isdigit() else 0
        self._seen = 0
        self._is_whole = False
        self._deadline: float | None = None

    async def receive(self) -> Message:
        if self._stated > self._largest:
            raise HTTPException(413)
        loop = asyncio.get_running_loop()
        if self._deadline is None:
            self._deadline = loop.time() + SLOWEST_BODY
        try:
            async with asyncio.timeout_at(None if self._is_whole else self._deadline):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(408) from None
        if message["type"] == "http.request":
            self._seen += len(message.get("body", b""))
            if self._seen > self._largest:
                raise HTTPException(413)
            self._is_whole = not message.get("more_body")  # next the visitor leaves, some time
        return message


def _route(scope: Scope) -> str:
    found = getattr(scope.get("route"), "path", None)
    return _UNKNOWN if found is None else scope.get("root_path", "") + found
