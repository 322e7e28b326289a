"""Claim, send, record: until nothing is left to claim, or somebody says stop."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from threading import Event
from typing import Final

from newsletter.errors import TransportError
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.lock import OwnerLocks
from newsletter.model.delivery import Batch, Delivery, IssueState, Outcome, Receipt
from newsletter.model.message import Message
from newsletter.transports.base import Transport

_INTERVAL_SECONDS: Final = 1.0  # between two recordings of answers, and two looks at the issue
_RETRY_AFTER: Final = timedelta(minutes=10)
_MAX_ATTEMPTS: Final = 5


class StopReason(StrEnum):
    """Why a dispatch came to its end."""

    NOT_STOPPED = "it goes on"
    NOTHING_LEFT = "nothing is left to claim"  # others may hold some, and some may wait
    LIMITED = "the limit is reached"
    ASKED = "it was asked to stop"
    PAUSED = "the issue is paused"
    CANCELLED = "the issue is cancelled"


_HALTS: Final = {
    IssueState.PAUSED: StopReason.PAUSED,
    IssueState.CANCELLED: StopReason.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """How many deliveries got which answer, as far as it is recorded."""

    accepted: int
    refused: int
    retried: int
    uncertain: int
    stopped_because: StopReason

    @property
    def done(self) -> int:
        """How many got an answer that stands."""
        return self.accepted + self.refused + self.uncertain


MessageWriter = Callable[[str, Sequence[Delivery]], Sequence[Message]]
Progress = Callable[[DispatchReport], None]


def dispatch(  # noqa: PLR0913 - what the step meets, and how far it may go
    month: str,
    deliveries: Deliveries,
    owners: OwnerLocks,
    transport: Transport,
    write: MessageWriter,
    *,
    limit: int | None,
    progress: Progress,
    stop: Event,
    clock: Callable[[], datetime],
) -> DispatchReport:
    """Send what is planned of an issue, at most `limit` deliveries, until `stop` is set.

    `write` makes the messages for deliveries of a variant, `progress` is told whenever answers
    have been recorded. However it ends, nothing stays in flight: answers are recorded, and what
    was certainly not sent is planned again. Raises TransportError where the way out is closed and
    LedgerError where the ledger is.
    """
    sending = _Sending(month, deliveries, transport, write, progress, stop, clock)
    owner = token_hex(8)
    with owners.hold(owner):
        deliveries.recover(
            month, is_alive=owners.is_alive, repeatable=transport.is_repeatable, now=clock()
        )
        while not sending.is_stopped:
            if batch := sending.claim(owner, limit):
                _Attempt(sending, batch).make()
                progress(sending.report())
    return sending.report()


@dataclass(slots=True)
class _Sending:
    """One dispatch under way: what its attempts share, and what came of them."""

    month: str
    deliveries: Deliveries
    transport: Transport
    write: MessageWriter
    progress: Progress
    stop: Event
    clock: Callable[[], datetime]
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    stopped_because: StopReason = StopReason.NOT_STOPPED

    @property
    def is_stopped(self) -> bool:
        """Whether no further message may be handed over."""
        if self.stop.is_set():
            self.stopped_because = StopReason.ASKED
        return self.stopped_because is not StopReason.NOT_STOPPED

    def look(self) -> None:
        """See whether somebody has paused or cancelled the issue."""
        frozen = self.deliveries.frozen(self.month)
        if frozen and frozen.state in _HALTS:
            self.stopped_because = _HALTS[frozen.state]

    def claim(self, owner: str, limit: int | None) -> Batch | None:
        """The next batch; without one the dispatch is stopped."""
        left = None if limit is None else limit - self.outcomes.total()
        if left == 0:
            self.stopped_because = StopReason.LIMITED
            return None
        batch = self.deliveries.claim(self.month, owner, now=self.clock(), limit=left)
        if batch is None:
            self.stopped_because = StopReason.NOTHING_LEFT
            self.look()
        return batch

    def report(self) -> DispatchReport:
        """What has been recorded so far."""
        return DispatchReport(
            accepted=self.outcomes[Outcome.ACCEPTED],
            refused=self.outcomes[Outcome.REFUSED],
            retried=self.outcomes[Outcome.RETRY],
            uncertain=self.outcomes[Outcome.UNCERTAIN],
            stopped_because=self.stopped_because,
        )


class _Attempt:
    """One try at a batch: messages are handed over one by one, answers recorded as they come."""

    def __init__(self, sending: _Sending, batch: Batch) -> None:
        self._sending = sending
        self._batch = batch
        self._handed_over: set[str] = set()  # and without an answer yet
        self._unrecorded: list[Receipt] = []
        self._retry_at: datetime | None = None
        self._is_over = False

    def make(self) -> None:
        """Send what may be sent. The batch is closed whatever happens."""
        try:
            messages = self._sending.write(self._batch.variant_id, self._batch.deliveries)
            self._read(self._sending.transport.send(self._hand_over(messages)))
        except TransportError:
            self._handed_over.clear()  # they were certainly not taken
            raise
        finally:
            self._close()

    def _hand_over(self, messages: Iterable[Message]) -> Iterator[Message]:
        for message in messages:
            if self._is_over or self._sending.is_stopped:
                return
            self._handed_over.add(message.personalisation.delivery_id)
            yield message

    def _read(self, receipts: Iterator[Receipt]) -> None:
        recorded_at = time.monotonic()
        try:
            for receipt in receipts:
                self._keep(receipt)
                if time.monotonic() - recorded_at >= _INTERVAL_SECONDS:
                    self._record(close_batch=False)
                    self._sending.progress(self._sending.report())
                    self._sending.look()
                    recorded_at = time.monotonic()
        finally:
            # Should a recording fail, the transport is still asked about what it has taken.
            self._is_over = True
            for receipt in receipts:
                self._keep(receipt)

    def _keep(self, receipt: Receipt) -> None:
        self._handed_over.discard(receipt.delivery_id)
        self._unrecorded.append(receipt)

    def _close(self) -> None:
        if not self._sending.transport.is_repeatable:
            self._unrecorded += [
                Receipt(delivery_id, Outcome.UNCERTAIN, "sending broke off before the answer came")
                for delivery_id in self._handed_over
            ]
        self._record(close_batch=True)

    def _record(self, *, close_batch: bool) -> None:
        now = self._sending.clock()
        outcomes = Counter(receipt.outcome for receipt in self._unrecorded)
        if outcomes[Outcome.RETRY]:
            self._retry_at = now + _RETRY_AFTER
        self._sending.deliveries.record(
            self._batch,
            self._unrecorded,
            now=now,
            retry_at=self._retry_at,
            max_attempts=_MAX_ATTEMPTS,
            close_batch=close_batch,
        )
        self._sending.outcomes += outcomes
        self._unrecorded.clear()
