"""Writes the letters that are owed: confirmations, welcomes and links, through the transport."""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from uuid import UUID

from newsletter.ledger.ledger import Ledger
from newsletter.locales import language_for
from newsletter.logs import WARNING, event
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.issue import Taxonomy
from newsletter.model.letter import Letter, LetterKind
from newsletter.model.message import Message
from newsletter.model.newsletter import Newsletter
from newsletter.model.subscriber import Subscriber, SubscriptionStatus
from newsletter.personalise.links import Links
from newsletter.personalise.mime import LetterEncoder
from newsletter.render.letters import LatestIssue, LetterPress, LetterWords
from newsletter.transports.base import Transport


class Correspondence:
    """One newsletter's letters. What is owed is in the ledger, so none is lost in a crash."""

    def __init__(  # noqa: PLR0913 - a letter brings together what every step has
        self,
        ledger: Ledger,
        newsletter: Newsletter,
        taxonomy: Taxonomy,
        links: Links,
        press: LetterPress,
        *,
        open_transport: Callable[[], Transport],
        find_latest: Callable[[], LatestIssue | None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._newsletter = newsletter
        self._taxonomy = taxonomy
        self._links = links
        self._press = press
        self._open_transport = open_transport
        self._find_latest = find_latest
        self._now = clock

    def write_due(self) -> int:
        """Write what is owed now; gives the number of letters that left.

        Raises NewsletterError where the ledger or the way out is closed: what is owed stays owed.
        """
        if (due := self._ledger.letters.oldest_due()) is None or due > self._now():
            return 0
        left = 0
        with closing(self._open_transport()) as transport:
            while letter := self._ledger.letters.take_due(self._now()):
                left += self._write(letter, transport)
        return left

    def _write(self, letter: Letter, transport: Transport) -> bool:
        language = language_for(letter.language, self._newsletter.language)
        words = self._words(letter, language)
        if words is None:
            self._ledger.letters.settle(letter.id)
            return False
        (receipt,) = transport.send([self._message(letter, words, language)])
        if receipt.outcome is not Outcome.RETRY:
            self._ledger.letters.settle(letter.id)
        _note(letter, receipt)
        return receipt.outcome is Outcome.ACCEPTED

    def _words(self, letter: Letter, language: str) -> LetterWords | None:
        """What to write, in the light of who the address is now; nothing where it may not be."""
        person = self._ledger.subscribers.find(letter.key)
        if letter.confirmed_at or self._is_kept_out(letter, person):
            return None
        if letter.kind is LetterKind.CONFIRMATION:
            if person and person.status is SubscriptionStatus.CONFIRMED:
                return self._press.known(language, self._links.preferences_url(person.id))
            self._ledger.memberships.note(letter, now=self._now())
            topics = [self._taxonomy.topics.get(slug, slug) for slug in letter.topics]
            return self._press.confirmation(language, topics, self._links.confirm_url(letter.id))
        if person is None:
            return None
        if letter.kind is LetterKind.LINK:
            return self._press.link(language, self._links.preferences_url(person.id))
        return self._press.welcome(
            language,
            self._links.preferences_url(person.id),
            self._links.unsubscribe_url(person.id),
            self._find_latest(),
        )

    def _is_kept_out(self, letter: Letter, person: Subscriber | None) -> bool:
        return (
            bool(person.suppression) if person else self._ledger.letters.is_suppressed(letter.key)
        )

    def _message(self, letter: Letter, words: LetterWords, language: str) -> Message:
        encoder = LetterEncoder(self._newsletter, self._press.set(words, language))
        return encoder.message(str(UUID(letter.id)), letter.email, written_at=self._now())


def _note(letter: Letter, receipt: Receipt) -> None:
    facts = {"kind": letter.kind.value, "outcome": receipt.outcome.value, "id": receipt.delivery_id}
    if receipt.outcome is Outcome.ACCEPTED:
        event("letter.left", **facts)
    else:
        event("letter.kept", WARNING, reason=receipt.detail, **facts)
