"""Several processes on one ledger, and processes that are killed in the middle of their work."""

import fcntl
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.lock import OwnerLocks
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.delivery import DeliveryStatus, Outcome, Receipt

from .rows import MONTH, NOW, begin, promises, rows, statuses

SENDER = Path(__file__).with_name("sender.py")
S = DeliveryStatus


def start(url: str, story: str, folder: Path = Path()) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SENDER), story, url, str(folder)],
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
    assert recover_from_the_dead(database, deliveries) == 10
    assert deliveries.counts(MONTH) == {S.UNCERTAIN: 10, S.PLANNED: 20}
    assert recover(database, deliveries) == 0


@pytest.mark.parametrize(
    ("then", "became"),
    [
        ("", [S.ACCEPTED, S.PLANNED, S.UNCERTAIN, S.PLANNED]),
        ("the machine was started anew", [S.UNCERTAIN] * 4),
        ("the notes were deleted", [S.UNCERTAIN] * 4),
        ("the owner only seems to be dead", [S.UNCERTAIN] * 4),
    ],
)
def test_of_what_a_killed_sender_had_in_hand_only_what_had_left_is_uncertain(
    database_url: str, tmp_path: Path, then: str, became: list[DeliveryStatus]
) -> None:
    with closing(Database.open(database_url, base=tmp_path)) as database:
        deliveries = Deliveries(database)
        begin(deliveries)
        Subscribers(database).import_rows(rows(4), now=NOW, is_erased=None)
        deliveries.plan(MONTH, promises(Subscribers(database)), now=NOW)
        kill_when_ready(start(database_url, "hand over", tmp_path))
        (notes,) = database.senders.glob("*.given")
        with ExitStack() as stack:
            match then.rpartition(" ")[2]:
                case "anew":
                    first, _, others = notes.read_text().partition("\n")
                    notes.write_text(f"{'0' * len(first)}\n{others}")
                case "deleted":
                    notes.unlink()
                case "dead":
                    fcntl.flock(stack.enter_context(notes.open()), fcntl.LOCK_EX)
            assert recover_from_the_dead(database, deliveries) == sum(
                status is not S.ACCEPTED for status in became
            )
        after = statuses(database)
        assert [after[delivery_id] for delivery_id in sorted(after)] == became
        assert list(database.senders.glob("*.given")) == []


def test_what_a_sender_left_that_was_killed_after_it_recorded_is_swept_away(
    deliveries: Deliveries, database: Database, subscribers: Subscribers
) -> None:
    subscribers.import_rows(rows(8), now=NOW, is_erased=None)
    deliveries.plan(MONTH, promises(subscribers), now=NOW, batch_size=4)
    owners = ("killed", "alive")
    batches = [deliveries.claim(MONTH, owner, now=NOW, is_noted=True) for owner in owners]
    notes = [deliveries.hand_overs(batch) for batch in batches if batch]
    done, _ = batches
    assert done
    receipts = [Receipt(delivery.id, Outcome.ACCEPTED) for delivery in done.deliveries]
    deliveries.record(done, receipts, now=NOW)
    for each in notes:
        each.close(keep=True)

    with OwnerLocks(database).hold("alive"):
        recover(database, deliveries)
    assert [file.name.partition("-")[0] for file in database.senders.glob("*.given")] == ["alive"]


def recover(database: Database, deliveries: Deliveries) -> int:
    is_alive = OwnerLocks(database).is_alive
    return deliveries.recover(MONTH, is_alive=is_alive, can_repeat=lambda _: False, now=NOW)


def recover_from_the_dead(database: Database, deliveries: Deliveries) -> int:
    for _ in range(200):  # a server needs a moment to see that the connection is closed
        if recovered := recover(database, deliveries):
            return recovered
        time.sleep(0.05)
    return 0
