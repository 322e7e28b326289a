"""SendGrid's API over kept-alive connections: the only file that knows the `sendgrid` package.

The package says how a request shows who we are; the connection is ours. Its own (6.12.5) waits
forever, is made anew for every call, follows a redirect with the key in hand, and formats the key
and every address for its log, wanted or not: 2 ms for a body of 1000 recipients.
"""

import json
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import timedelta
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from select import POLLIN, poll
from socket import EAI_AGAIN, IPPROTO_TCP, SHUT_RDWR, TCP_NODELAY, gaierror, socket
from ssl import SSLCertVerificationError, create_default_context
from typing import Final
from urllib.parse import urlsplit

from sendgrid import SendGridAPIClient

from newsletter.transports.look_up import Endpoint, LookUp
from newsletter.transports.sendgrid.answer import Answer

_LOOK_SECONDS: Final = 0.1  # between two looks whether somebody waits for the end
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
        self._tls = create_default_context() if self._base_url.scheme == "https" else None
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
            raise AnswerLost(self._reason(error)) from error
        finally:
            self._busy.discard(connection)
        self._idle.append(connection)
        return answer

    def _connection(self) -> HTTPConnection:
        """One that is idle, or a new one."""
        with suppress(IndexError):
            return self._idle.pop()
        host, port = self._base_url.hostname or "", self._base_url.port
        if self._tls:
            return HTTPSConnection(host, port, context=self._tls)
        return HTTPConnection(host, port)

    def _open(self, connection: HTTPConnection) -> None:
        """Make sure that it is open, while nothing can have been sent yet."""
        if connection.sock is not None and _is_readable(connection.sock.fileno()):
            # Hung up meanwhile: nothing else is to be read between two calls.
            connection.close()
        try:
            if connection.sock is None:
                self._connect(connection)
        except OSError as error:
            connection.close()
            raise Unreachable(self._reason(error)) from error

    def _connect(self, connection: HTTPConnection) -> None:
        """As it would itself, but all addresses and the looking up of them share the time."""
        ends = time.monotonic() + self._at_most(_BRIEF_SECONDS)
        endpoints = self._look_up(connection, ends)
        for number, endpoint in enumerate(endpoints, start=1):
            connection.sock = plain = socket(endpoint.family)
            plain.settimeout(max(0.1, (ends - time.monotonic()) / (len(endpoints) - number + 1)))
            try:
                plain.connect(endpoint.address)
            except OSError:
                plain.close()
                if number == len(endpoints) or self.is_hurried:
                    raise
            else:
                break
        plain.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        plain.settimeout(self._at_most(_BRIEF_SECONDS))
        if self._tls:
            connection.sock = self._tls.wrap_socket(plain, server_hostname=connection.host)

    def _look_up(self, connection: HTTPConnection, ends: float) -> Sequence[Endpoint]:
        with closing(LookUp(connection.host, connection.port)) as asked:
            while not _is_readable(asked.fileno(), _LOOK_SECONDS):
                if self.is_hurried or time.monotonic() > ends:
                    raise gaierror(EAI_AGAIN, "DNS gave no answer in time")
            return asked.endpoints()

    def _reason(self, error: OSError | HTTPException) -> str:
        if self.is_hurried:
            return "no answer before the stop"
        if isinstance(error, TimeoutError):
            return "no answer in time"
        if isinstance(error, SSLCertVerificationError):
            return f"it has no valid certificate: {error.verify_message}"
        return getattr(error, "strerror", None) or str(error) or type(error).__name__

    def _at_most(self, seconds: float) -> float:
        left = seconds if self._ends is None else self._ends - time.monotonic()
        return max(0.1, min(seconds, self._timeout, left))


def _is_readable(descriptor: int, within: float = 0.0) -> bool:
    readable = poll()
    readable.register(descriptor, POLLIN)
    return bool(readable.poll(within * 1000))
