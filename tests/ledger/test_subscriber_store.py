"""Finding, listing, leaving, being kept out, and being forgotten."""

from contextlib import closing
from datetime import timedelta
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.errors import LedgerError
from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.delivery import DeliveryStatus, Outcome, SkipReason
from newsletter.model.subscriber import (
    SubscriberGroup,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)

from .rows import (
    MONTH,
    NOW,
    UNCONFIRMED,
    UNSUBSCRIBED,
    promises,
    receipts,
    row,
    rows,
    statuses,
)

ANA = "ana@clinic.example"
DIGEST = "5f" * 32


def test_nobody_is_found_where_nobody_is(subscribers: Subscribers) -> None:
    assert subscribers.find(ANA) is None
    assert subscribers.get("0" * 32) is None
    assert list(subscribers.iterate()) == []


def test_everybody_is_listed_in_the_order_of_addresses_compared_without_case(
    subscribers: Subscribers,
) -> None:
    emails = ["b@clinic.example", "A@clinic.example", "C@clinic.example", "a.b@clinic.example"]
    subscribers.import_rows(map(row, emails), now=NOW, is_erased=None)
    listed = [person.email for person in subscribers.iterate()]
    assert listed == sorted(emails, key=str.casefold)


def test_a_list_longer_than_a_page_is_whole(subscribers: Subscribers) -> None:
    subscribers.import_rows(rows(10_000), now=NOW, is_erased=None)
    assert len({person.id for person in subscribers.iterate()}) == 10_000


def test_leaving_takes_effect_once_and_stays(subscribers: Subscribers) -> None:
    subscribers.import_rows([row()], now=NOW, is_erased=None)
    assert subscribers.unsubscribe(ANA, "link", now=NOW)
    assert not subscribers.unsubscribe(ANA, "link", now=NOW + timedelta(days=1))
    assert not subscribers.unsubscribe("nobody@clinic.example", "link", now=NOW)
    person = subscribers.find(ANA)
    assert person is not None
    assert person.status is SubscriptionStatus.UNSUBSCRIBED


def test_an_address_is_suppressed_for_its_first_reason(subscribers: Subscribers) -> None:
    subscribers.import_rows([row()], now=NOW, is_erased=None)
    assert subscribers.suppress(ANA, SuppressionReason.COMPLAINT, "provider", now=NOW)
    assert not subscribers.suppress(ANA, SuppressionReason.MANUAL, "editor", now=NOW)
    person = subscribers.find(ANA)
    assert person is not None
    assert person.suppression == Suppression(SuppressionReason.COMPLAINT, "provider", NOW)


def test_groups_count_everybody_once_by_topics_language_and_reason(
    subscribers: Subscribers,
) -> None:
    subscribers.import_rows(
        [
            row("a@clinic.example", topics=("alliance",), language="fr"),
            row("b@clinic.example", topics=("alliance",), language="fr"),
            row("c@clinic.example", topics=("alliance",), language="fr", status=UNCONFIRMED),
            row("d@clinic.example", status=UNSUBSCRIBED),
            row("e@clinic.example"),
            row("f@clinic.example"),
        ],
        now=NOW,
        is_erased=None,
    )
    subscribers.suppress("d@clinic.example", SuppressionReason.MANUAL, "", now=NOW)
    subscribers.suppress("f@clinic.example", SuppressionReason.MANUAL, "", now=NOW)
    assert set(subscribers.groups(MONTH)) == {
        SubscriberGroup(("alliance",), "fr", None, 2),
        SubscriberGroup(("alliance",), "fr", SkipReason.UNCONFIRMED, 1),
        SubscriberGroup((), "", SkipReason.UNSUBSCRIBED, 1),
        SubscriberGroup((), "", None, 1),
        SubscriberGroup((), "", SkipReason.SUPPRESSED, 1),
    }


