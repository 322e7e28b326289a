"""The database: opened, brought up to date and spoken to; what fails becomes one clear line."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Final, Self
from weakref import finalize

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    NullPool,
    Row,
    Select,
    Table,
    create_engine,
    func,
    inspect,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import ArgumentError, DatabaseError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from newsletter.errors import LedgerError
from newsletter.ledger.backend import Backend
from newsletter.ledger.postgresql import (
    begin_migration,
    insert_all,
    insert_from_arrays,
    open_postgresql,
    without_secrets,
)
from newsletter.ledger.sqlite import empty_log, insert_from_json, open_sqlite
from newsletter.ledger.tables import SCHEMA_VERSION

_PAGE: Final = 5000

AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]


class Database:
    """The one database of a newsletter; safe to use from several threads.

    Whatever speaks to it raises `LedgerError` where it is busy, full, read-only, damaged or gone.
    """

    def __init__(self, backend: Backend, base: Path) -> None:
        self.file = backend.file  # of SQLite; None for a server
        file = self.file
        # What they leave for each other.
        self.senders = file.with_name(f"{file.name}-senders") if file else base / "var/senders"
        self._where = backend.where
        self._explain = backend.explain
        self._reading = backend.reading
        self._writing = backend.writing
        # SQLite lets one write at a time and has the others look again every so often: our own
        # threads queue up for it instead.
        self._turn = Lock() if backend.file else nullcontext()
        # Whoever forgets to close it has its connections closed when it is gone.
        finalize(self, self._writing.dispose).atexit = False
        finalize(self, self._reading.dispose).atexit = False

    @classmethod
    def open(cls, url: str, *, base: Path) -> Self:
        """The database at `url`: of SQLite made where it is absent; migrated where it is older.

        A relative SQLite file counts from `base`; its `?timeout=SECONDS` sets how long to wait for
        another writer. Raises `LedgerError` for a file that is no database, a server that does
        not answer, a database of a newer program, and any other kind.
        """
        database = cls(_backend(url, base), base)
        try:
            database._bring_up_to_date()
        except LedgerError:
            database.close()
            raise
        return database

    def check(self) -> None:
        """Ask anew, over a connection of its own, whether the database is there and up to date.

        Raises `LedgerError` where it is not.
        """
        if self.file and not self.file.exists():
            raise LedgerError("the database's file is gone; restore a backup", where=self._where)
        alone = create_engine(self._reading.url, poolclass=NullPool, hide_parameters=True)
        with self._plainly(), alone.connect() as connection:
            version = _schema_version(connection)
        if version != SCHEMA_VERSION:
            raise LedgerError(f"of schema {version}, not {SCHEMA_VERSION}", where=self._where)

    def close(self) -> None:
        """Give back every connection."""
        self._reading.dispose()
        self._writing.dispose()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database: that of its first statement."""
        with self._plainly(), self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, committed at the end unless it raises.

        In SQLite nobody writes beside it; a server lets others in, but where rows are locked.
        """
        with self._turn, self._plainly(), self._writing.begin() as connection:
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

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection outside any transaction that ends with the block, and its locks with it."""
        alone = self._writing.execution_options(isolation_level="AUTOCOMMIT")
        with self._plainly():
            connection = alone.connect()
        try:
            yield connection
        finally:
            connection.invalidate()
            connection.close()

    def forget_deleted(self) -> None:
        """Leave nothing of what was just deleted in the files of SQLite.

        A server's own files are its keeper's: it clears them when it vacuums and recycles its log.
        Raises `LedgerError` where others are in the way for too long.
        """
        if not self.file:
            return
        with self._plainly():
            is_empty = empty_log(self._reading)
        if not is_empty:
            raise LedgerError(
                "deleted, but another command is reading and the log may hold it still; "
                "do the same again when that is done",
                where=self._where,
            )

    def _bring_up_to_date(self) -> None:
        with self.read() as connection:
            if _schema_version(connection) == SCHEMA_VERSION:
                return
        with self.write() as connection:
            if _is_postgresql(connection):
                begin_migration(connection)
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
                where=self._where,
            ) from error

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        """The one place where a database's failure becomes a `LedgerError`."""
        try:
            yield
        except DatabaseError as error:
            words = self._explain(error)
            if words is None:
                raise
            raise LedgerError(words, where=self._where) from error
        except PoolTimeout as error:
            words = "too much is asked of the database at once; try again"
            raise LedgerError(words, where=self._where) from error


