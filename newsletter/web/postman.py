"""The thread that writes letters, so that no visitor waits for a mail server."""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import Final

from newsletter.errors import NewsletterError
from newsletter.logs import ERROR, WARNING, event

_ROUND: Final = 2.0  # seconds between looks for what another process, or a crash, left
_CLEARING: Final = 3600.0  # seconds between looks for what is to be forgotten


class Postman:
    """Calls `write_due` whenever there may be a letter to write; whatever fails is tried again.

    Now and then it clears up: `forget` gives how many people are forgotten.
    """

    def __init__(self, write_due: Callable[[], int], forget: Callable[[], int]) -> None:
        self._write_due = write_due
        self._forget = forget
        self._cleared_at: float | None = None
        self._called = Event()
        self._is_over = False
        self._thread = Thread(target=self._go_round, name="postman", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def call(self) -> None:
        """There is a letter to write: do not wait for the next round."""
        self._called.set()

    def stop(self) -> None:
        """Finish the letter in hand and end; what is left is written by whoever starts next."""
        self._is_over = True
        self._called.set()
        self._thread.join(timeout=30)

    def _go_round(self) -> None:
        while not self._is_over:
            self._called.clear()
            try:
                self._write_due()
                self._clear_up()
            except NewsletterError as error:
                event("letters.held", WARNING, reason=str(error))
            except Exception as error:  # noqa: BLE001 - one bad letter must not end them all
                event("letters.fault", ERROR, fault=type(error).__name__)
            self._called.wait(_ROUND)

    def _clear_up(self) -> None:
        now = monotonic()
        if self._cleared_at is None or now - self._cleared_at >= _CLEARING:
            self._cleared_at = now
            if people := self._forget():
                event("sign_ups.forgotten", people=people)
