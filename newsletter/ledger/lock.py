"""Who is alive: each sender holds a lock under its owner's name for as long as it lives.

The operating system lets go of it when the process ends, however that comes about.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from newsletter.errors import LedgerError
from newsletter.ledger.database import Database


class OwnerLocks:
    """The locks of a database's senders: files beside it, locked with `flock`."""

    def __init__(self, database: Database) -> None:
        self._folder = database.file.with_name(f"{database.file.name}-senders")

    @contextmanager
    def hold(self, owner: str) -> Iterator[None]:
        """Be known as alive under `owner`, a name used once, until the end of the block.

        Raises `LedgerError` where the lock cannot be written, or `owner` is alive already.
        """
        file = self._file(owner)
        if self.is_alive(owner):
            raise LedgerError(f"another sender is called '{owner}'", where=str(file))
        with _locked(file):
            try:
                yield
            finally:
                file.unlink(missing_ok=True)

    def is_alive(self, owner: str) -> bool:
        """Whether somebody holds `owner`'s lock; what a dead one left is removed.

        Raises `LedgerError` where that cannot be known.
        """
        file = self._file(owner)
        try:
            with file.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                file.unlink(missing_ok=True)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        except OSError as error:
            raise LedgerError(f"cannot be read: {error.strerror}", where=str(file)) from error
        return False

    def _file(self, owner: str) -> Path:
        return self._folder / f"{quote(owner, safe='')}.lock"


def _locked(file: Path) -> TextIO:
    """`file`, open and locked; locked before it has its name, so that nobody sees it unlocked."""
    nameless = file.with_suffix(".new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = nameless.open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        nameless.replace(file)
    except OSError as error:
        raise LedgerError(f"cannot be written: {error.strerror}", where=str(file)) from error
    return lock
