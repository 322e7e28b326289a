"""An import of 100,000 people against csv.reader and a bare insert of the same rows.

Once in our own columns and once as Mailchimp exports them.
"""

import csv
import random
import sqlite3
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from newsletter.ledger.database import Database
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.problem import Problem
from newsletter.sources.subscribers import read_subscribers
from tests.bench import world
from tests.bench.harness import Measure, duration, interleaved

ROWS = 100_000
COLUMNS = "email,name,topics,language,status,consent_at,consent_source"
MAILCHIMP_COLUMNS = (
    "Email Address",
    "First Name",
    "Last Name",
    "MEMBER_RATING",
    "OPTIN_TIME",
    "OPTIN_IP",
    "CONFIRM_TIME",
    "CONFIRM_IP",
    "LATITUDE",
    "LONGITUDE",
    "GMTOFF",
    "DSTOFF",
    "TIMEZONE",
    "CC",
    "REGION",
    "LAST_CHANGED",
    "LEID",
    "EUID",
    "NOTES",
    "TAGS",
)


def write_people(path: Path, number: int) -> None:
    """A list of made-up people, half of whom chose topics."""
    chance = random.Random(1)  # noqa: S311 - the same people every time
    topics = list(world.desk().taxonomy.topics)
    with path.open("w", encoding="utf-8") as file:
        file.write(f"{COLUMNS}\n")
        for n in range(number):
            chosen = ";".join(chance.sample(topics, chance.choice((0, 0, 1, 3))))
            language = ("en", "fr", "")[n % 3]
            file.write(
                f"person{n}@list{n % 97}.example,Person Number {n},{chosen},{language},"
                "confirmed,2021-03-04T10:00:00-05:00,sign-up form\n"
            )


def write_mailchimp(path: Path, number: int) -> None:
    """The same people as Mailchimp exports an audience, a fifth of the columns of use to us."""
    chance = random.Random(1)  # noqa: S311 - the same people every time
    topics = list(world.desk().taxonomy.topics.values())
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(MAILCHIMP_COLUMNS)
        for n in range(number):
            chosen = ",".join(f'"{tag}"' for tag in chance.sample(topics, chance.choice((0, 1, 3))))
            row = dict.fromkeys(MAILCHIMP_COLUMNS, "")
            row |= {
                "Email Address": f"person{n}@list{n % 97}.example",
                "First Name": "Person",
                "Last Name": f"Number {n}",
                "OPTIN_TIME": "2021-03-04 15:00:00",
                "LEID": str(n),
                "EUID": "0f3a",
                "TAGS": chosen,
            }
            rows.writerow(row.values())


def measures() -> Iterator[Measure]:
    yield _measure(f"import of {ROWS:,} rows / csv.reader + bare insert", write_people)
    yield _measure(f"import of {ROWS:,} Mailchimp rows / the same", write_mailchimp)


def _measure(name: str, write: Callable[[Path, int], None]) -> Measure:
    with TemporaryDirectory(dir=world.ROOT) as folder:
        people = Path(folder, "people.csv")
        write(people, ROWS)
        numbers = count()

        def ours() -> None:
            name = f"sqlite:///{folder}/ours{next(numbers)}.db"
            database = Database.open(name, base=Path(folder))
            rows = (
                row
                for row in read_subscribers(people, "people.csv", world.desk().taxonomy)
                if not isinstance(row, Problem)
            )
            counts = Subscribers(database).import_rows(rows, now=world.NOW, is_erased=None)
            assert counts.added == ROWS
            database.close()

        def bare() -> None:
            database = sqlite3.connect(Path(folder, f"bare{next(numbers)}.db"))
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            with people.open(encoding="utf-8", newline="") as file:
                rows = csv.reader(file)
                columns = [f'"{column}"' for column in next(rows)]
                database.execute(f"CREATE TABLE people ({', '.join(columns)})")
                places = ", ".join("?" * len(columns))
                database.executemany(f"INSERT INTO people VALUES ({places})", rows)  # noqa: S608
            database.commit()
            database.close()

        taken, raw = interleaved(ours, bare, runs=3)
    return Measure(name, taken / raw, 5, duration(taken))
