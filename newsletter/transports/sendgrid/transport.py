"""SendGrid: a thousand recipients to a request, none of them lost or reached twice.

The API has no idempotency key, so an answer that is lost says nothing. What is sent is therefore
scheduled a while ahead in a batch whose id was committed first: in doubt, also after a crash, the
batch is cancelled, and its messages are sent again in another. What is given in for an appointment
shares one batch, as far as it goes: SendGrid calls back no more than ten, but each with all in it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from threading import Lock
from typing import Final

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Message, Personalisation
from newsletter.model.newsletter import Newsletter
from newsletter.transports.base import Appointment, Commit, Note
from newsletter.transports.sendgrid.answer import Answer, closed
from newsletter.transports.sendgrid.body import (
    HEAD_START,
    SUBSTITUTIONS_LIMIT,
    Schedule,
    VariantBody,
)
from newsletter.transports.sendgrid.client import AnswerLost, SendgridClient, Unreachable
from newsletter.transports.sendgrid.doubt import Cancellations, NotNow, Patience, Timing
from newsletter.transports.sendgrid.posting import Letter, Posting

_USUAL: Final = Timing()
_HURRY: Final = timedelta(seconds=1.2)


class Sendgrid:
    """Gives SendGrid the messages of one variant at a time; several threads may send at once.

    In the sandbox SendGrid checks everything and sends nothing.
    """

    name: Final = "sendgrid"
    parallel: Final = 4
    in_hand: Final = 1000
    needs_notes: Final = False
    head_start: Final = HEAD_START

    def __init__(
        self,
        newsletter: Newsletter,
        client: SendgridClient,
        timing: Timing = _USUAL,
        *,
        is_sandbox: bool = False,
    ) -> None:
        self._newsletter = newsletter
        self._client = client
        self._timing = timing
        self._is_sandbox = is_sandbox
        self._cancellations = Cancellations(client, timing)
        self._ahead = timedelta()  # of our clock
        # One at a time: two could not write any faster together, and would hold each other up.
        self._pen = Lock()

    def send(
        self,
        messages: Iterable[Message],
        commit: Commit | None = None,
        appointment: Appointment | None = None,
        note: Note | None = None,  # noqa: ARG002 - what may have been taken is called back
    ) -> Iterator[Receipt]:
        """Send messages of one variant; their receipts come when the last of them was given in."""
        batch = list(messages)
        if not batch:
            return
        with self._pen:
            body = VariantBody(self._newsletter, batch[0], is_sandbox=self._is_sandbox)
            letters, refused = _write(batch, body)
        yield from refused
        if not letters:
            return
        patience = Patience(self._timing)
        schedule = self._schedule(commit, patience, appointment) if commit else None

        def cancel(schedule: Schedule) -> bool:
            if appointment:
                appointment.warn()
            return self._cancellations.cancel(schedule)

        posting = Posting(self._client, body, schedule, cancel, patience)
        yield from posting.run(letters)

    def can_repeat(self, provider_batch_id: str | None) -> bool:
        """Whether nothing was given in, or all of it could be called back in time."""
        if provider_batch_id is None:
            return True
        schedule = Schedule.parse(provider_batch_id)
        try:
            return schedule is not None and self._cancellations.cancel(schedule)
        except NotNow as reason:
            raise TransportError(
                f"SendGrid cannot be asked to cancel what was in hand: {reason}"
            ) from reason

    def hurry(self) -> None:
        """Hang up on whoever has not answered, and use what time is left to call it back."""
        self._client.hurry(_HURRY)

    def close(self) -> None:
        """Close the connections that are idle."""
        self._client.close()

    def _schedule(
        self, commit: Commit, patience: Patience, appointment: Appointment | None
    ) -> Schedule:
        """The batch that the letters go in, committed: a shared one or else a new one."""
        shared = Schedule.parse(appointment.shared or "") if appointment else None
        now = datetime.now(UTC) + self._ahead
        if shared and now <= shared.send_at - self._timing.lead:
            commit(str(shared))
            return shared
        return self._new_schedule(commit, patience, appointment)

    def _new_schedule(
        self, commit: Commit, patience: Patience, appointment: Appointment | None
    ) -> Schedule:
        """A new batch, committed.

        Raises TransportError where none is to be had; no letter has used up an attempt then.
        """
        answer = self._new_batch(patience)
        if not answer.batch_id:
            raise closed(answer, self._newsletter.sender.email)
        if not self._cancellations.has_room(answer.at):
            raise TransportError(
                "SendGrid still holds ten cancelled batches and can cancel no more; "
                "try again in half an hour"
            )
        # By SendGrid's clock: ours may be wrong, and what is late leaves at once.
        self._ahead = answer.at - datetime.now(UTC)
        send_at = answer.at + self._timing.lead
        if appointment:
            send_at = max(send_at, appointment.leaves_at)
        schedule = Schedule(answer.batch_id, send_at)
        commit(str(schedule))
        return schedule

    def _new_batch(self, patience: Patience) -> Answer:
        while True:
            try:
                answer = self._client.create_batch()
            except Unreachable as error:
                raise TransportError(f"SendGrid cannot be reached: {error}") from error
            except AnswerLost as lost:
                trouble = str(lost)
            else:
                if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
                    patience.wait_for_reset(answer)
                    continue
                if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                    return answer
                trouble = answer.words
            if self._client.is_hurried or not patience.outlasts(1.0):
                raise TransportError(f"SendGrid is in trouble: {trouble}")


def _write(messages: Sequence[Message], body: VariantBody) -> tuple[list[Letter], list[Receipt]]:
    """The letters to give in, and receipts for the messages that SendGrid would choke on."""
    letters, refused = [], []
    seen: set[str] = set()
    for message, written in zip(messages, body.personalizations(messages), strict=True):
        reader = message.personalisation
        letter = Letter(reader.delivery_id, written)
        if why := _obstacle(reader, letter, body, seen):
            refused.append(Receipt(reader.delivery_id, Outcome.REFUSED, why))
        else:
            letters.append(letter)
    return letters, refused


def _obstacle(reader: Personalisation, letter: Letter, body: VariantBody, seen: set[str]) -> str:
    """Why this one cannot go, or nothing; `seen` holds the addresses before it."""
    email = reader.recipient.wire_email
    if not email.isascii():
        return "SendGrid drops mail to an address with letters beyond ASCII before the @"
    if (key := email.lower()) in seen:
        return "SendGrid takes an address once in a batch, and it stands there already"
    seen.add(key)
    # Escaped as JSON nothing gets shorter: only what is long has to be counted.
    if len(letter.personalization) > SUBSTITUTIONS_LIMIT and not body.has_room_for(reader):
        return f"its merge fields are longer than SendGrid's {SUBSTITUTIONS_LIMIT:,} octets"
    return ""
