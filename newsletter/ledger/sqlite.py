"""SQLite: one file, one writer at a time."""

import sqlite3
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, ProgrammingError

from newsletter.errors import LedgerError
from newsletter.ledger.backend import Backend

# An erased address must be gone from the file's free space too, hence secure_delete. The log, 80
# MiB, holds much of the index of a million delivery ids, which are written in random order: a page
# seldom goes to the file twice.
_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",
    "wal_autocheckpoint = 20000",
)
_BUSY_SECONDS: Final = "10"

_ADVICE: Final = {
    "database is locked": "the database is busy; try again when the other command is done",
    "database or disk is full": "the disk is full; make room and try again",
    # What is shared by all who use the database takes a little room even to read.
    "disk I/O error": "the disk is full, or it fails; make room and try again",
    "attempt to write a readonly database": "the database may only be read; check its rights",
    "unable to open database file": "the database cannot be opened; check the path and its rights",
    "file is not a database": "this file is not a database",
    "database disk image is malformed": "the database is damaged; restore a backup",
}


def open_sqlite(address: URL, base: Path) -> Backend:
    """The file of `address`, its folder made; a relative one lies in `base`."""
    file = base / str(address.database)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerError(
            f"this folder cannot be made: {error.strerror}", where=str(file.parent)
        ) from error
    waiting = address.query.get("timeout", _BUSY_SECONDS)
    address = address.set(database=str(file), query={"timeout": waiting})
    # A cache is one connection's own, and void when another has written. So one writes for all of
    # us, with a large cache; those that read, of which a send has several, get little.
    reading = _engine(address, "BEGIN", cache=4)
    writing = _engine(address, "BEGIN IMMEDIATE", cache=16)
    return Backend(reading, writing, _explain, where=str(file), file=file)


def empty_log(engine: Engine) -> bool:
    """Empty the write-ahead log, which still holds what was just deleted.

    Waits for whoever reads or writes; False where they take too long and the log stays.
    """
    with engine.execution_options(begins=False).connect() as connection:
        is_busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    return not is_busy


@cache
def insert_from_json(table: Table, alike: tuple[str, ...], names: tuple[str, ...]) -> str:
    """What inserts a JSON array of rows: a parameter for each column that is alike, then that."""
    columns = ", ".join((*alike, *names))
    marks = "?, " * len(alike)
    cells = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(names)))
    return (
        f"INSERT INTO {table.name} ({columns}) SELECT {marks}{cells} "  # noqa: S608 - ours
        "FROM json_each(?) WHERE true ON CONFLICT DO NOTHING"
    )


def _explain(error: DatabaseError) -> str | None:
    if isinstance(error, (DataError, IntegrityError, ProgrammingError)):
        return None
    words = str(error.orig)
    return _ADVICE.get(words, words)


def _engine(address: URL, begin: str, *, cache: int) -> Engine:
    """Connections with a cache of so many MiB each, whose transactions begin like that."""
    engine = create_engine(address, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def prepare(driver: sqlite3.Connection, _record: object) -> None:
        # The driver begins transactions on its own, late and never IMMEDIATE; None stops that.
        driver.isolation_level = None
        for pragma in (*_PRAGMAS, f"cache_size = -{cache * 1024}"):
            driver.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin_so(connection: Connection) -> None:
        if connection.get_execution_options().get("begins", True):
            connection.exec_driver_sql(begin)

    return engine
