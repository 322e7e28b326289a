"""A sender in a process of its own: `sender.py STORY DATABASE`.

It prints what it did and, where the story has it killed, waits for that.
"""

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid4, uuid5

from newsletter.ledger.claims import take_next
from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.lock import OwnerLocks
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.delivery import Outcome, PlannedDelivery, Receipt

MONTH = "2022-11"


def now() -> datetime:
    return datetime.now(UTC)


def say(word: str) -> None:
    print(word, flush=True)  # noqa: T201 - its report to the test


def wait_for_the_end() -> None:
    say("ready")
    time.sleep(600)


def plan_and_die(subscribers: Subscribers, deliveries: Deliveries) -> None:
    """Dies when one piece of the plan is written and the next one half read."""

    def promises() -> Iterator[PlannedDelivery]:
        for index, (subscriber_id, *_) in enumerate(subscribers.unplanned(MONTH)):
            if index == 25_000:
                while not deliveries.counts(MONTH):  # the piece before it is written meanwhile
                    time.sleep(0.01)
                wait_for_the_end()
            delivery_id = str(uuid5(NAMESPACE_DNS, f"{MONTH}/{subscriber_id}"))
            yield PlannedDelivery(delivery_id, subscriber_id, f"en-{index % 3}")

    deliveries.plan(MONTH, promises(), now=now())


def claim_and_die(database: Database, deliveries: Deliveries) -> None:
    """Dies holding one batch, in the middle of claiming another."""
    owner = str(uuid4())
    with OwnerLocks(database).hold(owner):
        deliveries.claim(MONTH, owner, now=now())
        with database.write() as connection:
            take_next(connection, MONTH, owner, now=now(), transport="outbox", limit=None)
            wait_for_the_end()


def hand_over_and_die(database: Database, deliveries: Deliveries) -> None:
    """Dies when of four it handed over three, and heard of two that one was taken."""
    owner = str(uuid4())
    with OwnerLocks(database).hold(owner):
        batch = deliveries.claim(MONTH, owner, now=now(), is_noted=True)
        assert batch
        notes = deliveries.hand_overs(batch)
        first, second, third, _ = sorted(delivery.id for delivery in batch.deliveries)
        for delivery_id in (first, second, third):
            notes.give(delivery_id)
        notes.hear(Receipt(first, Outcome.ACCEPTED))
        notes.hear(Receipt(second, Outcome.RETRY, "451 later"))
        wait_for_the_end()


def send(deliveries: Deliveries) -> None:
    """Sends until nothing is left to claim, and prints every delivery it had in hand.

    With its first batch in hand it waits for a line, so that no sender is done before the others.
    """
    owner = str(uuid4())
    is_first = True
    while batch := deliveries.claim(MONTH, owner, now=now()):
        if is_first:
            say("ready")
            sys.stdin.readline()
            is_first = False
        accepted = [Receipt(delivery.id, Outcome.ACCEPTED) for delivery in batch.deliveries]
        deliveries.record(batch, accepted, now=now())
        say("\n".join(receipt.delivery_id for receipt in accepted))


def main(story: str, url: str, folder: str = ".") -> None:
    database = Database.open(url, base=Path(folder))
    deliveries = Deliveries(database)
    match story:
        case "plan":
            plan_and_die(Subscribers(database), deliveries)
        case "claim":
            claim_and_die(database, deliveries)
        case "hand over":
            hand_over_and_die(database, deliveries)
        case "send":
            send(deliveries)
    database.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
