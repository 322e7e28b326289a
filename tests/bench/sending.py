"""The whole `newsletter send` by SendGrid, against json and one kept-alive connection."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, NamedTuple

from newsletter.ledger.database import Database
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.problem import Problem
from newsletter.sources.subscribers import read_subscribers
from tests.bench import world
from tests.bench.harness import Measure, duration
from tests.bench.imports import write_people

READERS = 100_000
RUNS = 3
_NEWSLETTER = str(Path(sys.executable).with_name("newsletter"))
ENVIRON = {
    **os.environ,
    "NEWSLETTER_SECRET_KEY": "a key for the benches",
    "SENDGRID_API_KEY": "SG.bench",
}
_PARTS = ("substitutions", "headers", "custom_args")
_HEADERS = {"Authorization": "Bearer SG.bench", "Content-Type": "application/json"}


def measures() -> Iterator[Measure]:
    with TemporaryDirectory(dir=world.ROOT) as place:
        folder, bodies = Path(place, "newsletter"), Path(place, "bodies")
        make_newsletter(folder, READERS)
        bodies.mkdir()
        with sink(bodies) as port:
            send(folder, port)
        with sink() as port:
            pairs = [(send(folder, port).seconds, _post(bodies, port)) for _ in range(RUNS)]
    taken, bare = (min(column) for column in zip(*pairs, strict=True))
    rate = f"{READERS / taken:,.0f} recipients/s in {duration(taken)}"
    yield Measure(
        "send to SendGrid / json + one connection", bare / taken, 0.4, rate, at_least=True
    )


class Sent(NamedTuple):
    """What one `send` took of time and, at its peak, of memory."""

    seconds: float
    megabytes: float


def make_newsletter(folder: Path, readers: int) -> None:
    """A newsletter's folder with so many subscribers, to be sent by SendGrid."""
    subprocess.run([_NEWSLETTER, "init", str(folder)], stdout=subprocess.DEVNULL, check=True)
    people = folder / "people.csv"
    write_people(people, readers)
    database = Database.open("sqlite:///var/newsletter.db", base=folder)
    rows = read_subscribers(people, people.name, world.desk().taxonomy)
    counts = Subscribers(database).import_rows(
        (row for row in rows if not isinstance(row, Problem)), now=world.NOW, is_erased=None
    )
    assert counts.added == readers
    database.close()
    people.unlink()


@contextmanager
def sink(keep: Path | None = None) -> Iterator[int]:
    """The port of what takes SendGrid's place."""
    command = [sys.executable, "-m", "tests.bench.api_sink", *([str(keep)] if keep else [])]
    with subprocess.Popen(command, cwd=world.ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def send(folder: Path, port: int) -> Sent:
    """One `send` of the November issue, to people who have not got it, in a copy of the folder."""
    with TemporaryDirectory(dir=folder.parent) as place:
        fresh = Path(place, "newsletter")
        shutil.copytree(folder, fresh)
        config = fresh / "config.toml"
        written = re.sub(r'use = "outbox"', 'use = "sendgrid"', config.read_text("utf-8"))
        base_url = f'\n[transport.sendgrid]\nbase_url = "http://127.0.0.1:{port}"\n'
        config.write_text(written.replace("\n[transport.sendgrid]\n", base_url), "utf-8")
        os.sync()
        command = [_NEWSLETTER, "send", world.MONTH, "--yes"]
        begun = perf_counter()
        with subprocess.Popen(
            command, cwd=fresh, env=ENVIRON, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return Sent(perf_counter() - begun, usage.ru_maxrss / 1024)


def _post(bodies: Path, port: int) -> float:
    """The seconds that building the same bodies and giving them in takes, one after the other."""
    taken = 0.0
    connection = HTTPConnection("127.0.0.1", port)
    for file in sorted(bodies.iterdir()):
        document = json.loads(file.read_bytes())
        people = document["personalizations"]
        shape = people[0]
        rows = [
            (each["to"], *chain.from_iterable(each[part].values() for part in _PARTS))
            for each in people
        ]
        begun = perf_counter()
        document["personalizations"] = [_personalization(shape, *row) for row in rows]
        connection.request("POST", "/v3/mail/send", json.dumps(document).encode(), _HEADERS)
        assert connection.getresponse().read() == b""
        taken += perf_counter() - begun
    connection.close()
    return taken


def _personalization(shape: dict[str, Any], to: list[Any], *values: str) -> dict[str, Any]:
    """As a program without a template of its own would build it."""
    rest = iter(values)
    return {
        "to": [dict(to[0])],
        **{part: dict(zip(shape[part], rest, strict=False)) for part in _PARTS},
    }


if __name__ == "__main__":
    for measure in measures():
        print(measure)
