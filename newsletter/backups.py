"""Copies of a newsletter's database: to keep, and to rehearse on."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from newsletter.errors import LedgerError
from newsletter.ledger.copying import copy_file, copy_rows, sqlite_file
from newsletter.ledger.database import Database
from newsletter.ledger.restoration import mark_as_backup
from newsletter.settings import Config


def back_up_ledger(config: Config, to: Path) -> None:
    """Write a backup of the database into a new file; put back, it is known as one.

    Raises LedgerError where a server has the database, there is none, or it cannot be read.
    """
    if _file(config) is None:
        raise LedgerError(
            "a server has the database, and a tool of its own for this: pg_dump "
            "--format=custom --file=FILE DATABASE"
        )
    new = to.with_name(f".{to.name}.new")
    new.unlink(missing_ok=True)
    try:
        copy_ledger(config, new)
    except LedgerError as error:
        raise LedgerError(error.what, where=error.where.replace(str(new), str(to))) from error
    mark_as_backup(new, datetime.now(UTC))
    new.rename(to)


def has_ledger(config: Config) -> bool:
    """Whether there is a database; one on a server is taken to be."""
    file = _file(config)
    return file is None or file.exists()


def copy_ledger(config: Config, to: Path) -> None:
    """Write the database as it is at this moment into a new file of SQLite.

    Raises LedgerError where there is none, or it cannot be read.
    """
    base = config.path.absolute().parent
    if file := _file(config):
        copy_file(file, to)
        return
    with (
        closing(Database.open(config.database.url, base=base)) as database,
        closing(Database.open(f"sqlite:///{to}", base=base)) as copy,
    ):
        copy_rows(database, copy)


def _file(config: Config) -> Path | None:
    return sqlite_file(config.database.url, base=config.path.absolute().parent)
