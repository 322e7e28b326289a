"""Letters that are owed, and the subscriptions that people change themselves."""

from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest

from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.letters import Allowance, Letters
from newsletter.ledger.memberships import Joining, Leaving, Memberships
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.delivery import DeliveryStatus, SkipReason
from newsletter.model.letter import Letter, LetterKind
from newsletter.model.subscriber import Consent, SubscriptionStatus, SuppressionReason

from .rows import MONTH, NOW, promises, row

ANA = "ana@clinic.example"
CONSENT = Consent(NOW, "form", "form", NOW, "I agree", "1", "network")
PLENTY = Allowance(1000, timedelta(days=1))
THREE = Allowance(3, timedelta(hours=1))
SECOND = timedelta(seconds=1)


def letter(kind: LetterKind = LetterKind.CONFIRMATION, **fields: object) -> Letter:
    plain = Letter(uuid4().hex, kind, ANA, ANA, "Ana", ("cbt",), "fr", "I agree", "network", NOW)
    return replace(plain, **fields)  # type: ignore[arg-type]


@pytest.fixture
def letters(database: Database) -> Letters:
    return Letters(database)


@pytest.fixture
def memberships(database: Database) -> Memberships:
    return Memberships(database)


def ask(letters: Letters, one: Letter) -> timedelta | None:
    return letters.ask(one, per_client=PLENTY, per_address=THREE)


def test_an_allowance_is_spent_and_comes_back_as_time_goes_on(letters: Letters) -> None:
    for seconds in range(3):
        assert ask(letters, letter(asked_at=NOW + seconds * SECOND)) is None
    assert ask(letters, letter(asked_at=NOW + 10 * SECOND)) == timedelta(hours=1) - 10 * SECOND
    assert ask(letters, letter(asked_at=NOW, key="ben@clinic.example")) is None
    assert ask(letters, letter(asked_at=NOW + timedelta(hours=1))) is None


