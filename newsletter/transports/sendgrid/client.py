"""SendGrid's API over kept-alive connections: the only file that knows the `sendgrid` package.

Left to itself (6.12.5) the package waits forever, connects anew for every call, follows a
redirect with the key in hand, and logs the key and every address at level DEBUG.
"""

import json
import logging
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from select import POLLIN, poll
from socket import socket
from typing import Self
from urllib.parse import urlsplit
from urllib.request import OpenerDirector, Request

from python_http_client import Client
from sendgrid import SendGridAPIClient

from newsletter.transports.sendgrid.answer import Answer


class Unreachable(Exception):
    """No connection could be opened, so nothing has left; `str()` is the system's reason."""


class AnswerLost(Exception):
    """The request went out and no whole answer came back; `str()` says what came instead."""


class SendgridClient:
    """The calls of the API that sending needs; each waits at most `timeout` for the other side.

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
        logging.getLogger("python_http_client.client").addFilter(_drop)

    def create_batch(self) -> Answer:
        """A new batch id (201)."""
        return self._call("post", ["mail", "batch"])

    def send(self, body: bytes) -> Answer:
        """Give in messages: taken if 202, checked and dropped if 200 (sandbox)."""
        return self._call("post", ["mail", "send"], body)

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

    def close(self) -> None:
        """Close what is idle; the next call opens it anew."""
        while self._idle:
            self._idle.pop().close()

    def _call(self, method: str, path: list[str], body: bytes | None = None) -> Answer:
        connection = self._connection()
        endpoint = _KeptAlive(connection, self._base_url, self._headers, path)
        try:
            response = getattr(endpoint, method)(request_body=None if body is None else _Json(body))
        except (OSError, HTTPException) as error:
            connection.close()
            raise AnswerLost(_reason(error)) from error
        self._idle.append(connection)
        return Answer(response.status_code, response.body, response.headers)

    def _connection(self) -> HTTPConnection:
        """One that is idle, or a new one; opened here, where nothing can have been sent yet."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._new_connection()
        if connection.sock is not None and _has_ended(connection.sock):
            connection.close()
        try:
            if connection.sock is None:
                connection.connect()
        except OSError as error:
            connection.close()
            raise Unreachable(_reason(error)) from error
        return connection

    def _new_connection(self) -> HTTPConnection:
        parts = urlsplit(self._base_url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self._timeout)


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
