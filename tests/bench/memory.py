"""Memory of a whole send: the same for 5,000 subscribers and for 200,000."""

import json
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from newsletter.ledger.database import Database
from newsletter.ledger.ledger import Ledger
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Message
from newsletter.personalise.keys import AddressDigests
from newsletter.pipeline import Pipeline
from newsletter.subscriptions import Subscriptions
from newsletter.transports.base import Appointment, Note
from tests.bench import world
from tests.bench.harness import Measure
from tests.bench.imports import write_people

FEW, MANY = 5_000, 200_000


def _no_digests() -> AddressDigests:
    return AddressDigests(["a key for the benches"])


class Nowhere:
    """A way out that makes each message and keeps none, as 200,000 files would be 10 GB."""

    name = "nowhere"
    parallel = 1
    in_hand = 1000
    needs_notes = False
    head_start = timedelta()

    def send(
        self,
        messages: Iterable[Message],
        commit: Callable[[str], None] | None = None,
        appointment: Appointment | None = None,
        note: Note | None = None,
    ) -> Iterator[Receipt]:
        del commit, appointment, note
        for message in messages:
            message.to_bytes()
            yield Receipt(message.personalisation.delivery_id, Outcome.ACCEPTED)

    def can_repeat(self, provider_batch_id: str | None) -> bool:
        return provider_batch_id is None

    def hurry(self) -> None:
        """Nobody is waited for."""

    def close(self) -> None:
        """Nothing is open."""


def measures() -> Iterator[Measure]:
    few, many = (_peak(number) for number in (FEW, MANY))
    name = f"peak memory, {MANY:,} / {FEW:,} subscribers"
    # The database's page cache, 16 MiB for writing, is what grows, and is full before the end.
    yield Measure(name, many / few, 1.6, f"{many / 1024:.0f} MB and {few / 1024:.0f} MB")


def _peak(number: int) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.memory", str(number)],
        cwd=world.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout))


def _send_to(number: int) -> int:
    """Import and send, as the commands do; gives the peak memory in KB."""
    with TemporaryDirectory(dir=world.ROOT) as folder:
        people = Path(folder, "people.csv")
        write_people(people, number)
        database = Database.open(f"sqlite:///{folder}/ledger.db", base=Path(folder))
        ledger = Ledger.of(database)
        desk = world.desk()
        desk.folders = replace(desk.folders, archive=Path(folder, "archive"))
        Subscriptions(ledger, desk.taxonomy, _no_digests).import_file(
            people, "people.csv", report=print
        )
        pipeline = Pipeline(
            desk,
            open_ledger=lambda: ledger,
            open_links=world.links,
            open_transport=Nowhere,
        )
        report = pipeline.send(pipeline.sendable(world.MONTH))
        assert report.accepted == number
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(_send_to(int(sys.argv[1])))
