"""One visit to a web address, that cannot be led into a closed network.

The name is resolved here, each address is judged, and the connection goes to the address that was
judged: a name that resolves otherwise a moment later gains nothing. Every redirect is judged anew.
"""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from newsletter.undoing import on_failure

Ip = IPv4Address | IPv6Address

MOST_REDIRECTS: Final = 8
_NAT64: Final = ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in its last 32 bits
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_FOR_GOOD: Final = frozenset({301, 308})
_HEADERS: Final = {
    "User-Agent": "Mozilla/5.0 (compatible; newsletter link check)",
    "Accept": "text/html,*/*;q=0.8",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


class VisitError(Exception):
    """Why an address could not be visited, as the rest of a sentence."""


class Forbidden(VisitError):
    """The address lies in a network that only some can reach; it was not asked."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What came of following an address: the last status, and where it was found.

    `is_moved` says that every redirect on the way was a permanent one.
    """

    status: int
    url: str
    redirects: int = 0
    is_moved: bool = False


def is_public(address: Ip) -> bool:
    """Whether an IP address is one of the public internet, also the one wrapped in an IPv6."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address.teredo:
            inner = address.teredo[1]
        elif address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None and not is_public(inner):
            return False
    return address.is_global and not address.is_multicast


class Visitor:
    """Follows addresses over sockets that `close` cuts off; one visitor may serve many threads."""

    def __init__(self, is_allowed: Callable[[Ip], bool] = is_public, timeout: float = 8) -> None:
        self._is_allowed = is_allowed
        self._timeout = timeout
        self._open: set[socket.socket] = set()
        self._is_closed = False

    def close(self) -> None:
        """End every visit now under way, and those to come."""
        self._is_closed = True
        for one in list(self._open):
            _shut(one)

    def visit(self, url: str) -> Visit:
        """Ask with HEAD, and with GET where that is refused, through every redirect.

        Raises VisitError with the reason where there is no answer to judge.
        """
        is_moved = True
        for redirects in range(MOST_REDIRECTS + 1):
            status, location = self._ask("HEAD", url)
            if status >= 400:
                status, location = self._ask("GET", url)
            if status not in _REDIRECTS or not location:
                return Visit(status, url, redirects, is_moved=redirects > 0 and is_moved)
            is_moved = is_moved and status in _FOR_GOOD
            url = _next(url, location)
        raise VisitError(f"leads on more than {MOST_REDIRECTS} times")

    def _ask(self, method: str, url: str) -> tuple[int, str]:
        """The status and the Location of one answer, whose body is left unread."""
        parts = urlsplit(url)
        try:
            with self._connect(parts) as connected:
                self._open.add(connected)
                try:
                    return _exchange(connected, method, parts)
                finally:
                    self._open.discard(connected)
        except ssl.SSLCertVerificationError as error:
            raise VisitError(f"has no sound certificate: {error.verify_message}") from error
        except TimeoutError as error:
            raise VisitError(f"does not answer within {self._timeout:g} seconds") from error
        except ConnectionRefusedError as error:
            raise VisitError("refuses the connection") from error
        except (OSError, HTTPException, ValueError) as error:
            raise VisitError(f"does not answer as a web server: {_reason(error)}") from error

    def _connect(self, parts: SplitResult) -> socket.socket:
        host = parts.hostname or ""
        port = parts.port or (443 if parts.scheme == "https" else 80)
        connected = self._connect_to(self._addresses(host, port), port)
        if parts.scheme != "https":
            return connected
        with on_failure(connected.close):
            return _trust().wrap_socket(connected, server_hostname=host)

    def _addresses(self, host: str, port: int) -> list[Ip]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise VisitError(f"cannot be looked up: {_reason(error)}") from error
        addresses = list(dict.fromkeys(ip_address(str(one[4][0])) for one in found))
        if allowed := [address for address in addresses if self._is_allowed(address)]:
            return allowed
        raise Forbidden(f"is at {addresses[0]}, in a closed network" if addresses else "is nowhere")

    def _connect_to(self, addresses: list[Ip], port: int) -> socket.socket:
        failure: OSError = OSError("no address")
        for address in addresses[:3]:
            if self._is_closed:
                raise VisitError("was not asked: the time is up")
            try:
                return socket.create_connection((str(address), port), self._timeout)
            except OSError as error:
                failure = error
        raise failure


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()


def _exchange(connected: socket.socket, method: str, parts: SplitResult) -> tuple[int, str]:
    connection = HTTPConnection(parts.hostname or "", parts.port)
    connection.sock = connected
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(method, path, headers={**_HEADERS, "Host": parts.netloc.rpartition("@")[2]})
    answer = connection.getresponse()
    try:
        return answer.status, answer.getheader("Location", "")
    finally:
        answer.close()


def _next(url: str, location: str) -> str:
    """The address that an answer leads on to."""
    try:
        # http.client reads headers as Latin-1; what is not ASCII there was meant as UTF-8.
        target = urljoin(url, quote(location.encode("latin-1"), safe="!#$%&'()*+,/:;=?@[]~"))
        parts = urlsplit(target)
        sound = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound:
        raise VisitError(f"leads on to what is no web address: {location[:80]}")
    return parts._replace(fragment="").geturl()


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _shut(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
