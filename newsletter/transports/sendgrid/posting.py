"""One batch on its way to SendGrid: which recipients it took, refused or may have taken."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Final, NamedTuple

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome, Receipt
from newsletter.transports.sendgrid.answer import Answer, closed
from newsletter.transports.sendgrid.body import Schedule, VariantBody
from newsletter.transports.sendgrid.client import AnswerLost, SendgridClient, Unreachable
from newsletter.transports.sendgrid.doubt import NotNow, Patience, Silent

_RECIPIENTS_LIMIT: Final = 1000
_SIZE_LIMIT: Final = 29_000_000  # octets; SendGrid's own is 30 MB
_ENOUGH_SUSPECTS: Final = 3
_TIME_TO_CANCEL: Final = timedelta(minutes=2)  # a time-out, and asking twice


class Letter(NamedTuple):
    """One delivery as its part of a request."""

    delivery_id: str
    personalization: str


class Posting:
    """Gives in the letters of one batch, in as few requests as SendGrid lets them be.

    With a `schedule` all letters that were given in share one fate: where a single answer is
    lost, all are called back, to be sent again, or all are uncertain.
    """

    def __init__(
        self,
        client: SendgridClient,
        body: VariantBody,
        schedule: Schedule | None,
        cancel: Callable[[Schedule], bool],
        patience: Patience,
    ) -> None:
        self._client = client
        self._body = body
        self._schedule = schedule
        self._cancel = cancel
        self._patience = patience
        self._pending: list[Sequence[Letter]] = []
        self._taken: list[Letter] = []
        self._suspects: list[tuple[Letter, Answer]] = []
        self._receipts: dict[str, Receipt] = {}
        self._closed: TransportError | None = None

    def run(self, letters: Sequence[Letter]) -> Iterator[Receipt]:
        """A receipt for each letter; TransportError after those that were settled before it."""
        self._pending = list(self._requests(letters))[::-1]
        try:
            while self._pending:
                self._post(self._pending.pop())
            self._judge_suspects()
        except TransportError as error:
            self._closed = error
        yield from self._receipts.values()
        if self._closed:
            raise self._closed

    def _requests(self, letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
        start, size = 0, self._body.size
        for number, letter in enumerate(letters):
            size += len(letter.personalization) + 1
            if number - start == _RECIPIENTS_LIMIT or size > _SIZE_LIMIT:
                yield letters[start:number]
                start, size = number, self._body.size + len(letter.personalization)
        yield letters[start:]

    def _post(self, letters: Sequence[Letter]) -> None:
        body = self._body.request((letter.personalization for letter in letters), self._schedule)
        try:
            answer = self._client.send(body)
        except Unreachable as error:
            raise TransportError(f"SendGrid cannot be reached: {error}") from error
        except AnswerLost as lost:
            self._doubt(letters, str(lost))
            return
        if answer.status == self._body.success:
            self._settle(letters, Outcome.ACCEPTED)
            self._taken.extend(letters)
        elif answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            self._doubt(letters, answer.words)
        elif answer.status < HTTPStatus.MULTIPLE_CHOICES:
            self._doubt(letters, str(closed(answer, self._body.sender)))
        else:
            self._sort(letters, answer)
        if self._schedule and not self._schedule.can_be_cancelled(answer.at + _TIME_TO_CANCEL):
            self._leave_for_later("no time was left to cancel the batch")

    def _sort(self, letters: Sequence[Letter], answer: Answer) -> None:
        """Put right what a refused request was refused for; none of its letters was taken."""
        match answer.status:
            case HTTPStatus.BAD_REQUEST:
                self._find_blamed(letters, answer)
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE if len(letters) > 1:
                self._split(letters)
            case HTTPStatus.TOO_MANY_REQUESTS:
                self._patience.wait_for_reset(answer)
                self._pending.append(letters)
            case _:
                raise closed(answer, self._body.sender)

    def _find_blamed(self, letters: Sequence[Letter], answer: Answer) -> None:
        """Refuse those whom the API names; where it names nobody, look for them by halves."""
        blame = answer.blame(len(letters))
        if blame.is_common:
            raise closed(answer, self._body.sender)
        if blame.recipients:
            for place, words in blame.recipients.items():
                self._settle([letters[place]], Outcome.REFUSED, words)
            others = [x for place, x in enumerate(letters) if place not in blame.recipients]
            self._pending.extend([others] if others else [])
        elif len(letters) > 1:
            self._split(letters)
        else:
            self._suspects.append((letters[0], answer))
            # If not even a few of them go through alone, it is not about them.
            if len(self._suspects) >= _ENOUGH_SUSPECTS and not self._taken:
                raise closed(answer, self._body.sender)

    def _split(self, letters: Sequence[Letter]) -> None:
        middle = len(letters) // 2
        self._pending.extend([letters[middle:], letters[:middle]])

    def _judge_suspects(self) -> None:
        """Refuse those who failed alone, if others did not; else nobody is written off."""
        for letter, answer in self._suspects:
            if not self._taken:
                raise closed(answer, self._body.sender)
            self._settle([letter], Outcome.REFUSED, answer.words)

    def _doubt(self, letters: Sequence[Letter], why: str) -> None:
        """These may have been taken: call back all that was given in, or leave it uncertain."""
        if self._schedule is None:
            self._settle(letters, Outcome.UNCERTAIN, why)
        elif obstacle := self._call_back(self._schedule):
            self._settle([*self._taken, *letters], Outcome.UNCERTAIN, f"{why}; {obstacle}")
        else:
            self._settle([*self._taken, *letters], Outcome.RETRY, why)
        self._leave_for_later(why)

    def _call_back(self, schedule: Schedule) -> str:
        """Why the batch may leave all the same, or nothing."""
        try:
            is_cancelled = self._cancel(schedule)
        except NotNow as reason:
            if isinstance(reason, Silent):
                self._closed = TransportError(f"SendGrid does not answer: {reason}")
            return f"not cancelled: {reason}"
        return "" if is_cancelled else "not cancelled: too late, or refused"

    def _leave_for_later(self, why: str) -> None:
        """End here; what was not given in yet, or refused without a reason, is tried anew."""
        for letters in self._pending:
            self._settle(letters, Outcome.RETRY, why)
        self._settle([letter for letter, _ in self._suspects], Outcome.RETRY, why)
        self._pending.clear()
        self._suspects.clear()

    def _settle(self, letters: Iterable[Letter], outcome: Outcome, detail: str = "") -> None:
        for letter in letters:
            self._receipts[letter.delivery_id] = Receipt(letter.delivery_id, outcome, detail)
