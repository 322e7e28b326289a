"""Copies of a whole database, made while others go on using it."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from sqlalchemy import insert, make_url, select

from newsletter.errors import LedgerError
from newsletter.ledger.database import Database
from newsletter.ledger.tables import metadata

_PIECE: Final = 5000


def sqlite_file(url: str, *, base: Path) -> Path | None:
    """The file that SQLite keeps the database of `url` in; nothing where a server has it."""
    address = make_url(url)
    return base / str(address.database) if address.get_backend_name() == "sqlite" else None


def copy_file(file: Path, to: Path) -> None:
    """Write the SQLite database in `file`, as it is at this moment, into a new file.

    Others may write meanwhile. What was erased is not in the copy, which only its owner may read.
    Raises LedgerError where there is no database or the copy cannot be written whole.
    """
    if not file.is_file():
        raise LedgerError("there is no database yet", where=str(file))
    try:
        os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        # Not for reading alone: who is the last to leave clears the log away.
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)) as database:
            database.execute("VACUUM INTO ?", (str(to),)).close()
        _sync(to)
    except OSError as error:
        raise LedgerError(f"cannot be written: {error.strerror}", where=str(to)) from error
    except sqlite3.Error as error:
        to.unlink(missing_ok=True)
        raise LedgerError(f"cannot be copied: {error}", where=str(file)) from error


def copy_rows(source: Database, target: Database) -> None:
    """Write every row of `source`, as they are at one moment, into an empty database."""
    with source.read() as there, target.write() as here:
        for table in metadata.sorted_tables:
            rows = there.execution_options(yield_per=_PIECE).execute(select(table)).mappings()
            for piece in rows.partitions():
                here.execute(insert(table), [dict(row) for row in piece])


def _sync(file: Path) -> None:
    for path in (file, file.parent):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
