"""Claim, send, record: until nothing is left to claim, or somebody says stop."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import datetime
from secrets import token_hex
from threading import Event, Lock
from typing import Any, Final

from newsletter.dispatch.attempt import Attempt
from newsletter.dispatch.course import Course
from newsletter.dispatch.pacing import Manners
from newsletter.dispatch.recall import recover
from newsletter.dispatch.report import DispatchReport, Progress, StopReason
from newsletter.dispatch.turns import Turns
from newsletter.errors import EverybodyRefused, LedgerError, TransportError
from newsletter.ledger.ledger import Ledger
from newsletter.logs import DEBUG, event
from newsletter.model.delivery import Batch, Delivery
from newsletter.model.message import Message
from newsletter.transports.base import Transport
from newsletter.undoing import on_failure

__all__ = ["DispatchReport", "Manners", "MessageWriter", "Progress", "StopReason", "dispatch"]

_TURN_SECONDS: Final = 0.1  # how often a sender without work looks for some
_LOOK_SECONDS: Final = 0.25
_GRACE_SECONDS: Final = 2.0  # for answers that are on their way, of the 5 in which all is quiet

MessageWriter = Callable[[str, Sequence[Delivery], datetime | None], Sequence[Message]]


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

    `write` makes the messages for deliveries of a variant and when they leave, `progress` is told
    whenever answers have been recorded. However it ends, nothing stays in flight: answers are
    recorded, and what was certainly not sent is planned again. Raises TransportError where the way
    out is closed and LedgerError where the ledger is.
    """
    owner = token_hex(8)
    course = Course(month, owner, ledger, progress, stop)
    senders = _Senders(owner, course, ledger, transport, write, manners, clock)
    with ledger.owners.hold(owner):
        number = min(transport.parallel, manners.senders or transport.parallel)
        with ThreadPoolExecutor(number, "sender") as threads:
            senders.oversee([threads.submit(senders.recover)])
            longest = clock() + manners.patience.longest
            ledger.deliveries.hurry(month, after=None if manners.is_asked_for else longest)
            senders.oversee([threads.submit(senders.run) for _ in range(number)])
    if course.stopped_because is StopReason.NOTHING_LEFT and course.breaker.last_verdict:
        raise EverybodyRefused(course.note_broken(course.breaker.last_verdict))
    return course.report()


class _Senders:
    """The threads of one dispatch, which go from batch to batch."""

    def __init__(  # noqa: PLR0913, PLR0917 - what `dispatch` was given
        self,
        owner: str,
        course: Course,
        ledger: Ledger,
        transport: Transport,
        write: MessageWriter,
        manners: Manners,
        clock: Callable[[], datetime],
    ) -> None:
        self._owner = owner
        self._course = course
        self._ledger = ledger
        self._transport = transport
        self._write = write
        self._manners = manners
        self._clock = clock
        self._turns = (
            Turns(course, ledger.paces, transport.name, manners.per_second, clock)
            if manners.per_second
            else None
        )
        self._claimed = 0  # deliveries in the hands of the senders
        self._lingered = 0.0
        # One at a time: two could not write any faster together, and would hold each other up.
        self._desk = Lock()

    def run(self) -> None:
        """One sender's work."""
        with on_failure(self._fail):
            while not self._course.is_stopped:
                if self._course.is_held:
                    self._wait_a_turn()
                elif batch := self._claim():
                    try:
                        self._send(batch)
                    finally:
                        with self._course.lock:
                            self._claimed -= len(batch.deliveries)
                else:
                    self._wait_for_work()

    def oversee(self, under_way: Sequence[Future[Any]]) -> None:
        """Look whether somebody says stop; what is not answered soon after that is given up.

        Raises what the first of them raised.
        """
        try:
            with on_failure(self._fail):
                while wait(under_way, _LOOK_SECONDS).not_done and not self._course.is_stopped:
                    with suppress(LedgerError):  # one that is away may be back when it is needed
                        self._course.look()
        finally:
            if wait(under_way, _GRACE_SECONDS).not_done:
                self._transport.hurry()
        for each in under_way:
            each.result()

    def recover(self) -> int:
        """Take over what senders who died had in hand; how many deliveries that is."""
        return recover(self._course.month, self._ledger, self._transport, now=self._clock())

    def _fail(self) -> None:
        self._course.halt(StopReason.FAILED)

    def _send(self, batch: Batch) -> None:
        attempt = Attempt(
            batch,
            self._course,
            self._transport,
            patience=self._manners.patience,
            turns=self._turns,
            clock=self._clock,
        )
        with on_failure(attempt.close), self._desk:
            messages = self._write(batch.variant_id, batch.deliveries, batch.leaves_at)
        attempt.make(messages)
        if verdict := self._course.breaker.barren_verdict:
            raise TransportError(self._course.note_broken(verdict))

    def _claim(self) -> Batch | None:
        """The next batch, no larger than the transport takes in hand and the limit leaves."""
        with self._course.lock:
            most = self._transport.in_hand
            if self._manners.limit is not None:
                most = min(most, self._manners.limit - self._course.report().done - self._claimed)
                if most <= 0:
                    return None
            batch = self._ledger.deliveries.claim(
                self._course.month,
                self._owner,
                transport=self._transport.name,
                head_start=self._transport.head_start,
                now=self._clock(),
                limit=most,
                is_noted=self._transport.needs_notes,
            )
            if batch:
                claimed = len(batch.deliveries)
                self._claimed += claimed
                event("batch.claimed", DEBUG, month=batch.month, batch=batch.id, deliveries=claimed)
            return batch

    def _wait_for_work(self) -> None:
        """Wait a little if work may come yet; else the dispatch is over."""
        self._course.look()
        with self._course.lock:
            if self._course.is_stopped:
                return
            if not self._claimed:
                limit = self._manners.limit
                if limit is not None and self._course.report().done >= limit:
                    self._course.halt(StopReason.LIMITED)
                elif not self._lingers() and not self.recover():
                    self._course.halt(StopReason.NOTHING_LEFT)
        if not self._course.is_stopped:
            self._course.stop.wait(_TURN_SECONDS)

    def _wait_a_turn(self) -> None:
        self._course.stop.wait(_TURN_SECONDS)
        self._course.look()

    def _lingers(self) -> bool:
        """Whether something waits for another attempt that is near enough to wait for it."""
        next_at = self._ledger.deliveries.next_attempt_at(self._course.month)
        budget = self._manners.linger.total_seconds() - self._lingered
        if next_at is None or (next_at - self._clock()).total_seconds() > budget:
            return False
        self._lingered += _TURN_SECONDS
        return budget > 0
