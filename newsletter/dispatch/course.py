"""One dispatch under way, as all of its senders see it: how far it is, and whether it goes on."""

import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, RLock
from typing import Final

from newsletter.dispatch.breaker import Breaker
from newsletter.dispatch.report import DispatchReport, Progress, StopReason
from newsletter.ledger.ledger import Ledger
from newsletter.logs import ERROR, event
from newsletter.model.delivery import IssueState, Outcome
from newsletter.transports.base import Throttled

_LONGEST_HOLD_SECONDS: Final = 180.0  # without anybody being accepted meanwhile
_HALTS: Final = {
    IssueState.PAUSED: StopReason.PAUSED,
    IssueState.CANCELLED: StopReason.CANCELLED,
}


@dataclass(slots=True)
class Course:
    """What the senders of a dispatch share; `lock` is for whoever changes it."""

    month: str
    owner: str
    ledger: Ledger
    progress: Progress
    stop: Event
    breaker: Breaker = field(default_factory=Breaker)
    lock: RLock = field(default_factory=RLock)
    stopped_because: StopReason = StopReason.NOT_STOPPED
    _outcomes: Counter[Outcome] = field(default_factory=Counter)
    _names: dict[datetime, list[str]] = field(default_factory=dict)
    _held_seconds: float = 0.0
    _resumes: float = 0.0

    @property
    def is_held(self) -> bool:
        """Whether the other side has asked all senders to wait."""
        return time.monotonic() < self._resumes

    def hold(self, throttled: Throttled) -> None:
        """Let all senders wait as they were asked to. Raises it where that takes too long."""
        seconds = throttled.wait.total_seconds()
        with self.lock:
            if not self.is_held:
                self._held_seconds += seconds
            if self._held_seconds > _LONGEST_HOLD_SECONDS:
                raise throttled
            self._resumes = max(self._resumes, time.monotonic() + seconds)

    @property
    def is_stopped(self) -> bool:
        """Whether no further message may be handed over."""
        if self.stop.is_set():
            self.halt(StopReason.ASKED)
        return self.stopped_because is not StopReason.NOT_STOPPED

    def halt(self, because: StopReason) -> None:
        """Have it end, for the first reason that is given; a failure is worth more than others."""
        with self.lock:
            if because is StopReason.FAILED or self.stopped_because is StopReason.NOT_STOPPED:
                self.stopped_because = because

    def note_broken(self, verdict: str) -> str:
        """Tell the log that the breaker ends it; gives the verdict back."""
        event("send.broken", ERROR, month=self.month, reason=verdict)
        return verdict

    def look(self) -> None:
        """See whether somebody has paused or cancelled the issue."""
        state = self.ledger.deliveries.state(self.month)
        if state in _HALTS:
            self.halt(_HALTS[state])

    def count(self, outcomes: Counter[Outcome]) -> None:
        """Add what has been recorded, and tell how far it is."""
        with self.lock:
            self._outcomes += outcomes
            if outcomes[Outcome.ACCEPTED]:
                self._held_seconds = 0.0
            self.progress(self.report())

    def uncount(self, called_back: int) -> None:
        """Take back what was accepted and is to be sent again."""
        with self.lock:
            self._outcomes[Outcome.ACCEPTED] -= called_back
            self._outcomes[Outcome.RETRY] += called_back

    def borrow_name(self, leaves_at: datetime) -> str | None:
        """What a provider calls messages that leave at this time and that nobody is adding to."""
        with self.lock:
            names = self._names.get(leaves_at)
            return names.pop() if names else None

    def lend_name(self, leaves_at: datetime, name: str) -> None:
        """Let others that leave at this time go under the same name."""
        with self.lock:
            self._names.setdefault(leaves_at, []).append(name)

    def report(self) -> DispatchReport:
        """What has been recorded so far."""
        return DispatchReport(
            accepted=self._outcomes[Outcome.ACCEPTED],
            refused=self._outcomes[Outcome.REFUSED],
            retried=self._outcomes[Outcome.RETRY],
            uncertain=self._outcomes[Outcome.UNCERTAIN],
            stopped_because=self.stopped_because,
        )