def insert_absent(
    connection: Connection, table: Table, rows: Sequence[tuple[str | int | None, ...]]
) -> int:
    """Insert `rows` but those a unique key of `table` already holds; return how many went in.

    A row is the driver's own values in the order of the table's columns, without an id that the
    database numbers; columns it stops short of stay empty. It goes straight to the driver.
    """
    if not rows:
        return 0
    if _is_postgresql(connection):
        return insert_all(connection, table, rows)
    sql = _insert_sql(connection.dialect, table, len(rows[0]))
    return connection.exec_driver_sql(sql, list(rows)).rowcount


def insert_alike(
    connection: Connection,
    table: Table,
    alike: Mapping[str, str | int],
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> int:
    """`insert_absent` of rows that differ in the columns `names` alone, which are plain texts.

    In a single step of SQLite, for the same reason as `fetch_at_once`.
    """
    if not rows:
        return 0
    if _is_postgresql(connection):
        sql = insert_from_arrays(connection.dialect, table, tuple(alike), tuple(names))
        told: Iterable[object] = map(list, zip(*rows, strict=True))
    else:
        sql, told = insert_from_json(table, tuple(alike), tuple(names)), [json.dumps(rows)]
    return connection.exec_driver_sql(sql, (*alike.values(), *told)).rowcount


def fetch_at_once(
    connection: Connection, statement: AnySelect, values: Mapping[str, object]
) -> Sequence[Sequence[Any]]:
    """All rows, of plain texts and numbers, in a single step of SQLite.

    Between one step and the next the driver lets other threads go on, which in Python takes up to
    5 ms each time: as one text of JSON a thousand rows come in a hundredth of the time.
    """
    if _is_postgresql(connection):
        return connection.execute(statement, values).all()
    written = connection.scalars(_as_json(statement), values).one()
    rows: list[list[Any]] = json.loads(written)
    return rows


@cache
def _as_json(statement: AnySelect) -> Select[str]:
    return select(func.json_group_array(func.json_array(*statement.subquery().c)))


@cache
def _insert_sql(dialect: Dialect, table: Table, width: int) -> str:
    numbered = table.autoincrement_column
    columns = [column.name for column in table.columns if column is not numbered]
    statement = insert(table).on_conflict_do_nothing()
    return str(statement.compile(dialect=dialect, column_keys=columns[:width]))


def keep_writers_out(connection: Connection, table: Table) -> None:
    """Let nobody else write to `table` before the transaction ends; in SQLite nobody can."""
    if _is_postgresql(connection):
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE")


def await_writers(connection: Connection, table: Table) -> None:
    """Wait for whoever keeps writers out of `table`, before anything is locked that they want."""
    if _is_postgresql(connection):
        connection.exec_driver_sql(f"LOCK TABLE {table.name} IN ROW EXCLUSIVE MODE")


def _is_postgresql(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"


def _schema_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return str(connection.scalar(text("SELECT version_num FROM alembic_version")))


def _backend(url: str, base: Path) -> Backend:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise LedgerError("not a database address; write sqlite:///var/newsletter.db") from error
    if address.drivername == "postgresql+psycopg":
        return open_postgresql(address)
    file = address.database or ":memory:"
    if address.drivername == "sqlite" and not file.startswith((":", "file:")):
        return open_sqlite(address, base)
    shown = without_secrets(address)
    raise LedgerError(f"'{shown}' cannot be used; write sqlite:///var/newsletter.db")
