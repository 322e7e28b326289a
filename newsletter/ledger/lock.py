"""Who is alive: each sender holds a lock under its owner's name for as long as it lives.

The operating system or the database's server lets go of it when the process ends, however that
comes about.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from newsletter.errors import LedgerError
from newsletter.ledger.database import Database

BEGUN: Final = ".new"  # the suffix of a file before it is whole


class OwnerLocks:
    """The locks of a database's senders: beside an SQLite file, or in PostgreSQL itself."""

    def __init__(self, database: Database) -> None:
        self._locks: _FileLocks | _ServerLocks = (
            _FileLocks(database.senders) if database.file else _ServerLocks(database)
        )

    @contextmanager
    def hold(self, owner: str) -> Iterator[None]:
        """Be known as alive under `owner`, a name used once, until the end of the block.

        Raises `LedgerError` where the lock cannot be had, or `owner` is alive already.
        """
        with self._locks.hold(owner):
            yield

    @contextmanager
    def elect(self, office: str) -> Iterator[bool]:
        """Hold `office`, which one at a time may hold, until the end of the block; or False.

        Raises `LedgerError` where that cannot be known.
        """
        with self._locks.elect(office) as is_elected:
            yield is_elected

    def is_alive(self, owner: str) -> bool:
        """Whether somebody holds `owner`'s lock; what a dead one left is removed.

        Raises `LedgerError` where that cannot be known.
        """
        return self._locks.is_alive(owner)


class _FileLocks:
    """A file for each sender, locked with `flock`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, owner: str) -> Iterator[None]:
        file = self._file(owner)
        if self.is_alive(owner):
            raise _taken(owner)
        with _locked(file):
            try:
                yield
            finally:
                file.unlink(missing_ok=True)

    @contextmanager
    def elect(self, office: str) -> Iterator[bool]:
        # Never removed: who locks a file that has lost its name locks nobody out.
        file = self._folder / f"{quote(office, safe='')}.office"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            lock = file.open("a")
        except OSError as error:
            raise LedgerError(f"cannot be written: {error.strerror}", where=str(file)) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def is_alive(self, owner: str) -> bool:
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


class _ServerLocks:
    """PostgreSQL's advisory locks, each held by a session of its own.

    A session that breaks, as at a restart of the server, loses its lock though its sender lives
    on: others may then take its batches, and their fences keep the sender from writing to them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def hold(self, owner: str) -> Iterator[None]:
        with self.elect(owner) as is_held:
            if not is_held:
                raise _taken(owner)
            yield

    @contextmanager
    def elect(self, office: str) -> Iterator[bool]:
        number = _number(office)
        with self._database.session() as session:
            is_elected = bool(session.scalar(select(func.pg_try_advisory_lock(number))))
            try:
                yield is_elected
            finally:
                if is_elected:  # let go at once: the server is slow to see that a session ends
                    with suppress(DBAPIError):
                        session.scalar(select(func.pg_advisory_unlock(number)))

    def is_alive(self, owner: str) -> bool:
        # Shared, so that two who ask at once do not take each other for the owner.
        ask = select(func.pg_try_advisory_xact_lock_shared(_number(owner)))
        with self._database.write() as connection:
            return not connection.scalar(ask)


def _number(owner: str) -> int:
    """64 bits with a sign, as PostgreSQL names its locks."""
    digest = blake2b(owner.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def _taken(owner: str) -> LedgerError:
    return LedgerError(f"another sender is called '{owner}'")


def _locked(file: Path) -> BinaryIO:
    try:
        return open_locked(file)
    except OSError as error:
        raise LedgerError(f"cannot be written: {error.strerror}", where=str(file)) from error


def open_locked(path: Path, content: bytes = b"") -> BinaryIO:
    """The file, written and locked before it has its name, so that nobody sees it otherwise.

    Raises OSError, and may then leave what it began under its other suffix, `BEGUN`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    nameless = path.with_suffix(BEGUN)
    file = nameless.open("w+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(content)
        file.flush()
        nameless.replace(path)
    except OSError:
        with suppress(OSError):  # it writes once more what it could not
            file.close()
        raise
    return file
