"""What an import does to the people stored, and what it can never do."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.ledger.database import Database
from newsletter.ledger.imports import ImportCounts
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.subscriber import (
    Consent,
    Subscriber,
    SubscriberRow,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)

from .rows import CONFIRMED, NOW, UNCONFIRMED, UNSUBSCRIBED, row, rows

ANA = "ana@clinic.example"
AGREED_AT = datetime(2021, 9, 14, 14, 22, 5, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
DIGEST = "5f" * 32


def stored(subscribers: Subscribers, email: str = "ana@clinic.example") -> Subscriber:
    found = subscribers.find(email)
    assert found is not None
    return found


def import_one(subscribers: Subscribers, one: SubscriberRow, now: datetime = NOW) -> ImportCounts:
    return subscribers.import_rows([one], now=now, is_erased=None)


def test_a_new_person_is_stored_as_the_row_says(subscribers: Subscribers) -> None:
    topics = ("alliance", "outcome")
    one = row(
        "Ana@clinic.example",
        name="Ana Ortiz",
        topics=topics,
        language="fr",
        consent_at=AGREED_AT,
        consent_source="sign-up form",
    )
    assert import_one(subscribers, one) == ImportCounts(added=1)
    person = stored(subscribers)
    consent = Consent(AGREED_AT, "sign-up form", "import", NOW)
    assert person == Subscriber(
        person.id, "Ana@clinic.example", "Ana Ortiz", topics, "fr", CONFIRMED, consent
    )
    assert subscribers.get(person.id) == person


def test_an_address_alone_is_enough(subscribers: Subscribers) -> None:
    import_one(subscribers, row())
    person = stored(subscribers)
    assert (person.name, person.topics, person.language, person.status) == ("", (), "", CONFIRMED)


def test_a_column_the_file_lacks_changes_nothing_and_an_empty_cell_empties(
    subscribers: Subscribers,
) -> None:
    import_one(subscribers, row(name="Ana", topics=("alliance",), language="fr"))
    assert import_one(subscribers, row()) == ImportCounts(unchanged=1)
    assert import_one(subscribers, row(name="", topics=(), language="")) == ImportCounts(changed=1)
    person = stored(subscribers)
    assert (person.name, person.topics, person.language) == ("", (), "")


def test_the_address_is_kept_as_last_written(subscribers: Subscribers) -> None:
    import_one(subscribers, row("ana@clinic.example"))
    before = stored(subscribers).id
    assert import_one(subscribers, row("Ana@Clinic.example")) == ImportCounts(changed=1)
    assert stored(subscribers).email == "Ana@Clinic.example"
    assert stored(subscribers).id == before


@pytest.mark.parametrize(
    ("before", "states", "after"),
    [
        (UNCONFIRMED, CONFIRMED, CONFIRMED),
        (CONFIRMED, UNCONFIRMED, CONFIRMED),
        (CONFIRMED, UNSUBSCRIBED, UNSUBSCRIBED),
        (UNCONFIRMED, UNSUBSCRIBED, UNSUBSCRIBED),
        (UNSUBSCRIBED, CONFIRMED, UNSUBSCRIBED),
        (UNSUBSCRIBED, UNCONFIRMED, UNSUBSCRIBED),
    ],
)
def test_a_row_may_confirm_and_unsubscribe_but_never_demote_or_bring_back(
    subscribers: Subscribers,
    before: SubscriptionStatus,
    states: SubscriptionStatus,
    after: SubscriptionStatus,
) -> None:
    import_one(subscribers, row(status=before))
    import_one(subscribers, row(status=states), LATER)
    assert stored(subscribers).status is after


def test_whoever_left_is_left_exactly_as_they_were(subscribers: Subscribers) -> None:
    import_one(subscribers, row("left@clinic.example", name="Lee"))
    import_one(subscribers, row("kept-out@clinic.example", name="Kim"))
    subscribers.unsubscribe("left@clinic.example", "link", now=NOW)
    subscribers.suppress("kept-out@clinic.example", SuppressionReason.COMPLAINT, "", now=NOW)
    before = list(subscribers.iterate())
    again = [
        row("left@clinic.example", name="New", consent_at=AGREED_AT, consent_source="fair"),
        row("kept-out@clinic.example", name="New", status=UNSUBSCRIBED),
    ]
    assert subscribers.import_rows(again, now=LATER, is_erased=None) == ImportCounts(kept_out=2)
    assert list(subscribers.iterate()) == before
    assert len(subscribers.history(before[1].id)) == 1


def test_a_suppressed_or_erased_address_that_is_not_stored_is_not_added(
    subscribers: Subscribers,
) -> None:
    subscribers.suppress("bounced@clinic.example", SuppressionReason.HARD_BOUNCE, "", now=NOW)
    subscribers.erase("erased@clinic.example", DIGEST, now=NOW)
    counts = subscribers.import_rows(
        [row("bounced@clinic.example"), row("erased@clinic.example"), row()],
        now=NOW,
        is_erased=lambda digests, key: key == "erased@clinic.example" and DIGEST in digests,
    )
    assert counts == ImportCounts(added=1, kept_out=2)
    assert [person.email for person in subscribers.iterate()] == ["ana@clinic.example"]


def test_of_two_rows_for_one_address_the_later_wins(subscribers: Subscribers) -> None:
    counts = subscribers.import_rows(
        [row(name="First"), row("ANA@clinic.example", name="Second"), row(name="Third")],
        now=NOW,
        is_erased=None,
    )
    assert counts == ImportCounts(added=1, changed=2)
    assert stored(subscribers).name == "Third"


@pytest.mark.parametrize("between", [0, 25_000])
@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (CONFIRMED, UNCONFIRMED),
        (CONFIRMED, UNSUBSCRIBED),
        (UNSUBSCRIBED, CONFIRMED),
        (UNSUBSCRIBED, UNCONFIRMED),
    ],
)
def test_of_two_rows_for_a_new_address_the_later_says_how_it_stands(
    subscribers: Subscribers, earlier: SubscriptionStatus, later: SubscriptionStatus, between: int
) -> None:
    file = [row(status=earlier), *rows(between), row(status=later)]
    subscribers.import_rows(file, now=NOW, is_erased=None)
    assert stored(subscribers).status is later
    import_one(subscribers, row(), LATER)
    assert stored(subscribers).status is (UNSUBSCRIBED if later is UNSUBSCRIBED else CONFIRMED)


def test_whoever_leaves_while_a_list_is_read_is_not_brought_back_by_its_rest(
    subscribers: Subscribers,
) -> None:
    def file() -> Iterator[SubscriberRow]:
        yield row()
        yield from rows(20_000)
        subscribers.unsubscribe(ANA, "link", now=NOW)
        yield row()

    subscribers.import_rows(file(), now=NOW, is_erased=None)
    assert stored(subscribers).status is UNSUBSCRIBED


def test_whoever_is_erased_while_a_list_is_read_does_not_come_back_with_its_rest(
    subscribers: Subscribers,
) -> None:
    def file() -> Iterator[SubscriberRow]:
        yield from rows(20_000)
        subscribers.erase("ana@clinic.example", DIGEST, now=NOW)
        yield row()

    counts = subscribers.import_rows(
        file(), now=NOW, is_erased=lambda digests, key: key == ANA and DIGEST in digests
    )
    assert counts == ImportCounts(added=20_000, kept_out=1)
    assert subscribers.find(ANA) is None


def test_a_row_with_a_suppression_suppresses_and_changes_nothing_else(
    subscribers: Subscribers,
) -> None:
    subscribers.import_rows([row(name="Ana")], now=NOW, is_erased=None)
    bounced = {"suppression": SuppressionReason.HARD_BOUNCE, "consent_source": "Mailchimp"}
    file = [row(**bounced), row("new@clinic.example", **bounced), row(name="Later")]
    counts = subscribers.import_rows(file, now=LATER, is_erased=None)
    assert counts == ImportCounts(suppressed=2, kept_out=1)
    ana = stored(subscribers)
    assert (ana.name, ana.status) == ("Ana", CONFIRMED)
    assert ana.suppression == Suppression(SuppressionReason.HARD_BOUNCE, "Mailchimp", LATER)
    assert subscribers.find("new@clinic.example") is None
    again = subscribers.import_rows(file, now=LATER, is_erased=None)
    assert again == ImportCounts(kept_out=3)


def test_a_consent_s_time_is_the_stated_one_or_none(subscribers: Subscribers) -> None:
    import_one(subscribers, row())
    assert stored(subscribers).consent == Consent(None, "", "import", NOW)


def test_every_consent_that_a_row_brings_is_added_once(subscribers: Subscribers) -> None:
    paper = row(consent_at=AGREED_AT, consent_source="paper form")
    fair = row(consent_source="book fair")
    for one in (paper, fair, paper, row()):
        import_one(subscribers, one)
    history = subscribers.history(stored(subscribers).id)
    assert [(consent.at, consent.source) for consent in history] == [
        (AGREED_AT, "paper form"),
        (None, "book fair"),
    ]


def test_confirming_an_unconfirmed_person_is_a_consent(subscribers: Subscribers) -> None:
    import_one(subscribers, row(status=UNCONFIRMED))
    assert subscribers.history(stored(subscribers).id) == []
    import_one(subscribers, row(), LATER)
    assert subscribers.history(stored(subscribers).id) == [Consent(None, "", "import", LATER)]


def test_a_long_list_is_imported_in_pieces_and_again_changes_nothing(
    subscribers: Subscribers,
) -> None:
    number = 45_000
    assert subscribers.import_rows(rows(number), now=NOW, is_erased=None).added == number
    ids = [subscriber_id for subscriber_id, *_ in subscribers.unplanned("2022-11")]
    assert len(set(ids)) == number
    assert ids == sorted(ids)
    assert subscribers.import_rows(rows(number), now=LATER, is_erased=None).unchanged == number


def test_ids_are_never_given_again(tmp_path: Path) -> None:
    """Not even when a backup is restored and the same list imported at the same moment."""
    ids = set()
    for name in ("first.db", "second.db"):
        with closing(Database.open(f"sqlite:///{name}", base=tmp_path)) as database:
            Subscribers(database).import_rows([row()], now=NOW, is_erased=None)
            ids.add(stored(Subscribers(database)).id)
    assert len(ids) == 2


CELLS = {
    "name": st.sampled_from([None, "", "Ana"]),
    "topics": st.sampled_from([None, (), ("alliance",)]),
    "status": st.sampled_from(SubscriptionStatus),
    "consent_source": st.sampled_from(["", "fair"]),
}
FILES = st.lists(
    st.builds(row, st.sampled_from(["a@clinic.example", "b@clinic.example"]), **CELLS), max_size=8
)


@settings(max_examples=40, deadline=None)
@given(file=FILES)
def test_one_import_of_many_rows_is_as_good_as_many_imports_of_one(
    file: list[SubscriberRow],
) -> None:
    with TemporaryDirectory() as folder:
        stored_ways = []
        for name, pieces in (("at once", [file]), ("one by one", [[one] for one in file])):
            with closing(Database.open(f"sqlite:///{name}.db", base=Path(folder))) as database:
                subscribers = Subscribers(database)
                counts = ImportCounts()
                for piece in pieces:
                    counts += subscribers.import_rows(piece, now=NOW, is_erased=None)
                people = [
                    (p.email, p.name, p.topics, p.status, subscribers.history(p.id))
                    for p in subscribers.iterate()
                ]
                stored_ways.append((counts, people))
    assert stored_ways[0] == stored_ways[1]


def test_a_rehearsal_counts_what_an_import_then_does_and_changes_nothing(
    subscribers: Subscribers,
) -> None:
    subscribers.import_rows([row(), row("b@clinic.example")], now=NOW, is_erased=None)
    subscribers.unsubscribe("b@clinic.example", "link", now=NOW)
    before = list(subscribers.iterate())
    file = [
        *rows(20_000),
        row(name="Ana"),
        row("reader7@clinic.example"),
        row("reader8@clinic.example", name="Eight"),
        row("b@clinic.example", name="Back"),
        row("c@clinic.example", suppression=SuppressionReason.COMPLAINT),
        row("c@clinic.example"),
    ]

    foreseen = subscribers.rehearse_import(file, now=LATER, is_erased=None)

    assert foreseen == ImportCounts(added=20_000, changed=2, unchanged=1, kept_out=2, suppressed=1)
    assert list(subscribers.iterate()) == before
    assert subscribers.import_rows(file, now=LATER, is_erased=None) == foreseen


def test_others_may_write_while_an_import_is_rehearsed(subscribers: Subscribers) -> None:
    def file() -> Iterator[SubscriberRow]:
        yield from rows(20_001)
        assert subscribers.suppress(ANA, SuppressionReason.MANUAL, "", now=NOW)

    assert subscribers.rehearse_import(file(), now=NOW, is_erased=None).added == 20_001
    assert list(subscribers.iterate()) == []
