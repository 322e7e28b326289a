"""PostgreSQL: a server that several machines may share, and that may be away for a while."""

from collections.abc import Sequence
from functools import cache
from typing import Final

from sqlalchemy import URL, Connection, Dialect, Table, create_engine
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from newsletter.errors import LedgerError
from newsletter.ledger.backend import Backend

# A sender whose machine is gone keeps its locks until the server notices, here within a minute.
_SESSION: Final = {
    "lock_timeout": "10s",
    "statement_timeout": "5min",
    "idle_in_transaction_session_timeout": "1min",
    "idle_session_timeout": "0",
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
_CONNECT: Final = {
    "connect_timeout": "10",
    "tcp_user_timeout": "30000",
    "application_name": "newsletter",
}
_BUSY: Final = "the database is busy; try again when the other command is done"
# By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
_ADVICE: Final = {
    "25006": "the database may only be read; check its rights",
    "25P03": "the connection was idle for too long; try again",
    "40P01": _BUSY,
    "42501": "the database's user lacks the rights for this",
    "53100": "the disk is full; make room and try again",
    "53300": "the server takes no more connections; try again later",
    "55P03": _BUSY,
    "57014": "the server took too long to answer; try again",
    "57P01": "the server was stopped; try again when it runs",
}
_MIGRATING: Final = 0x6E657773  # names the lock of whoever brings the tables up to date


def open_postgresql(address: URL) -> Backend:
    """The database at `address`, not yet connected to.

    What its query says goes before our own settings. A connection that broke while nobody used it
    is replaced unnoticed. Raises `LedgerError` without the driver or for a wrong query.
    """
    where = without_secrets(address)
    settings = " ".join(f"-c {name}={value}" for name, value in _SESSION.items())
    given = address.query
    options = f"{settings} {given.get('options', '')}".rstrip()
    try:
        engine = create_engine(
            address.set(query={**_CONNECT, **given, "options": options}),
            hide_parameters=True,
            pool_pre_ping=True,
        )
        from psycopg import ProgrammingError as BadOption  # noqa: PLC0415 - an optional package
        from psycopg.conninfo import make_conninfo  # noqa: PLC0415
    except ImportError as error:
        raise LedgerError(
            "PostgreSQL needs the driver psycopg: pip install 'newsletter[postgresql]'", where=where
        ) from error
    try:
        make_conninfo(**dict.fromkeys(address.query, ""))
    except BadOption as error:
        raise LedgerError(_one_line(error), where=where) from error
    reading = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    return Backend(reading, engine, _explain, where=where)


def without_secrets(address: URL) -> str:
    """An address to show: its query, too, may hold a password."""
    return address.set(query={}).render_as_string(hide_password=True)


def begin_migration(connection: Connection) -> None:
    """Wait for whoever else migrates; raises `LedgerError` unless texts are UTF-8."""
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATING})")
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise LedgerError(
            f"made for texts in {encoding}; make one for UTF8",
            where=without_secrets(connection.engine.url),
        )


def insert_all(
    connection: Connection, table: Table, rows: Sequence[tuple[str | int | None, ...]]
) -> int:
    """Insert the rows that break no unique key, in one statement; return how many."""
    sql = _insert_sql(connection.dialect, table, len(rows[0]))
    columns = tuple(map(list, zip(*rows, strict=True)))
    return connection.exec_driver_sql(sql, columns).rowcount


@cache
def insert_from_arrays(
    dialect: Dialect, table: Table, alike: tuple[str, ...], names: tuple[str, ...]
) -> str:
    """What inserts columns of texts: a parameter for each that is alike, then an array for each."""
    marks = ", ".join(f"%s::{table.c[name].type.compile(dialect)}" for name in alike)
    arrays = ", ".join("%s::text[]" for _ in names)
    return (
        f"INSERT INTO {table.name} ({', '.join((*alike, *names))}) "  # noqa: S608 - ours
        f"SELECT {marks}, each.* FROM unnest({arrays}) AS each ON CONFLICT DO NOTHING"
    )


@cache
def _insert_sql(dialect: Dialect, table: Table, width: int) -> str:
    """An array for each column: several times as quick as a statement for each row."""
    numbered = table.autoincrement_column
    columns = [column for column in table.columns if column is not numbered][:width]
    names = ", ".join(column.name for column in columns)
    arrays = ", ".join(_array(column.type.compile(dialect)) for column in columns)
    return (
        f"INSERT INTO {table.name} ({names}) SELECT * FROM unnest({arrays}) "  # noqa: S608 - ours
        "ON CONFLICT DO NOTHING"
    )


def _array(kind: str) -> str:
    """A parameter of numbers or of words, which then take the column's own type."""
    return "%s::bigint[]" if "INT" in kind else "%s::text[]"


def _explain(error: DatabaseError) -> str | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    if advice := _ADVICE.get(state):
        return advice
    if isinstance(error, (DataError, IntegrityError, ProgrammingError)):
        return None
    return _one_line(error.orig or error)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
