"""Messages leave in their turn: no faster than all senders of a way out together may."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from newsletter.dispatch.course import Course
from newsletter.ledger.paces import Paces

_LOOK_SECONDS: Final = 1.0
_MOST_AT_ONCE: Final = 100


class Turns:
    """Hands out turns, which are reserved in the ledger some at a time.

    Once reserved they are waited for by a clock that nobody sets.
    """

    def __init__(
        self,
        course: Course,
        paces: Paces,
        transport: str,
        per_second: float,
        clock: Callable[[], datetime],
    ) -> None:
        self._course = course
        self._paces = paces
        self._transport = transport
        self._per_second = per_second
        self._clock = clock
        self._left = 0
        self._begins = 0.0

    def wait(self) -> None:
        """Return when the next message may leave, or somebody says stop."""
        with self._course.lock:
            if self._left == 0:
                self._reserve(max(1, min(_MOST_AT_ONCE, round(self._per_second))))
            self._left -= 1
            begins = self._begins
        while (seconds := begins - time.monotonic()) > 0 and not self._course.is_stopped:
            self._course.stop.wait(min(seconds, _LOOK_SECONDS))

    def _reserve(self, turns: int) -> None:
        now = self._clock()
        begins_at = self._paces.reserve(
            self._transport, turns, per_second=self._per_second, now=now
        )
        self._begins = time.monotonic() + (begins_at - now).total_seconds()
        self._left = turns
