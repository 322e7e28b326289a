"""Tells the people behind a newsletter how an issue goes: by email, and a monitor by a request."""

from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

from newsletter.errors import NewsletterError
from newsletter.heartbeat import beat
from newsletter.ledger.ledger import Ledger
from newsletter.locales import language_for
from newsletter.logs import WARNING, event
from newsletter.model.alert import AlertKind
from newsletter.model.delivery import Outcome
from newsletter.model.newsletter import Newsletter
from newsletter.personalise.delivery_id import delivery_id
from newsletter.personalise.mime import LetterEncoder
from newsletter.render.alert_words import AlertWords
from newsletter.render.letters import LetterPress, LetterWords
from newsletter.transports.base import Transport

_MONITOR: Final = ""  # the recipient of a heartbeat


class Alerts:
    """Each alert of an issue leaves once, restarts included; one that cannot is tried again.

    Nothing here raises but for the ledger: an alert is never in the way of what it tells of.
    """

    def __init__(  # noqa: PLR0913 - an alert goes the whole way of a message
        self,
        ledger: Ledger,
        newsletter: Newsletter,
        press: LetterPress,
        to: Sequence[str],
        heartbeat_url: str | None,
        *,
        open_transport: Callable[[], Transport],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._newsletter = newsletter
        self._press = press
        self._to = to
        self._heartbeat_url = heartbeat_url
        self._open_transport = open_transport
        self._now = clock

    def tell(self, month: str, kind: AlertKind, words: Callable[[AlertWords], LetterWords]) -> None:
        """Send the alert to everybody who is to have it, unless they were sent it before."""
        for recipient in self._to:
            self._once(
                month, kind, recipient, lambda to, nth: self._send(month, kind, to, nth, words)
            )

    def beat(self, month: str) -> None:
        """Let the monitor know that the month's issue is finished."""
        if url := self._heartbeat_url:
            self._once(month, AlertKind.HEARTBEAT, _MONITOR, lambda *_: beat(url))

    def end(self, month: str, *kinds: AlertKind) -> None:
        """What these alerts told is so no more: should it come again, it is told anew."""
        self._ledger.alerts.end(month, kinds, now=self._now())

    def _once(
        self, month: str, kind: AlertKind, recipient: str, act: Callable[[str, int], None]
    ) -> None:
        try:
            if occurrence := self._ledger.alerts.take(month, kind, recipient, now=self._now()):
                act(recipient, occurrence)
                self._ledger.alerts.settle(month, kind, recipient, now=self._now())
                event("alert.sent", month=month, kind=kind)
        except NewsletterError as error:
            event("alert.kept", WARNING, month=month, kind=kind, reason=str(error))

    def _send(
        self,
        month: str,
        kind: AlertKind,
        to: str,
        occurrence: int,
        words: Callable[[AlertWords], LetterWords],
    ) -> None:
        language = language_for(self._newsletter.language, "en")
        rendered = self._press.set(words(AlertWords(month, language)), language)
        # The same at every attempt, so that the outbox and mail programs know a repetition.
        its_id = delivery_id(self._newsletter.list_id, f"{month}/{kind}/{occurrence}", to)
        encoder = LetterEncoder(self._newsletter, rendered)
        message = encoder.message(its_id, to, written_at=self._now())
        with closing(self._open_transport()) as transport:
            (receipt,) = transport.send([message])
        if receipt.outcome is Outcome.RETRY:
            raise NewsletterError(f"it did not leave: {receipt.detail}")
        if receipt.outcome is Outcome.REFUSED:
            event("alert.refused", WARNING, month=month, kind=kind, reason=receipt.detail)
