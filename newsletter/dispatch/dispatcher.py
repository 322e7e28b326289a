"""Claim, send, record: until nothing is left to claim, or somebody says stop."""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from threading import Event, RLock
from typing import Final

from newsletter.dispatch.breaker import Breaker
from newsletter.dispatch.pacing import Patience
from newsletter.errors import TransportError
from newsletter.ledger.deliveries import Orphan
from newsletter.ledger.ledger import Ledger
from newsletter.model.delivery import Batch, Delivery, IssueState, Outcome, Receipt
from newsletter.model.message import Message
from newsletter.transports.base import Transport

_INTERVAL_SECONDS: Final = 1.0  # between two recordings of answers, and two looks at the issue
_TURN_SECONDS: Final = 0.1  # how often a sender without work looks for some
_USUAL_PATIENCE: Final = Patience()


class StopReason(StrEnum):
    """Why a dispatch came to its end."""

    NOT_STOPPED = "it goes on"
    NOTHING_LEFT = "nothing is left to claim"  # others may hold some, and some may wait
    LIMITED = "the limit is reached"
    ASKED = "it was asked to stop"
    PAUSED = "the issue is paused"
    CANCELLED = "the issue is cancelled"
    FAILED = "a sender failed"


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


@dataclass(frozen=True, slots=True)
class Manners:
    """How a dispatch goes about it.

    Messages leave at no more than `per_second`, all senders together. What was refused for now is
    tried again with `patience`; the dispatch itself waits for that for `linger` in all.
    """

    limit: int | None = None
    per_second: float | None = None
    patience: Patience = _USUAL_PATIENCE
    linger: timedelta = timedelta(seconds=20)


def dispatch(  # noqa: PLR0913 - what the step meets, and how it goes about it
    month: str,
    ledger: Ledger,
    transport: Transport,
    write: MessageWriter,
    manners: Manners,
    *,
    progress: Progress,
    stop: Event,
    clock: Callable[[], datetime],
) -> DispatchReport:
    """Send what is planned of an issue until nothing is left, or `stop` is set.

    `write` makes the messages for deliveries of a variant, `progress` is told whenever answers
    have been recorded. However it ends, nothing stays in flight: answers are recorded, and what
    was certainly not sent is planned again. Raises TransportError where the way out is closed and
    LedgerError where the ledger is.
    """
    sending = _Sending(month, ledger, transport, write, manners, progress, stop, clock)
    owner = token_hex(8)
    with ledger.owners.hold(owner):
        sending.recover()
        ledger.deliveries.hurry(month)
        with ThreadPoolExecutor(transport.parallel, "sender") as senders:
            for sender in [senders.submit(sending.run, owner) for _ in range(transport.parallel)]:
                sender.result()
    return sending.report()


@dataclass(slots=True)
class _Sending:
    """One dispatch under way: what its senders share, and what came of their attempts."""

    month: str
    ledger: Ledger
    transport: Transport
    write: MessageWriter
    manners: Manners
    progress: Progress
    stop: Event
    clock: Callable[[], datetime]
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    stopped_because: StopReason = StopReason.NOT_STOPPED
    breaker: Breaker = field(default_factory=Breaker)
    lock: RLock = field(default_factory=RLock)
    claimed: int = 0  # deliveries in the hands of the senders
    lingered: float = 0.0
    credit: int = 0  # messages that may leave before the pace is asked again
    leaves_at: datetime | None = None  # when they may

    @property
    def is_stopped(self) -> bool:
        """Whether no further message may be handed over."""
        if self.stop.is_set() and self.stopped_because is StopReason.NOT_STOPPED:
            self.stopped_because = StopReason.ASKED
        return self.stopped_because is not StopReason.NOT_STOPPED

    def run(self, owner: str) -> None:
        """One sender's work, from batch to batch."""
        try:
            while not self.is_stopped:
                if batch := self._claim(owner):
                    try:
                        _Attempt(self, batch).make()
                    finally:
                        with self.lock:
                            self.claimed -= len(batch.deliveries)
                    self.tell()
                else:
                    self._wait_for_work()
        except BaseException:
            with self.lock:
                self.stopped_because = StopReason.FAILED
            raise

    def recover(self) -> int:
        """Take over what senders who died had in hand; how many deliveries that is."""
        return self.ledger.deliveries.recover(
            self.month,
            is_alive=self.ledger.owners.is_alive,
            can_repeat=self._can_repeat,
            now=self.clock(),
        )

    def _can_repeat(self, orphan: Orphan) -> bool:
        # Of what another way out was given this one knows nothing.
        is_ours = orphan.transport == self.transport.name
        return is_ours and self.transport.can_repeat(orphan.provider_batch_id)

    def look(self) -> None:
        """See whether somebody has paused or cancelled the issue."""
        state = self.ledger.deliveries.state(self.month)
        if state in _HALTS:
            self.stopped_because = _HALTS[state]

    def tell(self) -> None:
        """Say how far it is."""
        with self.lock:
            self.progress(self.report())

    def await_turn(self) -> None:
        """Wait until the next message may leave, or somebody says stop."""
        rate = self.manners.per_second
        if rate is None:
            return
        with self.lock:
            if self.credit == 0:
                self.credit = max(1, min(100, round(rate)))
                self.leaves_at = self.ledger.paces.reserve(
                    self.transport.name, self.credit, per_second=rate, now=self.clock()
                )
            self.credit -= 1
            leaves_at = self.leaves_at
        while leaves_at and not self.is_stopped:
            left = (leaves_at - self.clock()).total_seconds()
            if left <= 0:
                return
            self.stop.wait(min(left, _INTERVAL_SECONDS))
            self.look()

    def report(self) -> DispatchReport:
        """What has been recorded so far."""
        return DispatchReport(
            accepted=self.outcomes[Outcome.ACCEPTED],
            refused=self.outcomes[Outcome.REFUSED],
            retried=self.outcomes[Outcome.RETRY],
            uncertain=self.outcomes[Outcome.UNCERTAIN],
            stopped_because=self.stopped_because,
        )

    def _claim(self, owner: str) -> Batch | None:
        with self.lock:
            left = self.transport.in_hand
            if self.manners.limit is not None:
                left = min(left, self.manners.limit - self.report().done - self.claimed)
                if left <= 0:
                    return None
            batch = self.ledger.deliveries.claim(
                self.month, owner, transport=self.transport.name, now=self.clock(), limit=left
            )
            self.claimed += len(batch.deliveries) if batch else 0
            return batch

    def _wait_for_work(self) -> None:
        """Wait a turn if work may come yet; else the dispatch is stopped."""
        self.look()
        with self.lock:
            if self.is_stopped:
                return
            if not self.claimed:
                limit = self.manners.limit
                if limit is not None and self.report().done >= limit:
                    self.stopped_because = StopReason.LIMITED
                elif not self._lingers() and not self.recover():
                    self.stopped_because = StopReason.NOTHING_LEFT
        if self.stopped_because is StopReason.NOT_STOPPED:
            self.stop.wait(_TURN_SECONDS)

    def _lingers(self) -> bool:
        """Whether something waits for another attempt that is near enough to wait for it."""
        next_at = self.ledger.deliveries.next_attempt_at(self.month)
        budget = self.manners.linger.total_seconds() - self.lingered
        if next_at is None or (next_at - self.clock()).total_seconds() > budget:
            return False
        self.lingered += _TURN_SECONDS
        return budget > 0


