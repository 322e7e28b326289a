"""The plan of a million subscribers against a bare insert of the same rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from newsletter.config import load_config
from newsletter.wiring import open_pipeline
from tests.bench import world
from tests.bench.harness import Measure, duration
from tests.bench.sending import ENVIRON, make_newsletter

READERS = 1_000_000
_COLUMNS = "id TEXT PRIMARY KEY, month, subscriber_id, batch_id, status, reason, attempts, updated"


def measures() -> Iterator[Measure]:
    with TemporaryDirectory(dir=world.ROOT) as place:
        folder = Path(place, "newsletter")
        make_newsletter(folder, READERS)
        planned, bare = _plan(folder), _insert(folder)
    name = f"plan of {READERS:,} / bare insert with their ids as key"
    yield Measure(name, planned / bare, 4, duration(planned))


def _plan(folder: Path) -> float:
    """The seconds of all that a send writes down before the first message leaves."""
    pipeline = open_pipeline(load_config(folder / "config.toml", ENVIRON))
    issue = pipeline.sendable(world.MONTH)
    pipeline.control.freeze(issue)
    begun = perf_counter()
    written = pipeline.ledger.deliveries.plan(
        world.MONTH,
        pipeline._promises(issue),  # noqa: SLF001 - without what follows in a send
        now=world.NOW,
    )
    assert written == READERS
    return perf_counter() - begun


def _insert(folder: Path) -> float:
    """The seconds of the same rows in the same file, in one transaction and one statement."""
    with closing(sqlite3.connect(folder / "var/newsletter.db")) as database:
        database.execute("PRAGMA synchronous = FULL")
        rows = database.execute("SELECT * FROM deliveries ORDER BY rowid").fetchall()
        database.execute(f"CREATE TABLE bare ({_COLUMNS})")
        begun = perf_counter()
        database.executemany("INSERT INTO bare VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.commit()
        return perf_counter() - begun


if __name__ == "__main__":
    for measure in measures():
        print(measure)