def test_unplanned_are_those_who_may_be_mailed_and_have_no_delivery_of_the_month(
    subscribers: Subscribers, deliveries: Deliveries
) -> None:
    subscribers.import_rows(rows(3), now=NOW, is_erased=None)
    deliveries.plan(MONTH, promises(subscribers), now=NOW)
    subscribers.import_rows(
        [
            row("new@clinic.example", topics=("alliance", "outcome"), language="fr"),
            row("unconfirmed@clinic.example", status=UNCONFIRMED),
            row("gone@clinic.example", status=UNSUBSCRIBED),
            row("suppressed@clinic.example"),
        ],
        now=NOW,
        is_erased=None,
    )
    subscribers.suppress("suppressed@clinic.example", SuppressionReason.MANUAL, "", now=NOW)
    found = [(topics, language) for _, topics, language, _ in subscribers.unplanned(MONTH)]
    assert found == [(("alliance", "outcome"), "fr")]
    assert len(list(subscribers.unplanned("2022-12"))) == 5 - 1


def test_others_may_write_while_the_unplanned_are_read(subscribers: Subscribers) -> None:
    subscribers.import_rows(rows(12_000), now=NOW, is_erased=None)
    reading = subscribers.unplanned(MONTH)
    begun = list(islice(reading, 10))
    assert subscribers.suppress("other@clinic.example", SuppressionReason.MANUAL, "", now=NOW)
    assert len(begun) + len(list(reading)) == 12_000


def test_erasing_leaves_the_address_nowhere_in_the_database_s_files(
    database: Database, subscribers: Subscribers, deliveries: Deliveries, tmp_path: Path
) -> None:
    subscribers.import_rows(rows(3000), now=NOW, is_erased=None)
    subscribers.import_rows([row(consent_source=f"wrote from {ANA}")], now=NOW, is_erased=None)
    deliveries.plan(MONTH, promises(subscribers), now=NOW)
    while batch := deliveries.claim(MONTH, "a sender", now=NOW):
        refused = receipts(
            (delivery.id for delivery in batch.deliveries if delivery.email == ANA),
            Outcome.REFUSED,
            f"550 5.1.1 <{ANA}>: no such user",
        )
        deliveries.record(batch, refused, now=NOW, retry_at=NOW + timedelta(days=1))
    subscribers.suppress(ANA, SuppressionReason.HARD_BOUNCE, f"bounce of {ANA}", now=NOW)

    assert subscribers.erase(ANA, DIGEST, now=NOW)

    assert subscribers.find(ANA) is None
    assert subscribers.erased_digests() == {DIGEST}
    problems = list(deliveries.problems(MONTH))
    assert [(problem.email, problem.reason) for problem in problems] == [("", "")]
    assert len(statuses(database)) == 3001
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or ANA.encode() not in file.read_bytes()


def test_a_server_s_words_about_somebody_erased_meanwhile_are_not_kept(
    subscribers: Subscribers, deliveries: Deliveries
) -> None:
    subscribers.import_rows([row()], now=NOW, is_erased=None)
    deliveries.plan(MONTH, promises(subscribers), now=NOW)
    batch = deliveries.claim(MONTH, "a sender", now=NOW)
    assert batch is not None
    subscribers.erase(ANA, DIGEST, now=NOW)
    answer = receipts([batch.deliveries[0].id], Outcome.REFUSED, f"550 <{ANA}> unknown")
    deliveries.record(batch, answer, now=NOW)
    assert [problem.reason for problem in deliveries.problems(MONTH)] == [""]
    assert deliveries.counts(MONTH) == {DeliveryStatus.REFUSED: 1}


def test_erasing_an_address_that_is_not_stored_keeps_its_digest(subscribers: Subscribers) -> None:
    assert subscribers.erased_digests() == frozenset()
    assert not subscribers.erase(ANA, DIGEST, now=NOW)
    assert not subscribers.erase(ANA, DIGEST, now=NOW)
    assert subscribers.erased_digests() == {DIGEST}


def test_an_erasure_that_a_reader_keeps_from_the_log_says_so_and_can_be_done_again(
    tmp_path: Path,
) -> None:
    with closing(Database.open("sqlite:///list.db?timeout=0.1", base=tmp_path)) as database:
        subscribers = Subscribers(database)
        subscribers.import_rows([row()], now=NOW, is_erased=None)
        with database.read() as reader:
            reader.execute(text("SELECT count(*) FROM subscribers")).scalar_one()
            with pytest.raises(LedgerError, match="the log may hold it still"):
                subscribers.erase(ANA, DIGEST, now=NOW)
        assert subscribers.find(ANA) is None

        assert not subscribers.erase(ANA, DIGEST, now=NOW)
        for file in tmp_path.iterdir():
            assert ANA.encode() not in file.read_bytes()