def test_processes_at_once_spend_one_allowance(letters: Letters) -> None:
    start, answers = Barrier(8), []

    def one() -> None:
        start.wait()
        answers.append(ask(letters, letter()))

    threads = [Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(None) == 3


def test_a_letter_is_due_until_it_is_settled_and_rarer_with_each_attempt(letters: Letters) -> None:
    one = letter()
    ask(letters, one)
    assert letters.oldest_due() == letters.oldest_asked() == NOW
    pauses, now = [], NOW
    for _ in range(3):
        taken = letters.take_due(now)
        assert taken is not None
        assert replace(taken, attempts=0) == one
        assert letters.take_due(now) is None
        due = letters.oldest_due()
        assert due is not None
        pauses.append(due - now)
        now = due
    assert pauses == sorted(set(pauses))
    letters.settle(one.id)
    assert letters.take_due(now + timedelta(days=9)) is None
    assert letters.oldest_asked() is None


def test_two_writers_never_hold_one_letter(letters: Letters) -> None:
    for number in range(20):
        ask(letters, letter(key=f"{number}@clinic.example"))
    taken: list[str] = []

    def write() -> None:
        while one := letters.take_due(NOW):
            taken.append(one.id)

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 20


def test_a_confirmation_works_once_and_welcomes(
    letters: Letters, memberships: Memberships, subscribers: Subscribers
) -> None:
    one = letter()
    ask(letters, one)
    memberships.note(one, now=NOW)
    noted = subscribers.find(ANA)
    assert noted is not None
    assert noted.status is SubscriptionStatus.UNCONFIRMED
    outcomes = [
        memberships.confirm(one, CONSENT, letter(LetterKind.WELCOME), erased=(), now=NOW)
        for _ in range(2)
    ]
    assert outcomes == [Joining.JOINED, Joining.USED_BEFORE]
    person = subscribers.find(ANA)
    assert person is not None
    assert (person.id, person.status) == (noted.id, SubscriptionStatus.CONFIRMED)
    assert subscribers.history(person.id) == [CONSENT]
    welcome = letters.take_due(NOW)
    assert welcome is not None
    assert welcome.kind is LetterKind.WELCOME


def test_coming_back_after_erasure_lifts_the_digest_and_nothing_else(
    letters: Letters, memberships: Memberships, subscribers: Subscribers
) -> None:
    digest, other = "5f" * 32, "6f" * 32
    subscribers.erase(ANA, digest, now=NOW)
    subscribers.erase("ben@clinic.example", other, now=NOW)
    subscribers.suppress(ANA, SuppressionReason.COMPLAINT, "provider", now=NOW)
    one = letter()
    ask(letters, one)
    welcome = letter(LetterKind.WELCOME)
    memberships.confirm(one, CONSENT, welcome, erased=(digest, ANA), now=NOW)
    assert subscribers.erased_digests() == {other}
    person = subscribers.find(ANA)
    assert person is not None
    assert person.suppression


def test_a_pause_ends_with_its_month_and_is_seen_by_plan_and_claim(
    memberships: Memberships, subscribers: Subscribers, deliveries: Deliveries
) -> None:
    subscribers.import_rows([row()], now=NOW, is_erased=None)
    person = subscribers.find(ANA)
    assert person is not None
    deliveries.plan(MONTH, promises(subscribers), now=NOW)
    memberships.pause(person.id, "2022-12", now=NOW)
    assert [group.skipped for group in subscribers.groups(MONTH)] == [SkipReason.PAUSED]
    assert [group.skipped for group in subscribers.groups("2022-12")] == [None]
    assert list(subscribers.unplanned("2022-10")) == []
    assert len(list(subscribers.unplanned("2022-12"))) == 1
    assert deliveries.claim(MONTH, "a sender", now=NOW) is None
    assert deliveries.counts(MONTH) == {DeliveryStatus.SKIPPED: 1}


def test_leaving_and_coming_back(memberships: Memberships, subscribers: Subscribers) -> None:
    subscribers.import_rows([row()], now=NOW, is_erased=None)
    person = subscribers.find(ANA)
    assert person is not None
    assert memberships.leave(person.id, "link", now=NOW) is Leaving.LEFT
    assert memberships.leave(person.id, "link", now=NOW) is Leaving.LEFT_BEFORE
    assert memberships.leave("0" * 32, "link", now=NOW) is Leaving.UNKNOWN
    for _ in range(2):
        memberships.come_back(person.id, CONSENT, now=NOW)
    assert len(subscribers.history(person.id)) == 2  # that of the import, and this
    again = subscribers.get(person.id)
    assert again is not None
    assert again.status is SubscriptionStatus.CONFIRMED


def test_who_never_confirmed_is_forgotten_and_nobody_else(
    letters: Letters, memberships: Memberships, subscribers: Subscribers
) -> None:
    month = timedelta(days=30)
    imported = [
        row("listed@clinic.example", status=SubscriptionStatus.UNCONFIRMED),
        row("consented@clinic.example", status=SubscriptionStatus.UNCONFIRMED, consent_at=NOW),
    ]
    subscribers.import_rows(imported, now=NOW - month, is_erased=None)

    def signs_up(name: str, at: datetime = NOW, *, is_sent: bool = True) -> Letter:
        address = f"{name}@clinic.example"
        one = letter(email=address, key=address, asked_at=at)
        ask(letters, one)
        memberships.note(one, now=at)
        if is_sent:
            letters.settle(one.id)
        return one

    gone = [signs_up("never"), signs_up("listed"), signs_up("consented"), signs_up("twice")]
    signs_up("twice", NOW + month)
    owed = signs_up("owed", is_sent=False)
    joined = signs_up("joined")
    memberships.confirm(joined, CONSENT, letter(LetterKind.WELCOME), erased=(), now=NOW)
    stranger = letter(LetterKind.LINK, key="stranger@clinic.example")
    ask(letters, stranger)
    letters.settle(stranger.id)

    assert memberships.forget_asked(NOW) == 0
    assert memberships.forget_asked(NOW + SECOND) == 2  # "never", and "owed" whose letter waits
    assert memberships.forget_asked(NOW + SECOND) == 0
    left = {person.email.partition("@")[0] for person in subscribers.iterate()}
    assert left == {"listed", "consented", "twice", "joined"}
    assert [letters.get(one.id) for one in (*gone, joined, stranger)] == [None] * 6
    assert letters.get(owed.id) is not None


def test_erasing_removes_what_a_form_said(letters: Letters, subscribers: Subscribers) -> None:
    one = letter()
    ask(letters, one)
    subscribers.erase(ANA, "5f" * 32, now=NOW)
    assert letters.get(one.id) is None
