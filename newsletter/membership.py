"""What a person does about their own subscription: sign up, confirm, choose, pause, leave, erase.

A letter that this owes them is written by `correspondence.py`, committed here first.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import uuid4

from newsletter.addresses import parse_address
from newsletter.ledger.ledger import Ledger
from newsletter.ledger.letters import Allowance
from newsletter.ledger.memberships import Joining, Leaving
from newsletter.model.letter import Letter, LetterKind
from newsletter.model.subscriber import Consent, Subscriber
from newsletter.personalise.keys import AddressDigests
from newsletter.personalise.links import LinkPurpose, Links

PER_CLIENT: Final = Allowance(20, timedelta(minutes=10))  # a class that signs up together
PER_ADDRESS: Final = Allowance(3, timedelta(days=1))
UNCONFIRMED_FOR: Final = timedelta(days=30)  # then what was asked for is forgotten
_REPEATED: Final = timedelta(hours=1)  # in which a program that asks again means the same
_FORM: Final = "form"  # how a consent came to the ledger
_API: Final = "api"


@dataclass(frozen=True, slots=True)
class SignUp:
    """A filled-in form; no topics means every topic. `words` are what the person agreed to.

    `source` is where the form stands, if it is on another site and came through the API.
    """

    address: str
    name: str
    topics: tuple[str, ...]
    language: str
    words: str
    source: str = ""


class Membership:
    """The subscriptions of one newsletter, each in the hands of its own person."""

    def __init__(
        self,
        ledger: Ledger,
        links: Links,
        digests: AddressDigests,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._links = links
        self._digests = digests
        self._now = clock

    # signing up

    def sign_up(self, form: SignUp, client: str) -> timedelta | None:
        """Owe a confirmation; where too many were asked for, say how long to wait instead.

        It looks nobody up. What the API repeats is owed once. Raises ValueError, with the end of a
        sentence, for a bad address.
        """
        return self._ask(LetterKind.CONFIRMATION, form, client)

    def ask_for_link(self, address: str, language: str, client: str) -> timedelta | None:
        """Owe somebody the link to their own page; otherwise as `sign_up`."""
        return self._ask(LetterKind.LINK, SignUp(address, "", (), language, ""), client)

    def signed_up(self, token: str) -> Letter | None:
        """The sign-up that a link confirms; nothing for a wrong link or an erased person."""
        letter_id = self._links.verify(LinkPurpose.CONFIRM, token)
        found = None if letter_id is None else self._ledger.letters.get(letter_id)
        return found if found and found.kind is LetterKind.CONFIRMATION else None

    def confirm(self, letter: Letter, client: str) -> Joining:
        """Subscribe who signed up, or subscribe them again; it works once."""
        now = self._now()
        consent = self._consent(
            f"{letter.source or 'sign-up form'}, filled in {letter.asked_at:%Y-%m-%d %H:%M} UTC",
            letter.words,
            client,
            how=_API if letter.source else _FORM,
        )
        welcome = Letter(
            id=uuid4().hex,
            kind=LetterKind.WELCOME,
            email=letter.email,
            key=letter.key,
            name="",
            topics=(),
            language=letter.language,
            words="",
            client="",
            asked_at=now,
        )
        return self._ledger.memberships.confirm(
            letter, consent, welcome, erased=self._digests.candidates(letter.key), now=now
        )

    def forget_unconfirmed(self) -> int:
        """Forget the sign-ups that nobody confirmed in time, and every old letter.

        Gives the number of people of whom nothing is stored any more.
        """
        return self._ledger.memberships.forget_asked(self._now() - UNCONFIRMED_FOR)

    # a person's own page

    def whose(self, purpose: LinkPurpose, token: str) -> Subscriber | None:
        """The person whose link it is; nothing for a wrong link or an erased person."""
        subscriber_id = self._links.verify(purpose, token)
        return None if subscriber_id is None else self._ledger.subscribers.get(subscriber_id)

    def preferences_token(self, person: Subscriber) -> str:
        """What leads to the person's own page."""
        return self._links.token(LinkPurpose.PREFERENCES, person.id)

    def unsubscribe_token(self, person: Subscriber) -> str:
        """What leads to the page on which the person leaves."""
        return self._links.token(LinkPurpose.UNSUBSCRIBE, person.id)

    def choose(
        self,
        person: Subscriber,
        *,
        name: str | None = None,
        topics: Sequence[str] | None = None,
        language: str | None = None,
        timezone: str | None = None,
    ) -> None:
        """Set what the person gets; None leaves it as it is. The next plan follows it."""
        self._ledger.memberships.choose(
            person.id,
            name=name,
            topics=topics,
            language=language,
            timezone=timezone,
            now=self._now(),
        )

    def pause(self, person: Subscriber, until: str | None) -> None:
        """Let the issues before the month `until` pass the person by; None ends a pause."""
        self._ledger.memberships.pause(person.id, until, now=self._now())

    def leave(self, token: str) -> Leaving:
        """Let the owner of an unsubscribe link go. The one-click way: one look, one write."""
        subscriber_id = self._links.verify(LinkPurpose.UNSUBSCRIBE, token)
        if subscriber_id is None:
            return Leaving.UNKNOWN
        return self._ledger.memberships.leave(subscriber_id, "link", now=self._now())

    def let_go(self, person: Subscriber) -> Leaving:
        """Let a person go who asked another program for it."""
        return self._ledger.memberships.leave(person.id, _API, now=self._now())

    def come_back(self, person: Subscriber, words: str, client: str) -> None:
        """Subscribe the person again, who read these `words` on their own page."""
        consent = self._consent("own page", words, client)
        self._ledger.memberships.come_back(person.id, consent, now=self._now())

    def data(self, person: Subscriber) -> dict[str, Any]:
        """All that is stored about the person, as JSON can hold it."""
        ledger, key = self._ledger, parse_address(person.email).key
        stored = asdict(person)
        stored.pop("consent")  # the last of the consents
        departure = ledger.records.departure(person.id)
        return {
            "suppression": stored.pop("suppression"),
            "subscriber": stored,
            "departure": departure and departure._asdict(),
            "lifted_suppressions": [asdict(one) for one in ledger.suppressions.lifted(key)],
            "consents": [asdict(one) for one in ledger.subscribers.history(person.id)],
            "issues": [one._asdict() for one in ledger.memberships.deliveries(person.id)],
            "letters": [{"kind": kind, "asked_at": at} for kind, at in ledger.letters.asked(key)],
        }

    def erase(self, person: Subscriber) -> None:
        """Forget the person; only a keyed digest stays, against a later import."""
        key = parse_address(person.email).key
        self._ledger.subscribers.erase(key, self._digests.digest(key), now=self._now())

    def _ask(self, kind: LetterKind, form: SignUp, client: str) -> timedelta | None:
        address = parse_address(form.address)
        letter = Letter(
            id=uuid4().hex,
            kind=kind,
            email=address.email,
            key=address.key,
            name=form.name,
            topics=form.topics,
            language=form.language,
            words=form.words,
            client=self._digests.client(client),
            asked_at=self._now(),
            source=form.source,
        )
        return self._ledger.letters.ask(
            letter,
            per_client=PER_CLIENT,
            per_address=PER_ADDRESS,
            once_within=_REPEATED if form.source else timedelta(0),
        )

    def _consent(self, source: str, words: str, client: str, *, how: str = _FORM) -> Consent:
        now = self._now()
        return Consent(
            at=now,
            source=source,
            how=how,
            recorded_at=now,
            words=words,
            version=words_version(words),
            client=self._digests.client(client),
        )


def words_version(words: str) -> str:
    """A name for exactly these words."""
    return sha256(words.encode()).hexdigest()[:12]
