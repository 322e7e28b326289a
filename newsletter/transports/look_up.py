"""Where a server listens, asked of the system without being held up by it."""

import socket
from collections.abc import Sequence
from threading import Thread
from typing import Any, Final, NamedTuple

_MOST_ENDPOINTS: Final = 4


class Endpoint(NamedTuple):
    """Where a server listens, as socket.getaddrinfo has it."""

    family: socket.AddressFamily
    address: tuple[Any, ...]


class LookUp:
    """A question to the system's resolver; `fileno` can be read from once it has answered.

    It knows no time-out of ours and cannot be interrupted, so a thread of its own waits for it.
    """

    def __init__(self, host: str, port: int) -> None:
        self._answer: Sequence[Endpoint] | OSError = ()
        self._ours, theirs = socket.socketpair()
        Thread(target=self._ask, args=(host, port, theirs), name="look-up", daemon=True).start()

    def fileno(self) -> int:
        """What to wait for."""
        return self._ours.fileno()

    def close(self) -> None:
        """Wait no longer."""
        self._ours.close()

    def endpoints(self) -> Sequence[Endpoint]:
        """At least one, the best first. Raises OSError where there is none."""
        if isinstance(self._answer, OSError):
            raise self._answer
        return self._answer

    def _ask(self, host: str, port: int, theirs: socket.socket) -> None:
        with theirs:
            try:
                found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            except OSError as error:
                self._answer = error
            else:
                self._answer = [Endpoint(x[0], x[4]) for x in found[:_MOST_ENDPOINTS]]
