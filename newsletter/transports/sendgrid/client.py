"""SendGrid's API over kept-alive connections: the only file that knows the `sendgrid` package.

Left to itself (6.12.5) the package waits forever, connects anew for every call, follows a
redirect with the key in hand, and logs the key and every address at level DEBUG.
"""

import json
import logging
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from select import POLLIN, poll
from socket import SHUT_RDWR, socket
from typing import Final, Self
from urllib.parse import urlsplit
from urllib.request import OpenerDirector, Request

from python_http_client import Client
from sendgrid import SendGridAPIClient

from newsletter.transports.sendgrid.answer import Answer

_BRIEF_SECONDS: Final = 3.0  # for what asks little: to connect, to name a batch, to cancel it


class Unreachable(Exception):
    """No connection could be opened, so nothing has left; `str()` is the system's reason."""


class AnswerLost(Exception):
    """The request went out and no whole answer came back; `str()` says what came instead."""


class SendgridClient:
    """The calls of the API that sending needs; to give in messages waits at most `timeout`.

    They give every answer, whatever its status, and raise Unreachable or AnswerLost where there
    is none. Several threads may call at once; each call has a connection of its own.
    """

    def __init__(self, base_url: str, api_key: str, timeout: timedelta) -> None:
        self._base_url = base_url
        self._timeout = timeout.total_seconds()
        # Any type but plain application/json keeps the package from writing the body once more.
        self._headers = {
            **SendGridAPIClient(api_key, base_url).client.request_headers,
            "Content-Type": "application/json; charset=utf-8",
        }
        self._idle: deque[HTTPConnection] = deque()
        self._busy: set[HTTPConnection] = set()
        self._ends: float | None = None  # by time.monotonic, where there is a hurry
        logging.getLogger("python_http_client.client").addFilter(_drop)

    def create_batch(self) -> Answer:
        """A new batch id (201)."""
        return self._call("post", ["mail", "batch"])

    def send(self, body: bytes) -> Answer:
        """Give in messages: taken if 202, checked and dropped if 200 (sandbox)."""
        return self._call("post", ["mail", "send"], body, seconds=self._timeout)

    def cancel(self, batch_id: str) -> Answer:
        """Ask for all messages of a batch to be dropped when their time comes (201)."""
        body = json.dumps({"batch_id": batch_id, "status": "cancel"})
        return self._call("post", ["user", "scheduled_sends"], body.encode())

    def find_cancellation(self, batch_id: str) -> Answer:
        """The list of what was asked for a batch, a `cancel` or nothing (200)."""
        return self._call("get", ["user", "scheduled_sends", batch_id])

    def find_scopes(self) -> Answer:
        """What the key may do (200): https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions."""
        return self._call("get", ["scopes"])

    def hurry(self, within: timedelta) -> None:
        """Hang up where an answer is awaited; all calls from now on share the time that is left."""
        self._ends = time.monotonic() + within.total_seconds()
        for connection in tuple(self._busy):
            if connection.sock is not None:
                with suppress(OSError):
                    # Not an SSL socket's own, which changes it under the hands of its reader.
                    socket.shutdown(connection.sock, SHUT_RDWR)

    @property
    def is_hurried(self) -> bool:
        """Whether somebody waits for the end."""
        return self._ends is not None

    def close(self) -> None:
        """Close what is idle; the next call opens it anew."""
        while self._idle:
            self._idle.pop().close()

    def _call(
        self,
        method: str,
        path: list[str],
        body: bytes | None = None,
        *,
        seconds: float = _BRIEF_SECONDS,
    ) -> Answer:
        connection = self._connection()
        self._busy.add(connection)
        try:
            self._open(connection)
            connection.sock.settimeout(self._at_most(seconds))
            endpoint = _KeptAlive(connection, self._base_url, self._headers, path)
            response = getattr(endpoint, method)(request_body=None if body is None else _Json(body))
        except (OSError, HTTPException) as error:
            connection.close()
            reason = "no answer before the stop" if self.is_hurried else _reason(error)
            raise AnswerLost(reason) from error
        finally:
            self._busy.discard(connection)
        self._idle.append(connection)
        return Answer(response.status_code, response.body, response.headers)

    def _connection(self) -> HTTPConnection:
        """One that is idle, or a new one."""
        with suppress(IndexError):
            return self._idle.pop()
        parts = urlsplit(self._base_url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return kind(parts.hostname or "", parts.port)

    def _open(self, connection: HTTPConnection) -> None:
        """Make sure that it is open, while nothing can have been sent yet."""
        if connection.sock is not None and _has_ended(connection.sock):
            connection.close()
        connection.timeout = self._at_most(_BRIEF_SECONDS)
        try:
            if connection.sock is None:
                connection.connect()
        except OSError as error:
            connection.close()
            raise Unreachable(_reason(error)) from error

    def _at_most(self, seconds: float) -> float:
        left = seconds if self._ends is None else self._ends - time.monotonic()
        return max(0.1, min(seconds, self._timeout, left))


class _KeptAlive(Client):  # type: ignore[misc]  # it has no types
    """One endpoint of the package's client, on a connection that is open and stays so."""

    def __init__(
        self, connection: HTTPConnection, host: str, headers: Mapping[str, str], path: list[str]
    ) -> None:
        super().__init__(host, dict(headers), version=3, url_path=path)
        self._connection = connection

    def _make_request(
        self,
        opener: OpenerDirector,  # noqa: ARG002 - it would connect anew and follow redirects
        request: Request,
        timeout: float | None = None,  # noqa: ARG002 - the connection has its own
    ) -> HTTPResponse:
        self._connection.request(
            request.get_method(), request.selector, request.data, dict(request.header_items())
        )
        return self._connection.getresponse()


class _Json(bytes):
    """A body that the package takes for a string to encode, and cannot write into its log.

    It formats that log line at every call, wanted or not: 2 ms for a body of 1000 recipients.
    """

    def encode(self, _encoding: str) -> Self:
        return self

    def __str__(self) -> str:
        return f"{len(self)} bytes"


def _has_ended(idle: socket) -> bool:
    """Whether the other side hung up meanwhile: nothing else is to be read between two calls."""
    readable = poll()
    readable.register(idle, POLLIN)
    return bool(readable.poll(0))


def _drop(_record: logging.LogRecord) -> bool:
    return False


def _reason(error: OSError | HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
