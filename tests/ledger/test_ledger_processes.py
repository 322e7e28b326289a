"""Several processes on one ledger, and processes that are killed in the middle of their work."""

import subprocess
import sys
import time
from pathlib import Path

from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.lock import OwnerLocks
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.delivery import DeliveryStatus

from .rows import MONTH, NOW, promises, rows, statuses

SENDER = Path(__file__).with_name("sender.py")
S = DeliveryStatus


def start(url: str, story: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SENDER), story, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_when_ready(sender: subprocess.Popen[str]) -> None:
    with sender:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "ready\n"
        sender.kill()


def test_two_senders_share_the_work_and_no_delivery_is_in_both_hands(
    database: Database, database_url: str, subscribers: Subscribers, deliveries: Deliveries
) -> None:
    subscribers.import_rows(rows(4000), now=NOW, is_erased=None)
    deliveries.plan(MONTH, promises(subscribers, 3), now=NOW, batch_size=20)
    senders = [start(database_url, "send") for _ in range(2)]
    for sender in senders:
        assert sender.stdout is not None
        assert sender.stdout.readline() == "ready\n"
    for sender in senders:
        assert sender.stdin is not None
        sender.stdin.write("go\n")
        sender.stdin.flush()
    ends = [sender.communicate(timeout=120) for sender in senders]
    assert [errors for _, errors in ends] == ["", ""]
    sent = [ids.split() for ids, _ in ends]
    assert all(sent)
    assert sorted(sent[0] + sent[1]) == sorted(statuses(database))
    assert deliveries.counts(MONTH) == {S.ACCEPTED: 4000}
    assert deliveries.finish_if_done(MONTH, now=NOW)


def test_a_plan_killed_in_the_middle_is_completed_by_the_next(
    database: Database, database_url: str, subscribers: Subscribers, deliveries: Deliveries
) -> None:
    subscribers.import_rows(rows(30_000), now=NOW, is_erased=None)
    kill_when_ready(start(database_url, "plan"))
    planned = deliveries.counts(MONTH)[S.PLANNED]
    assert 0 < planned < 25_000
    assert deliveries.plan(MONTH, promises(subscribers), now=NOW) == 30_000 - planned
    in_hand: list[str] = []
    while batch := deliveries.claim(MONTH, "me", now=NOW):
        in_hand += [delivery.subscriber_id for delivery in batch.deliveries]
    assert sorted(in_hand) == sorted(person.id for person in subscribers.iterate())


def test_a_sender_killed_while_claiming_leaves_one_batch_to_recover_and_one_untouched(
    database: Database, database_url: str, subscribers: Subscribers, deliveries: Deliveries
) -> None:
    subscribers.import_rows(rows(30), now=NOW, is_erased=None)
    deliveries.plan(MONTH, promises(subscribers), now=NOW, batch_size=10)
    kill_when_ready(start(database_url, "claim"))
    assert deliveries.counts(MONTH) == {S.SENDING: 10, S.PLANNED: 20}
    is_alive = OwnerLocks(database).is_alive
    for _ in range(200):  # a server needs a moment to see that the connection is closed
        recovered = deliveries.recover(
            MONTH, is_alive=is_alive, can_repeat=lambda _: False, now=NOW
        )
        if recovered:
            break
        time.sleep(0.05)
    assert recovered == 10
    assert deliveries.counts(MONTH) == {S.UNCERTAIN: 10, S.PLANNED: 20}
    assert deliveries.recover(MONTH, is_alive=is_alive, can_repeat=lambda _: False, now=NOW) == 0
