import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text, update
from sqlalchemy.exc import DBAPIError

from newsletter.errors import LedgerError
from newsletter.ledger.alerts import Alerts
from newsletter.ledger.database import Database, insert_absent
from newsletter.ledger.subscribers import Subscribers
from newsletter.ledger.suppressions import Suppressions
from newsletter.ledger.tables import (
    SCHEMA_VERSION,
    consents,
    issues,
    lifted_suppressions,
    metadata,
)
from newsletter.model.alert import AlertKind
from newsletter.model.subscriber import SuppressionReason

from .rows import NOW, row

URL = "sqlite:///var/newsletter.db"
OPEN = f"""
from pathlib import Path
from newsletter.ledger.alerts import Alerts
from newsletter.ledger.database import Database
Database.open({URL!r}, base=Path()).close()
"""


def test_migrating_from_nothing_gives_exactly_the_tables(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == SCHEMA_VERSION


def test_the_schema_version_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", "newsletter.ledger:migrations")
    assert ScriptDirectory.from_config(config).get_current_head() == SCHEMA_VERSION


def test_a_database_of_an_older_program_is_brought_up_to_date_with_all_that_is_in_it(
    database_url: str,
) -> None:
    if file := database_url.partition("sqlite:///")[2]:
        Path(file).parent.mkdir()
    engine = create_engine(database_url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "newsletter.ledger:migrations")
        command.upgrade(config, "0001")
        connection.execute(
            text("INSERT INTO alerts VALUES ('2026-11', 'missed', 'editor@digest.example', 1, 1)")
        )
    engine.dispose()
    with closing(Database.open(database_url, base=Path())) as database:
        with database.read() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        told = Alerts(database)
        assert not told.take("2026-11", AlertKind.MISSED, "editor@digest.example", now=NOW)


def test_the_database_itself_refuses_to_change_what_is_proof(database: Database) -> None:
    subscribers = Subscribers(database)
    subscribers.import_rows([row()], now=NOW, is_erased=None)
    subscribers.suppress("ana@clinic.example", SuppressionReason.MANUAL, "", now=NOW)
    Suppressions(database).lift("ana@clinic.example", by="Ed", because="she asked", now=NOW)
    for table in (consents, lifted_suppressions):
        with (
            pytest.raises(DBAPIError, match="never changed"),
            database.write() as connection,
        ):
            connection.execute(update(table).values(source="elsewhere"))
    assert subscribers.erase("ana@clinic.example", "5f" * 32, now=NOW)


def test_opening_again_keeps_what_is_stored(tmp_path: Path) -> None:
    for _ in range(2):
        with closing(Database.open(URL, base=tmp_path)) as database:
            subscribers = Subscribers(database)
            subscribers.import_rows([row()], now=NOW, is_erased=None)
            assert len(list(subscribers.iterate())) == 1


def test_a_relative_path_counts_from_the_base_and_an_absolute_one_stands(tmp_path: Path) -> None:
    Database.open(URL, base=tmp_path).close()
    Database.open(f"sqlite:///{tmp_path}/other.db", base=Path("/nowhere")).close()
    assert (tmp_path / "var/newsletter.db").is_file()
    assert (tmp_path / "other.db").is_file()


def test_several_programs_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    programs = [
        subprocess.Popen([sys.executable, "-c", OPEN], cwd=tmp_path, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [program.communicate(timeout=60)[1] for program in programs] == [b""] * 4


def test_opening_a_database_that_is_up_to_date_does_not_load_alembic(tmp_path: Path) -> None:
    Database.open(URL, base=tmp_path).close()
    code = f"{OPEN}\nimport sys\nassert 'alembic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "newsletter.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file:a.db?uri=true",
        "sqlite+aiosqlite:///a.db",
        "mysql://someone:secret@db.example/news",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(
    url: str, tmp_path: Path
) -> None:
    with pytest.raises(LedgerError, match=r"database address|cannot be used") as raised:
        Database.open(url, base=tmp_path)
    assert "secret" not in str(raised.value)


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but some notes\n" * 100, "utf-8")
    before = file.read_bytes()
    with pytest.raises(LedgerError, match=r"notes\.txt: this file is not a database"):
        Database.open("sqlite:///notes.txt", base=tmp_path)
    assert file.read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file", "utf-8")
    with pytest.raises(LedgerError, match="var: this folder cannot be made"):
        Database.open(URL, base=tmp_path)


def test_a_folder_in_the_database_s_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "var/newsletter.db").mkdir(parents=True)
    with pytest.raises(LedgerError, match=r"newsletter\.db: the database cannot be opened"):
        Database.open(URL, base=tmp_path)


def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    with closing(Database.open(URL, base=tmp_path)) as database, database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(LedgerError, match=r"made by a newer newsletter program \(schema 9999\)"):
        Database.open(URL, base=tmp_path)


def test_a_database_that_somebody_else_is_writing_to_is_busy(tmp_path: Path) -> None:
    with (
        closing(Database.open(URL, base=tmp_path)) as first,
        closing(Database.open(f"{URL}?timeout=0.05", base=tmp_path)) as second,
        first.write(),
        pytest.raises(LedgerError, match="the database is busy"),
        second.write(),
    ):
        pytest.fail("both write")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("pragma", "line"),
    [
        ("max_page_count = 1", "the disk is full"),
        ("query_only = ON", "the database may only be read"),
    ],
)
def test_a_full_or_read_only_database_says_so_and_keeps_nothing_of_the_write(
    database: Database, pragma: str, line: str
) -> None:
    def write() -> None:
        with database.write() as connection:
            connection.execute(text(f"PRAGMA {pragma}"))
            insert_absent(connection, issues, [("2022-11", "sending", "", "words " * 100_000, 0)])

    with pytest.raises(LedgerError, match=line) as raised:
        write()
    assert len(raised.value.lines) == 1
    assert "words" not in str(raised.value)
    with database.read() as connection:
        assert connection.execute(issues.select()).all() == []


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    subscribers = Subscribers(database)

    def interrupted() -> None:
        with database.write() as connection:
            connection.execute(text("DELETE FROM consents"))
            raise KeyboardInterrupt

    subscribers.import_rows([row()], now=NOW, is_erased=None)
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert all(subscriber.consent for subscriber in subscribers.iterate())
