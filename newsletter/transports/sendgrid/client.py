"""SendGrid's API over kept-alive connections: the only file that knows the `sendgrid` package.

The package says how a request shows who we are; the connection is ours. Its own (6.12.5) waits
forever, is made anew for every call, follows a redirect with the key in hand, and formats the key
and every address for its log, wanted or not: 2 ms for a body of 1000 recipients.
"""

import json
import time
from collections import deque
from contextlib import suppress
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from select import POLLIN, poll
from socket import SHUT_RDWR, socket
from ssl import SSLCertVerificationError
from typing import Final
from urllib.parse import urlsplit

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
        self._base_url = urlsplit(base_url)
        self._timeout = timeout.total_seconds()
        self._headers = {
            **SendGridAPIClient(api_key, base_url).client.request_headers,
            "Content-Type": "application/json",
        }
        self._idle: deque[HTTPConnection] = deque()
        self._busy: set[HTTPConnection] = set()
        self._ends: float | None = None  # by time.monotonic, where there is a hurry

    def create_batch(self) -> Answer:
        """A new batch id (201)."""
        return self._call("POST", "mail/batch")

    def send(self, body: bytes) -> Answer:
        """Give in messages: taken if 202, checked and dropped if 200 (sandbox)."""
        return self._call("POST", "mail/send", body, seconds=self._timeout)

    def cancel(self, batch_id: str) -> Answer:
        """Ask for all messages of a batch to be dropped when their time comes (201)."""
        body = json.dumps({"batch_id": batch_id, "status": "cancel"})
        return self._call("POST", "user/scheduled_sends", body.encode())

    def find_cancellation(self, batch_id: str) -> Answer:
        """The list of what was asked for a batch, a `cancel` or nothing (200)."""
        return self._call("GET", f"user/scheduled_sends/{batch_id}")

    def find_scopes(self) -> Answer:
        """What the key may do (200): https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions."""
        return self._call("GET", "scopes")

    def hurry(self, within: timedelta) -> None:
        """Hang up where an answer is awaited; all calls from now on share the time that is left."""
        self._ends = time.monotonic() + within.total_seconds()
        for connection in tuple(self._busy):
            # Read once, as its own thread may let go of it meanwhile.
            if (busy := connection.sock) is not None:
                with suppress(OSError):
                    # Not an SSL socket's own, which changes it under the hands of its reader.
                    socket.shutdown(busy, SHUT_RDWR)

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
        path: str,
        body: bytes | None = None,
        *,
        seconds: float = _BRIEF_SECONDS,
    ) -> Answer:
        connection = self._connection()
        self._busy.add(connection)
        try:
            self._open(connection)
            connection.sock.settimeout(self._at_most(seconds))
            place = f"{self._base_url.path.rstrip('/')}/v3/{path}"
            connection.request(method, place, body, self._headers)
            response = connection.getresponse()
            answer = Answer(response.status, response.read(), response.headers)
        except (OSError, HTTPException) as error:
            connection.close()
            reason = "no answer before the stop" if self.is_hurried else _reason(error)
            raise AnswerLost(reason) from error
        finally:
            self._busy.discard(connection)
        self._idle.append(connection)
        return answer

    def _connection(self) -> HTTPConnection:
        """One that is idle, or a new one."""
        with suppress(IndexError):
            return self._idle.pop()
        kind = HTTPSConnection if self._base_url.scheme == "https" else HTTPConnection
        return kind(self._base_url.hostname or "", self._base_url.port)

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


def _has_ended(idle: socket) -> bool:
    """Whether the other side hung up meanwhile: nothing else is to be read between two calls."""
    readable = poll()
    readable.register(idle, POLLIN)
    return bool(readable.poll(0))


def _reason(error: OSError | HTTPException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, SSLCertVerificationError):
        return f"it has no valid certificate: {error.verify_message}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
