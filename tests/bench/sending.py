"""The whole `newsletter send` by SendGrid, against a program that only builds and posts.

That one has the subscribers in memory and the content rendered. It makes what each of them gets
(an id, two signed links, a greeting) with the standard library, has json write it and posts it over
one kept-alive connection: no database, no promise, no record.
"""

import hmac
import json
import os
import re
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_DNS, UUID, uuid5

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
_SITE = "https://digest.example"
_LIST: Final = uuid5(NAMESPACE_DNS, "digest.example")
_KEYS = {
    "unsubscribe": b"signs links to leave".ljust(32),
    "preferences": b"to change topics".ljust(32),
}
_HEADERS = {"Authorization": "Bearer SG.bench", "Content-Type": "application/json"}


def measures() -> Iterator[Measure]:
    with TemporaryDirectory(dir=world.ROOT) as place:
        folder, bodies = Path(place, "newsletter"), Path(place, "bodies")
        make_newsletter(folder, READERS)
        bodies.mkdir()
        with sink(bodies) as port:
            send(folder, port)
        with sink() as port:
            people = _people(bodies)
            pairs = [(send(folder, port).seconds, _post(people, port)) for _ in range(RUNS)]
    taken, bare = (min(column) for column in zip(*pairs, strict=True))
    rate = f"{READERS / taken:,.0f} recipients/s in {duration(taken)}"
    yield Measure(
        "send to SendGrid / build with json and post", bare / taken, 0.4, rate, at_least=True
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


class _Reader(NamedTuple):
    """What a program would have of a subscriber."""

    id: str  # of 32 hexadecimal digits
    email: str
    name: str


def _people(bodies: Path) -> list[tuple[dict[str, Any], list[_Reader]]]:
    """The requests that were kept, each without its recipients, and those."""
    requests = []
    for file in sorted(bodies.iterdir()):
        document = json.loads(file.read_bytes())
        document["tags"] = list(document["personalizations"][0]["substitutions"])
        readers = [
            _Reader(UUID(each["custom_args"]["delivery_id"]).hex, to["email"], to.get("name", ""))
            for each in document.pop("personalizations")
            for to in each["to"]
        ]
        requests.append((document, readers))
    return requests


def _post(people: list[tuple[dict[str, Any], list[_Reader]]], port: int) -> float:
    """The seconds that building the bodies and giving them in takes, one after the other."""
    connection = HTTPConnection("127.0.0.1", port)
    begun = perf_counter()
    for document, readers in people:
        body = {name: value for name, value in document.items() if name != "tags"}
        body["personalizations"] = [_personalization(document["tags"], each) for each in readers]
        connection.request("POST", "/v3/mail/send", json.dumps(body).encode(), _HEADERS)
        assert connection.getresponse().read() == b""
    taken = perf_counter() - begun
    connection.close()
    return taken


def _personalization(tags: list[str], reader: _Reader) -> dict[str, Any]:
    delivery_id = str(uuid5(_LIST, f"{world.MONTH}/{reader.id}"))
    urls = [f"{_SITE}/{purpose}/{_token(key, reader.id)}" for purpose, key in _KEYS.items()]
    values = [f"Dear {reader.name}," if reader.name else "Dear reader,", *urls]
    return {
        "to": [{"email": reader.email, "name": reader.name}],
        "substitutions": dict(zip(tags, [*values, *values], strict=True)),
        "headers": {
            "Message-ID": f"<{delivery_id}@digest.example>",
            "List-Unsubscribe": f"<{urls[0]}>",
        },
        "custom_args": {"delivery_id": delivery_id},
    }


def _token(key: bytes, subscriber_id: str) -> str:
    packed = urlsafe_b64encode(bytes.fromhex(subscriber_id)).rstrip(b"=")
    signature = urlsafe_b64encode(hmac.digest(key, packed, "sha256")).rstrip(b"=")
    return f"{packed.decode()}.{signature.decode()}"


if __name__ == "__main__":
    for measure in measures():
        print(measure)
