"""A newsletter's folder with many readers, and senders in processes that may be killed."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from secrets import token_hex
from typing import Final

from sqlalchemy import create_engine, make_url, select, text

from newsletter.cli.main import main
from newsletter.ledger.database import Database
from newsletter.ledger.tables import deliveries
from newsletter.model.delivery import DeliveryStatus

MONTH: Final = "2022-11"
_SQLITE: Final = "sqlite:///var/newsletter.db"
_TOPICS: Final = ("alliance", "common-factors", "efficacy", "trauma")

# One process imports the program and forks for each command: a hundred senders start in the time
# of one.
_processes: Final = get_context("forkserver")
_processes.set_forkserver_preload(
    [
        __name__,
        *("newsletter.cli.issues", "newsletter.cli.folder", "newsletter.cli.subscribers"),
        *(
            "newsletter.wiring",
            "newsletter.transports.smtp.transport",
            "newsletter.transports.sendgrid.transport",
        ),
    ]
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Where one delivery stands in the ledger, and why."""

    status: DeliveryStatus
    reason: str


class World:
    """One issue, its readers and the ledger at `database`; what commands say goes into a log."""

    def __init__(self, folder: Path, database: str, environ: Mapping[str, str]) -> None:
        self._folder = folder / "digest"
        self._log = folder / "log"
        self._environ = {
            "NEWSLETTER_SECRET_KEY": "a key for the tests",
            "NEWSLETTER_DEBUG": "1",
            **environ,
        }
        self._url = database
        self._database: Database | None = None

    def found(self, settings: Mapping[str, str], readers: int, chance: Random) -> None:
        """Make the folder with other `settings` and import readers of all sorts."""
        self._run(self._folder.parent, "init", self._folder.name)
        config = self._folder / "config.toml"
        words = config.read_text("utf-8")
        for old, new in {_SQLITE: self._url, **settings}.items():
            assert old in words
            words = words.replace(old, new)
        config.write_text(words, "utf-8")
        rows = (
            f"reader-{n}@reader.example,{topics},{chance.choice(('en', 'fr'))}"
            for n, topics in enumerate(_choices(readers, chance))
        )
        lines = "\n".join(("email,topics,language", *rows, ""))
        (self._folder / "readers.csv").write_text(lines, "utf-8")
        self._run(self._folder, "subscribers", "import", "readers.csv")
        self._database = Database.open(self._url, base=self._folder)

    def close(self) -> None:
        """Leave the ledger."""
        if self._database:
            self._database.close()

    @property
    def outbox(self) -> Path:
        """Where the outbox keeps what it took."""
        return self._folder / "var/outbox/new"

    @property
    def log(self) -> str:
        """What all commands have said, the killed ones included."""
        return self._log.read_text("utf-8")

    def start_sending(self) -> ForkServerProcess:
        """`newsletter send`, in a process of its own."""
        return self._start(self._folder, "send", MONTH, "--yes")

    def entries(self) -> dict[str, Entry]:
        """What the ledger says of each delivery."""
        statement = select(deliveries.c.id, deliveries.c.status, deliveries.c.reason)
        assert self._database
        with self._database.read() as connection:
            found = connection.execute(statement.where(deliveries.c.month == MONTH)).all()
        return {delivery_id: Entry(status, reason) for delivery_id, status, reason in found}

    def in_flight(self) -> set[str]:
        """What some sender has in hand, alive or dead."""
        found = self.entries().items()
        return {key for key, entry in found if entry.status is DeliveryStatus.SENDING}

    def _run(self, folder: Path, *arguments: str) -> None:
        process = self._start(folder, *arguments)
        process.join()
        assert process.exitcode == 0, self.log

    def _start(self, folder: Path, *arguments: str) -> ForkServerProcess:
        process = _processes.Process(
            target=_obey, args=(folder, self._log, self._environ, arguments), daemon=True
        )
        process.start()
        return process


def _obey(folder: Path, log: Path, environ: Mapping[str, str], arguments: tuple[str, ...]) -> None:
    """Be the command `newsletter`."""
    said = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.chdir(folder)
    os.environ.update(environ)
    sys.exit(main(arguments))


def _choices(readers: int, chance: Random) -> Iterator[str]:
    for _ in range(readers):
        yield ";".join(topic for topic in _TOPICS if chance.random() < 0.5)


@contextmanager
def fresh_database(server: str | None) -> Iterator[str]:
    """The address of an empty database: a file, or one at a PostgreSQL server."""
    if server is None:
        yield _SQLITE
        return
    name = f"chaos_{token_hex(6)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()
