"""The outbox against a bare loop that writes, syncs and links the same bytes."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from newsletter.model.message import Message
from newsletter.personalise.mime import VariantEncoder
from newsletter.transports.outbox import Outbox
from tests.bench import world
from tests.bench.harness import Measure, interleaved

MESSAGES = 400


def measures() -> Iterator[Measure]:
    rendered = world.rendered()
    encode = VariantEncoder(world.desk().newsletter, rendered).dated(world.NOW)
    messages = [Message(rendered, world.reader(n), encode) for n in range(MESSAGES)]
    contents = [message.to_bytes() for message in messages]
    with TemporaryDirectory(dir=world.ROOT) as folder:
        fresh = (Path(folder, str(number)) for number in range(1000))

        def ours() -> None:
            for _ in Outbox(next(fresh)).send(messages):
                pass

        def bare() -> None:
            place = next(fresh)
            place.mkdir()
            for number, content in enumerate(contents):
                temporary = place / f"{number}.tmp"
                with temporary.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.link(temporary, place / f"{number}.eml")
                temporary.unlink()

        taken, raw = interleaved(ours, bare, runs=5)
    rate = f"{MESSAGES / taken:,.0f} messages/s"
    yield Measure("outbox rate / bare write-fsync-link", raw / taken, 0.5, rate, at_least=True)
