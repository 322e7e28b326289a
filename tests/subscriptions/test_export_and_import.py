"""What is exported comes back as it was, whatever characters it holds."""

import csv
import io
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.config import load_config
from newsletter.ledger.database import Database
from newsletter.ledger.imports import ImportCounts
from newsletter.ledger.ledger import Ledger
from newsletter.model.issue import Taxonomy
from newsletter.model.subscriber import SubscriberRow, SubscriptionStatus, SuppressionReason
from newsletter.personalise.keys import AddressDigests
from newsletter.starter import create_newsletter
from newsletter.subscriptions import Subscriptions
from newsletter.wiring import open_subscriptions

TAXONOMY = Taxonomy({"alliance": "Alliance", "-minus": "Minus", "cbt": "CBT; no"}, {})
NOW = datetime(2022, 11, 15, 14, 0, tzinfo=UTC)

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30
).map(lambda text: text.strip().replace("\ufffe", "").replace("\uffff", "")) | st.text(
    "'=+-@\"a;,", max_size=5
)
rows = st.builds(
    SubscriberRow,
    email=st.from_regex(r"[a-zA-Z0-9'=+-]{1,9}@[a-z]{1,9}\.example", fullmatch=True),
    key=st.just(""),
    name=texts,
    topics=st.sampled_from([(), ("alliance",), ("-minus",), ("-minus", "cbt")]),
    language=st.sampled_from(["", "en", "fr-CA"]),
    status=st.sampled_from(SubscriptionStatus),
    consent_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    consent_source=texts,
    suppression=st.none(),
    timezone=st.sampled_from([None, "", "America/Toronto"]),
).map(lambda one: one._replace(key=one.email.casefold()))


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with its tables, to copy."""
    folder = tmp_path_factory.mktemp("empty")
    Database.open("sqlite:///empty.db", base=folder).close()
    return folder / "empty.db"


@contextmanager
def opened(file: Path) -> Iterator[tuple[Ledger, Subscriptions]]:
    with closing(Database.open(f"sqlite:///{file}", base=file.parent)) as database:
        ledger = Ledger.of(database)
        yield ledger, Subscriptions(ledger, TAXONOMY, lambda: AddressDigests(["a key"]))


def exported(subscriptions: Subscriptions) -> str:
    file = io.StringIO()
    subscriptions.export(file)
    return file.getvalue()


def imported(subscriptions: Subscriptions, content: str, folder: Path) -> ImportCounts:
    path = folder / "list.csv"
    path.write_text(content, "utf-8", newline="")
    problems: list[object] = []
    counts = subscriptions.import_file(path, "list.csv", problems.append)
    assert problems == []
    return counts


def stored(ledger: Ledger) -> list[tuple[object, ...]]:
    return [
        (
            *(person.email, person.name, person.topics, person.language, person.status),
            person.timezone,
            person.consent and (person.consent.at, person.consent.source),
        )
        for person in ledger.subscribers.iterate()
    ]


@settings(max_examples=25, deadline=None)
@given(people=st.lists(rows, max_size=6))
def test_an_import_of_an_export_is_what_was_exported(
    empty: Path, people: list[SubscriberRow]
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        for copy in ("one.db", "other.db"):
            shutil.copy(empty, folder / copy)
        with (
            opened(folder / "one.db") as (one, subscriptions),
            opened(folder / "other.db") as (other, others),
        ):
            one.subscribers.import_rows(people, now=NOW, is_erased=None)
            content = exported(subscriptions)

            imported(others, content, folder)

            assert stored(other) == stored(one)
            assert exported(others) == content
            # Into the list it came from it brings nothing new.
            again = imported(subscriptions, content, folder)
            assert again.added == again.changed == again.suppressed == 0


@given(people=st.lists(rows, max_size=4))
@settings(max_examples=25, deadline=None)
def test_no_spreadsheet_takes_an_exported_cell_for_a_formula(
    empty: Path, people: list[SubscriberRow]
) -> None:
    with TemporaryDirectory() as name:
        shutil.copy(empty, Path(name, "one.db"))
        with opened(Path(name, "one.db")) as (ledger, subscriptions):
            ledger.subscribers.import_rows(people, now=NOW, is_erased=None)
            consents = io.StringIO()
            subscriptions.export_consents(consents)
            content = exported(subscriptions)
    for text in (content, consents.getvalue()):
        for cells in csv.reader(io.StringIO(text, newline="")):
            assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)


def test_a_suppressed_address_is_exported_as_unsubscribed(empty: Path, tmp_path: Path) -> None:
    shutil.copy(empty, tmp_path / "one.db")
    with opened(tmp_path / "one.db") as (ledger, subscriptions):
        ledger.subscribers.import_rows(
            [SubscriberRow("a@x.example", "a@x.example")], now=NOW, is_erased=None
        )
        ledger.subscribers.suppress("a@x.example", SuppressionReason.COMPLAINT, "", now=NOW)
        assert exported(subscriptions).splitlines()[1] == "a@x.example,,,,unsubscribed,,"


@pytest.mark.parametrize(
    ("words", "doubted"),
    [
        ("", [":2:"]),
        ('[subscribers]\nthrowaway_domains = ["Brief.example"]\n', [":3:"]),
        ("[subscribers]\nthrowaway_domains = []\n", []),
    ],
)
def test_which_domains_throw_addresses_away_is_a_setting(
    tmp_path: Path, words: str, doubted: list[str]
) -> None:
    folder = tmp_path / "digest"
    create_newsletter(folder)
    people, config = folder / "people.csv", folder / "config.toml"
    people.write_text("email\na@mailinator.com\nb@brief.example\n", "utf-8")
    config.write_text(f"{config.read_text('utf-8')}\n{words}", "utf-8")
    subscriptions = open_subscriptions(load_config(config, {"NEWSLETTER_SECRET_KEY": "a key"}))
    doubts: list[str] = []
    subscriptions.import_file(people, "p", lambda problem: doubts.append(str(problem)[1:4]))
    assert doubts == doubted


def test_every_consent_on_record_is_exported(empty: Path, tmp_path: Path) -> None:
    shutil.copy(empty, tmp_path / "one.db")
    file = io.StringIO()
    with opened(tmp_path / "one.db") as (ledger, subscriptions):
        for source in ("paper form", "book fair"):
            row = SubscriberRow("a@x.example", "a@x.example", consent_source=source)
            ledger.subscribers.import_rows([row], now=NOW, is_erased=None)
        assert subscriptions.export_consents(file) == 2
    lines = file.getvalue().splitlines()
    assert lines[0].startswith("email,consent_at,consent_source,how,recorded_at,words,version")
    assert [line.split(",")[2] for line in lines[1:]] == ["paper form", "book fair"]