class _Attempt:
    """One try at a batch: messages are handed over one by one, answers recorded as they come.

    What the transport committed has one fate, so its answers are recorded together at the end.
    """

    def __init__(self, sending: _Sending, batch: Batch) -> None:
        self._sending = sending
        self._batch = batch
        self._provider_batch_id: str | None = None
        self._handed_over: set[str] = set()  # and without an answer yet
        self._unrecorded: list[Receipt] = []
        self._retry_at: datetime | None = None
        self._is_over = False

    def make(self) -> None:
        """Send what may be sent. The batch is closed whatever happens."""
        sending = self._sending
        try:
            messages = sending.write(self._batch.variant_id, self._batch.deliveries)
            self._read(sending.transport.send(self._hand_over(messages), self._commit))
        except TransportError:
            self._handed_over.clear()  # they were certainly not taken
            raise
        finally:
            self._close()

    def _commit(self, provider_batch_id: str) -> None:
        self._sending.ledger.deliveries.commit(self._batch, provider_batch_id)
        self._provider_batch_id = provider_batch_id

    def _hand_over(self, messages: Iterable[Message]) -> Iterator[Message]:
        for message in messages:
            self._sending.await_turn()
            if self._is_over or self._sending.is_stopped:
                return
            self._handed_over.add(message.personalisation.delivery_id)
            yield message

    def _read(self, receipts: Iterator[Receipt]) -> None:
        recorded_at = time.monotonic()
        try:
            for receipt in receipts:
                self._keep(receipt)
                if (
                    self._provider_batch_id is None
                    and time.monotonic() - recorded_at >= _INTERVAL_SECONDS
                ):
                    self._record(close_batch=False)
                    self._sending.tell()
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
        if not self._is_over and self._sending.breaker.trips(receipt):
            self._is_over = True
            # What is about us and not about them writes nobody off.
            self._unrecorded = [
                Receipt(r.delivery_id, Outcome.RETRY, r.detail)
                if r.outcome is Outcome.REFUSED
                else r
                for r in self._unrecorded
            ]
            raise TransportError(f"everybody is refused with the same words: {receipt.detail}")

    def _close(self) -> None:
        if self._handed_over:
            self._settle_doubt()
        self._record(close_batch=True)

    def _settle_doubt(self) -> None:
        """What was handed over and not answered: called back, or uncertain."""
        if not self._sending.transport.can_repeat(self._provider_batch_id):
            self._unrecorded += [
                Receipt(delivery_id, Outcome.UNCERTAIN, "sending broke off before the answer came")
                for delivery_id in self._handed_over
            ]
        elif self._provider_batch_id is not None:
            self._unrecorded = [r for r in self._unrecorded if r.outcome is Outcome.REFUSED]

    def _record(self, *, close_batch: bool) -> None:
        sending = self._sending
        now = sending.clock()
        outcomes = Counter(receipt.outcome for receipt in self._unrecorded)
        if outcomes[Outcome.RETRY]:
            chance = random.random()  # noqa: S311 - it spreads load, nothing else
            self._retry_at = now + sending.manners.patience.wait(self._batch.attempts + 1, chance)
        sending.ledger.deliveries.record(
            self._batch,
            self._unrecorded,
            now=now,
            retry_at=self._retry_at,
            max_attempts=sending.manners.patience.attempts,
            close_batch=close_batch,
        )
        with sending.lock:
            sending.outcomes += outcomes
        self._unrecorded.clear()
