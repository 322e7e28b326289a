"""The event webhook against parsing the same JSON and inserting it bare, request by request."""

import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime, timedelta
from operator import itemgetter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.feedback import Feedback
from newsletter.ledger.database import Database
from newsletter.ledger.ledger import Ledger
from newsletter.model.delivery import Outcome, PlannedDelivery, Receipt
from newsletter.model.subscriber import SubscriberRow
from newsletter.transports.sendgrid.events import parse_events, verify
from tests.bench import world
from tests.bench.harness import Measure

READERS = 100_000
EVENTS_PER_REQUEST = 1000  # of some 300 octets each: SendGrid posts what has gathered
REQUESTS = 40
BAD_NEWS = 0.02
PROCESSED = {"event": "processed"}
DELIVERED = {"event": "delivered", "response": "250 2.0.0 OK  1513299569 k73si1374"}
BOUNCED = {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "unknown user"}
COLUMNS = ("email", "timestamp", "event", "sg_event_id", "sg_message_id", "delivery_id", "reason")

_KEY = ec.derive_private_key(8058, ec.SECP256R1())  # every process knows it
WEBHOOK_KEY = b64encode(
    _KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


def send(ledger: Ledger) -> list[str]:
    """Subscribe the readers and have an issue accepted for all; the ids of their deliveries."""
    people = (f"reader{n}@list.example" for n in range(READERS))
    rows = (SubscriberRow(email, email) for email in people)
    ledger.subscribers.import_rows(rows, now=world.NOW, is_erased=None)
    return accept(ledger, world.MONTH)


def accept(ledger: Ledger, month: str) -> list[str]:
    """Have an issue accepted for every subscriber; the ids of their deliveries."""
    ledger.deliveries.freeze(month, digests={}, content="", now=world.NOW)
    chance = Random(1)  # noqa: S311 - the same ids every time
    planned = (
        PlannedDelivery(_uuid(chance), reader, "en")
        for reader, *_ in ledger.subscribers.unplanned(month)
    )
    ledger.deliveries.plan(month, planned, now=world.NOW)
    sent = []
    while batch := ledger.deliveries.claim(month, "bench", now=world.NOW):
        answers = [Receipt(one.id, Outcome.ACCEPTED) for one in batch.deliveries]
        ledger.deliveries.record(batch, answers, now=world.NOW)
        sent += [answer.delivery_id for answer in answers]
    return sent


def _uuid(chance: Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], "5" + digits[13:16], digits[16:20], digits[20:]))


def requests(deliveries: list[str]) -> Iterator[bytes]:
    """What SendGrid posts of a send: that it has each message, and what became of it soon after.

    As messages left, but jumbled over some requests.
    """
    chance = Random(2)  # noqa: S311 - the same news every time
    told = []
    for place, delivery in enumerate(deliveries[: REQUESTS * EVENTS_PER_REQUEST // 2]):
        last = DELIVERED if chance.random() >= BAD_NEWS else BOUNCED
        told.append((place + chance.random() * 2 * EVENTS_PER_REQUEST, delivery, PROCESSED))
        told.append((place + (1 + chance.random()) * 3 * EVENTS_PER_REQUEST, delivery, last))
    told.sort(key=itemgetter(0))
    events = [_event(chance, place, delivery, news) for place, delivery, news in told]
    for start in range(0, len(events), EVENTS_PER_REQUEST):
        yield json.dumps(events[start : start + EVENTS_PER_REQUEST]).encode()


def _event(chance: Random, place: float, delivery: str, news: dict[str, str]) -> dict[str, object]:
    return {
        "email": "reader@list.example",
        "timestamp": int(world.NOW.timestamp() + place / EVENTS_PER_REQUEST),
        "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        "category": ["digest.rideau-network.example", world.MONTH],
        "sg_event_id": f"{chance.getrandbits(128):032x}",
        "sg_message_id": f"14c5d75ce93.dfd.64b469.filter0001.{place:.0f}.5515E0B88.0",
        "delivery_id": delivery,
        **news,
    }


def sign(body: bytes, at: datetime) -> tuple[str, str]:
    """Signature and timestamp, as SendGrid would send them at that time."""
    timestamp = f"{at.timestamp():.0f}"
    signature = _KEY.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
    return b64encode(signature).decode(), timestamp


class Webhook:
    """What the route does with a request, but for HTTP."""

    def __init__(self, feedback: Feedback) -> None:
        self._feedback = feedback

    def take(self, body: bytes, signature: str, timestamp: str, now: datetime) -> None:
        verify(WEBHOOK_KEY, signature, timestamp, body, now=now)
        self._feedback.take(parse_events(body).events, source="sendgrid", now=now)


def measures() -> Iterator[Measure]:
    now = world.NOW + timedelta(hours=1)
    with TemporaryDirectory(dir=world.ROOT) as folder:
        database = Database.open("sqlite:///ours.db", base=Path(folder))
        ledger = Ledger.of(database)
        webhook = Webhook(Feedback(ledger))
        bodies = list(requests(send(ledger)))
        signed = [(body, *sign(body, now)) for body in bodies]
        bare = _bare(Path(folder, "bare.db"))
        ours = theirs = 0.0
        for body, signature, timestamp in signed:  # in turn, so that both meet the same machine
            begun = perf_counter()
            webhook.take(body, signature, timestamp, now)
            between = perf_counter()
            _insert(bare, body)
            ours += between - begun
            theirs += perf_counter() - between
        bare.close()
        database.close()
    rate = f"{REQUESTS * EVENTS_PER_REQUEST / ours:,.0f} events/s"
    yield Measure(
        "webhook events rate / json + bare insert", theirs / ours, 0.3, rate, at_least=True
    )


def _bare(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute(f"CREATE TABLE events ({', '.join(COLUMNS)})")
    return database


def _insert(database: sqlite3.Connection, body: bytes) -> None:
    rows = ([event.get(column) for column in COLUMNS] for event in json.loads(body))
    database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    database.commit()
