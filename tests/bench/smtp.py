"""A whole sending by SMTP, ledger and all, against Postfix's own `smtp-source`.

Both send messages of some 60 KB to Postfix's `smtp-sink`, which throws them away.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from shutil import which
from socket import create_connection, create_server
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic, perf_counter, sleep

from newsletter.dispatch.dispatcher import Manners, dispatch
from newsletter.ledger.database import Database
from newsletter.ledger.ledger import Ledger
from newsletter.model.delivery import Delivery, DeliveryStatus, PlannedDelivery
from newsletter.model.message import Address, Message, Personalisation
from newsletter.model.subscriber import SubscriberRow
from newsletter.personalise.delivery_id import delivery_id
from newsletter.personalise.mime import VariantEncoder
from newsletter.transports.smtp.relay import Protection, Relay
from newsletter.transports.smtp.transport import Smtp
from tests.bench import world
from tests.bench.harness import Measure, duration

MESSAGES = 3000
RUNS = 5
ROUND_TRIP = 0.02  # seconds
FAR_CONNECTIONS = 50
FAR_MESSAGES = 5000
_SBIN = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/lib/postfix/sbin"


def measures() -> Iterator[Measure]:
    source, sink = (which(name, path=_SBIN) for name in ("smtp-source", "smtp-sink"))
    if source is None or sink is None:
        print("smtp: left out, for want of smtp-source and smtp-sink (Debian: apt install postfix)")
        return
    with _sinking(sink) as port:
        for connections, limit in ((1, 0.6), (4, 0.7)):
            pairs = [
                (_send(port, connections, MESSAGES), _source(source, port, connections))
                for _ in range(RUNS)
            ]
            ours, theirs = (min(column) for column in zip(*pairs, strict=True))
            yield Measure(
                f"SMTP with ledger / smtp-source, connections: {connections}",
                theirs / ours,
                limit,
                f"{MESSAGES / ours:,.0f} messages/s, {_kilobytes()} KB",
                at_least=True,
            )
        with _far_away(port) as far_port:
            taken = min(_send(far_port, FAR_CONNECTIONS, FAR_MESSAGES) for _ in range(2))
    bound = FAR_CONNECTIONS / (2 * ROUND_TRIP)
    yield Measure(
        f"SMTP at {duration(ROUND_TRIP)} / {FAR_CONNECTIONS} connections in 2 round trips",
        FAR_MESSAGES / taken / bound,
        0.75,
        f"{FAR_MESSAGES / taken:,.0f} of {bound:,.0f} messages/s",
        at_least=True,
    )


def _kilobytes() -> int:
    return round(_size() / 1000)


def _size() -> int:
    encode = VariantEncoder(world.desk().newsletter, world.rendered()).dated(world.NOW)
    return sum(map(len, encode(world.reader(1))))


def _send(port: int, connections: int, readers: int) -> float:
    """The seconds from the plan to the last answer on record."""
    with TemporaryDirectory(dir=world.ROOT) as folder:
        database = Database.open("sqlite:///newsletter.db", base=Path(folder))
        ledger = Ledger.of(database)
        people = (f"reader{n}@list.example" for n in range(readers))
        rows = (SubscriberRow(email, email) for email in people)
        ledger.subscribers.import_rows(rows, now=world.NOW, is_erased=None)
        transport = Smtp(
            Relay("127.0.0.1", port, Protection.NONE),
            envelope_sender="bounces+{token}@list.example",
            connections=connections,
            timeout=timedelta(seconds=30),
        )
        os.sync()
        begun = perf_counter()
        _plan_and_dispatch(ledger, transport)
        taken = perf_counter() - begun
        assert ledger.deliveries.counts(world.MONTH) == {DeliveryStatus.ACCEPTED: readers}
        transport.close()
        database.close()
        return taken


def _plan_and_dispatch(ledger: Ledger, transport: Smtp) -> None:
    newsletter, rendered, links = world.desk().newsletter, world.rendered(), world.links()
    encoder = VariantEncoder(newsletter, rendered)

    def write(_: str, deliveries: Sequence[Delivery], __: datetime | None) -> list[Message]:
        encode = encoder.dated(world.NOW)
        return [
            Message(
                rendered,
                Personalisation(
                    each.id,
                    Address(each.email, each.name),
                    f"Dear {each.name},",
                    links.unsubscribe_url(each.subscriber_id),
                    links.preferences_url(each.subscriber_id),
                ),
                encode,
            )
            for each in deliveries
        ]

    promised = (
        PlannedDelivery(delivery_id(newsletter.list_id, world.MONTH, id_), id_, "en")
        for id_, *_ in ledger.subscribers.unplanned(world.MONTH)
    )
    ledger.deliveries.freeze(world.MONTH, digests={}, content="", now=world.NOW)
    ledger.deliveries.plan(world.MONTH, promised, now=world.NOW)
    dispatch(
        world.MONTH,
        ledger,
        transport,
        write,
        Manners(),
        progress=lambda _: None,
        stop=Event(),
        clock=lambda: world.NOW,
    )


def _source(program: str, port: int, connections: int) -> float:
    """The seconds `smtp-source` takes for as many messages of the same size."""
    size, sender = str(_size()), "bounces@list.example"
    options = {"-s": str(connections), "-m": str(MESSAGES), "-l": size, "-f": sender}
    told = [word for option in options.items() for word in option]
    begun = perf_counter()
    to = ["-t", "reader@list.example", f"127.0.0.1:{port}"]
    subprocess.run([program, "-4", "-d", *told, *to], check=True)
    return perf_counter() - begun


@contextmanager
def _sinking(program: str) -> Iterator[int]:
    """The port of a server that takes everything and keeps nothing."""
    with create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    with subprocess.Popen([program, *as_nobody, f"127.0.0.1:{port}", "100"]) as process:
        try:
            _await(port)
            yield port
        finally:
            process.kill()


@contextmanager
def _far_away(port: int) -> Iterator[int]:
    """The port of the same server, a round trip away."""
    command = [sys.executable, "-m", "tests.bench.slow_line", str(port), str(ROUND_TRIP / 2)]
    with subprocess.Popen(command, cwd=world.ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _await(port: int) -> None:
    """Return once somebody listens there."""
    patience = monotonic() + 10
    while True:
        try:
            create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if monotonic() > patience:
                raise
            sleep(0.01)
        else:
            return
