"""One try at a batch: messages are handed over one by one, and answers recorded as they come."""

import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from newsletter.dispatch.course import Course
from newsletter.dispatch.pacing import Patience
from newsletter.dispatch.turns import Turns
from newsletter.errors import EverybodyRefused, TransportError
from newsletter.logs import DEBUG, WARNING, event
from newsletter.model.delivery import Batch, Outcome, Receipt
from newsletter.model.feedback import DeliveryEvent, EventKind, is_hard
from newsletter.model.message import Message
from newsletter.transports.base import Appointment, Hurried, Throttled, Transport

if TYPE_CHECKING:
    from newsletter.ledger.handovers import HandOvers

_INTERVAL_SECONDS: Final = 1.0  # between two recordings of answers, and two looks at the issue
_BROKEN_OFF: Final = "sending broke off before the answer came"
# RFC 3463: the class of addresses. A bare 550 may be said of anything.
_OF_ADDRESS: Final = re.compile(r"55[0-9] (5\.1\.[0-9]+)\b")


class Attempt:
    """One try at a batch. However it ends, the batch is closed and nothing stays in flight.

    What the transport committed has one fate, so its answers are recorded together at the end.
    """

    def __init__(  # noqa: PLR0913 - what it is about, and what it is done with
        self,
        batch: Batch,
        course: Course,
        transport: Transport,
        *,
        patience: Patience,
        turns: Turns | None,
        clock: Callable[[], datetime],
    ) -> None:
        self._batch = batch
        self._course = course
        self._transport = transport
        self._patience = patience
        self._turns = turns
        self._clock = clock
        self._provider_batch_id: str | None = None
        self._is_name_spent = False  # what goes under it from now on may never leave
        self._is_called_back = False  # and others of the same name with it
        self._notes: HandOvers | None = None  # for whoever takes the batch over
        if transport.needs_notes:
            self._notes = course.ledger.deliveries.hand_overs(batch)
        self._handed_over: set[str] = set()  # and without an answer yet
        self._unrecorded: list[Receipt] = []
        self._evidence: list[Receipt] = []  # against us, so not recorded yet
        self._accepted = 0
        self._unknown: list[DeliveryEvent] = []  # of addresses that are not there
        self._retry_at: datetime | None = None
        self._is_over = False

    def make(self, messages: Iterable[Message]) -> None:
        """Send the batch, as far as nobody says stop."""
        appointment = self._appointment()
        note = self._notes.give if self._notes else None
        try:
            given = self._hand_over(messages)
            self._read(self._transport.send(given, self._commit, appointment, note))
        except TransportError as error:
            self._handed_over.clear()  # they were certainly not taken
            if isinstance(error, Throttled):
                self._course.hold(error)
            elif not isinstance(error, Hurried):
                raise
        finally:
            self.close()
        if appointment and self._provider_batch_id and not self._is_name_spent:
            self._course.lend_name(appointment.leaves_at, self._provider_batch_id)

    def close(self) -> None:
        """Give the batch back, with every answer that is known."""
        is_recorded = False
        try:
            self._give_back()
            is_recorded = True
        finally:
            if self._notes:
                self._notes.close(keep=not is_recorded)

    def _give_back(self) -> None:
        if self._handed_over:
            self._settle_doubt()
        self._unrecorded += self._course.breaker.judge(self._evidence)
        self._evidence.clear()
        self._record(close_batch=True)
        self._suppress()
        if self._is_called_back and self._provider_batch_id:
            self._settle_recall(self._provider_batch_id)

    def _appointment(self) -> Appointment | None:
        leaves_at = self._batch.leaves_at
        if leaves_at is None or leaves_at <= self._clock():
            return None
        return Appointment(leaves_at, self._course.borrow_name(leaves_at), self._begin_recall)

    def _commit(self, provider_batch_id: str) -> None:
        self._course.ledger.deliveries.commit(self._batch, provider_batch_id)
        self._provider_batch_id = provider_batch_id

    def _begin_recall(self) -> None:
        """Write down that all of the same name are about to be called back with these."""
        self._is_name_spent = True
        if self._provider_batch_id is not None:
            self._is_called_back = self._course.ledger.appointments.begin_recall(
                self._batch.month, self._provider_batch_id, self._course.owner
            )

    def _settle_recall(self, name: str) -> None:
        month, owner = self._batch.month, self._course.owner
        is_back = self._transport.can_repeat(name)
        back = self._course.ledger.appointments.end_recall(
            month, name, owner, is_back=is_back, now=self._clock()
        )
        self._course.uncount(back)
        event("send.called_back", WARNING, month=month, deliveries=back)

    def _hand_over(self, messages: Iterable[Message]) -> Iterator[Message]:
        for message in messages:
            if self._turns:
                self._turns.wait()
            if self._is_over or self._course.is_stopped:
                return
            self._handed_over.add(message.personalisation.delivery_id)
            yield message

    def _read(self, receipts: Iterator[Receipt]) -> None:
        recorded_at = time.monotonic()
        try:
            for receipt in receipts:
                self._keep(receipt)
                if self._evidence and (verdict := self._course.breaker.verdict):
                    raise EverybodyRefused(self._course.note_broken(verdict))
                if time.monotonic() - recorded_at >= _INTERVAL_SECONDS:
                    if self._provider_batch_id is None:
                        self._record(close_batch=False)
                    self._course.look()
                    recorded_at = time.monotonic()
        finally:
            # Should a recording fail, the transport is still asked about what it has taken.
            self._is_over = True
            for receipt in receipts:
                self._keep(receipt)

    def _keep(self, receipt: Receipt) -> None:
        self._handed_over.discard(receipt.delivery_id)
        if self._notes:
            self._notes.hear(receipt)
        if self._course.breaker.note(receipt):
            self._evidence.append(receipt)
            return
        self._unrecorded.append(receipt)
        if receipt.outcome is Outcome.ACCEPTED and self._evidence:
            self._unrecorded += self._evidence  # it was about them after all
            self._evidence.clear()

    def _settle_doubt(self) -> None:
        """What was handed over and not answered: called back, or uncertain."""
        self._begin_recall()
        if not self._transport.can_repeat(self._provider_batch_id):
            self._unrecorded += [
                Receipt(delivery_id, Outcome.UNCERTAIN, _BROKEN_OFF)
                for delivery_id in self._handed_over
            ]
        elif self._provider_batch_id is not None:
            self._unrecorded = [r for r in self._unrecorded if r.outcome is Outcome.REFUSED]

    def _record(self, *, close_batch: bool) -> None:
        now = self._clock()
        outcomes = Counter(receipt.outcome for receipt in self._unrecorded)
        if outcomes[Outcome.RETRY]:
            chance = random.random()  # noqa: S311 - it spreads load, nothing else
            self._retry_at = now + self._patience.wait(self._batch.attempts + 1, chance)
        self._course.ledger.deliveries.record(
            self._batch,
            self._unrecorded,
            now=now,
            retry_at=self._retry_at,
            max_attempts=self._patience.attempts,
            close_batch=close_batch,
        )
        if self._unrecorded:
            self._course.breaker.note_attempt(outcomes, self._unrecorded[-1].detail)
            event(
                "batch.recorded",
                DEBUG,
                month=self._batch.month,
                batch=self._batch.id,
                deliveries=len(self._unrecorded),
            )
        self._accepted += outcomes[Outcome.ACCEPTED]
        self._unknown += [
            DeliveryEvent(receipt.delivery_id, EventKind.HARD_BOUNCE, now)
            for receipt in self._unrecorded
            if receipt.outcome is Outcome.REFUSED and _condemns(receipt.detail)
        ]
        self._unrecorded.clear()
        self._course.count(outcomes)

    def _suppress(self) -> None:
        """Mail nobody again whose address is not there, as a returned message would have it.

        A server that says so of most does not know its own users, and condemns nobody.
        """
        if self._accepted > len(self._unknown) > 0:
            news = self._course.ledger.events.take(
                self._unknown, source=self._transport.name, now=self._clock()
            )
            event("send.suppressed", month=self._batch.month, addresses=news.counts.suppressed)


def _condemns(detail: str) -> bool:
    found = _OF_ADDRESS.match(detail)
    return found is not None and is_hard(found[1])
