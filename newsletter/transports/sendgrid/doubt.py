"""Batches of which nobody knows whether SendGrid has them: called back while there is time."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from threading import Lock
from typing import Final

from newsletter.transports.base import Throttled
from newsletter.transports.sendgrid.answer import Answer
from newsletter.transports.sendgrid.body import Schedule
from newsletter.transports.sendgrid.client import AnswerLost, SendgridClient, Unreachable

_PENDING_LIMIT: Final = 10  # "You can't pause or cancel more than 10 different batches at one time"
_ATTEMPTS: Final = 2
_USUAL_RESET_SECONDS: Final = 10.0


class NotNow(Exception):
    """Nothing was done, and another attempt may succeed; `str()` says why not."""


class Silent(NotNow):
    """There was no answer, so nobody need be asked for anything else."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How far ahead messages are scheduled, and how long one `send` waits for rate limits.

    SendGrid cancels until ten minutes before: a sender that was killed must be started again
    within the rest of `lead`, or what it had in hand is uncertain. `patience` is short, as who
    stops a `send` waits for it too. `wait` takes seconds.
    """

    lead: timedelta = timedelta(minutes=20)
    patience: timedelta = timedelta(seconds=4)
    wait: Callable[[float], object] = time.sleep


class Patience:
    """What one `send` may still wait for SendGrid, its answers included."""

    def __init__(self, timing: Timing) -> None:
        self._left = timing.patience.total_seconds()
        self._ends = time.monotonic() + self._left
        self._wait = timing.wait

    def outlasts(self, seconds: float) -> bool:
        """Wait so long; False at once if that is too long."""
        if seconds > self._left or time.monotonic() > self._ends:
            return False
        self._left -= seconds
        self._wait(seconds)
        return True

    def wait_for_reset(self, answer: Answer) -> None:
        """Wait for the reset that a 429 names. Raises Throttled if that is too long."""
        seconds = max(1.0, answer.seconds_to_reset or _USUAL_RESET_SECONDS)
        if not self.outlasts(seconds):
            raise Throttled(f"SendGrid answers {answer.words}", timedelta(seconds=seconds))


class Cancellations:
    """Cancels batches in doubt and remembers how many SendGrid still has to carry out."""

    def __init__(self, client: SendgridClient, timing: Timing) -> None:
        self._client = client
        self._wait = timing.wait
        self._pending: dict[str, datetime] = {}  # by batch: when its messages would leave
        self._lock = Lock()

    def cancel(self, schedule: Schedule) -> bool:
        """Whether the batch will certainly not leave; False: it may. Raises NotNow if unknown."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._cancel(schedule)
            except NotNow:
                if attempt == _ATTEMPTS or self._client.is_hurried:
                    raise
                self._wait(1.0)
        raise AssertionError

    def has_room(self, at: datetime) -> bool:
        """Whether one more could be cancelled: without that nothing should be risked."""
        with self._lock:
            self._pending = {name: when for name, when in self._pending.items() if when > at}
            return len(self._pending) < _PENDING_LIMIT

    def _cancel(self, schedule: Schedule) -> bool:
        answer = self._ask(lambda: self._client.cancel(schedule.batch_id))
        is_cancelled = answer.status == HTTPStatus.CREATED
        if answer.status == HTTPStatus.BAD_REQUEST:
            # Asked for a second time: the first may have been heard and its answer lost.
            answer = self._ask(lambda: self._client.find_cancellation(schedule.batch_id))
            is_cancelled = answer.status == HTTPStatus.OK and answer.has_cancellation
        if not is_cancelled:
            return False
        with self._lock:
            self._pending[schedule.batch_id] = schedule.send_at
        return schedule.can_be_cancelled(answer.at)

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        try:
            answer = call()
        except (Unreachable, AnswerLost) as error:
            raise Silent(str(error)) from error
        if answer.status in {401, 429} or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise NotNow(answer.words)
        return answer
