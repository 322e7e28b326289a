"""The memory of the whole `newsletter send` to a million subscribers by SendGrid."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench import world
from tests.bench.harness import Measure, duration
from tests.bench.sending import make_newsletter, send, sink

READERS = 1_000_000


def measures() -> Iterator[Measure]:
    with TemporaryDirectory(dir=world.ROOT) as place, sink() as port:
        folder = Path(place, "newsletter")
        make_newsletter(folder, READERS)
        sent = send(folder, port)
    name = f"peak memory of a send to {READERS:,}, in MB"
    yield Measure(name, sent.megabytes, 200, duration(sent.seconds))
