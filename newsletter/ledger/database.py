"""The database: opened, brought up to date and spoken to; what fails becomes one clear line."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Dialect,
    Engine,
    Row,
    Select,
    Table,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DataError,
    IntegrityError,
    ProgrammingError,
)

from newsletter.errors import LedgerError
from newsletter.ledger.tables import SCHEMA_VERSION

# An erased address must be gone from the file's free space too, hence secure_delete. The cache,
# 16 MiB a connection, and the log, 80 MiB, hold much of the index of a million delivery ids, which
# are written in random order: a page seldom goes to the file twice. A larger cache is no faster.
_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "cache_size = -16384",
    "wal_autocheckpoint = 20000",
)
_BUSY_SECONDS: Final = "10"
_PAGE: Final = 5000

_ADVICE: Final = {
    "database is locked": "the database is busy; try again when the other command is done",
    "database or disk is full": "the disk is full; make room and try again",
    "attempt to write a readonly database": "the database may only be read; check its rights",
    "unable to open database file": "the database cannot be opened; check the path and its rights",
    "file is not a database": "this file is not a database",
    "database disk image is malformed": "the database is damaged; restore a backup",
}

AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]


class Database:
    """The one database of a newsletter; safe to use from several threads.

    Whatever speaks to it raises `LedgerError` where it is busy, full, read-only, damaged or gone.
    """

    def __init__(self, engine: Engine, file: Path) -> None:
        self.file = file
        self._reading = engine
        self._writing = engine.execution_options(begin="BEGIN IMMEDIATE")

    @classmethod
    def open(cls, url: str, *, base: Path) -> Self:
        """The database at `url`, made where it is absent and migrated where it is older.

        A relative path counts from `base`. `?timeout=SECONDS` sets how long to wait for another
        writer. Raises `LedgerError` for a file that is no database, one of a newer program, and
        any kind but an SQLite file.
        """
        address = _absolute(url, base)
        file = Path(str(address.database))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LedgerError(
                f"this folder cannot be made: {error.strerror}", where=str(file.parent)
            ) from error
        database = cls(_sqlite_engine(address), file)
        try:
            database._bring_up_to_date()
        except LedgerError:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Give back every connection."""
        self._reading.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database: that of its first statement."""
        with self._plainly(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that nobody writes beside, committed at the end unless it raises."""
        with self._plainly(), self._writing.begin() as connection:
            yield connection

    def pages(self, statement: AnySelect, key: ColumnElement[str]) -> Iterator[AnyRow]:
        """All rows in the order of `key`: a selected column, unique among them and never empty.

        Read in short pieces, so that memory stays flat and others may write meanwhile.
        """
        last = ""
        while True:
            with self.read() as connection:
                piece = statement.where(key > last).order_by(key).limit(_PAGE)
                rows = connection.execute(piece).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            last = rows[-1]._mapping[key]  # noqa: SLF001 - SQLAlchemy's public name for it

    def forget_deleted(self) -> None:
        """Empty the write-ahead log, which still holds what was just deleted."""
        outside = self._reading.execution_options(begin=None)
        with self._plainly(), outside.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def _bring_up_to_date(self) -> None:
        with self.read() as connection:
            if _schema_version(connection) == SCHEMA_VERSION:
                return
        with self.write() as connection:
            self._migrate(connection)

    def _migrate(self, connection: Connection) -> None:
        # Nearly every command finds a database that is up to date: Alembic would double its start.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", "newsletter.ledger:migrations")
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise LedgerError(
                f"made by a newer newsletter program (schema {_schema_version(connection)}); "
                "use that one",
                where=str(self.file),
            ) from error

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """The one place where a database's failure becomes a `LedgerError`."""
        try:
            yield
        except (DataError, IntegrityError, ProgrammingError):
            raise
        except DatabaseError as error:
            words = str(error.orig)
            raise LedgerError(_ADVICE.get(words, words), where=str(self.file)) from error


def insert_absent(
    connection: Connection, table: Table, rows: Sequence[tuple[str | int | None, ...]]
) -> int:
    """Insert `rows` but those a unique key of `table` already holds; return how many went in.

    A row is the driver's own values in the order of the table's columns, without an id that the
    database numbers; columns it stops short of stay empty. It goes straight to the driver.
    """
    if not rows:
        return 0
    sql = _insert_sql(connection.dialect, table, len(rows[0]))
    return connection.exec_driver_sql(sql, list(rows)).rowcount


@cache
def _insert_sql(dialect: Dialect, table: Table, width: int) -> str:
    insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    numbered = table.autoincrement_column
    columns = [column.name for column in table.columns if column is not numbered]
    statement = insert(table).on_conflict_do_nothing()
    return str(statement.compile(dialect=dialect, column_keys=columns[:width]))


def _schema_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def _absolute(url: str, base: Path) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise LedgerError(f"not a database address: '{url}'") from error
    file = address.database or ":memory:"
    if address.drivername != "sqlite" or file.startswith((":", "file:")):
        shown = address.render_as_string(hide_password=True)
        raise LedgerError(f"'{shown}' cannot be used; write sqlite:///var/newsletter.db")
    waiting = address.query.get("timeout", _BUSY_SECONDS)
    return address.set(database=str(base / file), query={"timeout": waiting})


def _sqlite_engine(address: URL) -> Engine:
    engine = create_engine(address, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(driver: sqlite3.Connection, _record: object) -> None:
        # The driver begins transactions on its own, late and never IMMEDIATE; None stops that.
        driver.isolation_level = None
        for pragma in _PRAGMAS:
            driver.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if statement := connection.get_execution_options().get("begin", "BEGIN"):
            connection.exec_driver_sql(statement)

    return engine
