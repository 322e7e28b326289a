import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from newsletter.dispatch.dispatcher import StopReason
from newsletter.model.delivery import DeliveryStatus as Status
from newsletter.transports.outbox import Outbox

from .program import post
from .sender import MONTH, Carrier, Sender, in_outbox

TESTS = Path(__file__).parents[1]
PROGRAM = (sys.executable, "-m", "dispatch.program")


def inodes(outbox: Path) -> dict[str, int]:
    """Which file stands under each name: another one would have another number."""
    return {file.stem: file.stat().st_ino for file in (outbox / "new").glob("*.eml")}


def kill_at(wanted: int, count: Callable[[], int], *arguments: str | Path) -> None:
    """Start a sender and kill -9 it in mid-send, once so many messages have left."""
    with subprocess.Popen([*PROGRAM, *arguments], cwd=TESTS) as process:
        while count() < wanted and process.poll() is None:
            time.sleep(0.001)
        process.kill()
    assert process.returncode == -signal.SIGKILL


def test_a_killed_sender_is_taken_over_and_every_file_is_written_once(
    sender: Sender, tmp_path: Path
) -> None:
    ids = sender.promise(120, batch_size=25)
    outbox = tmp_path / "outbox"
    before: dict[str, int] = {}
    for wanted in (1, 24, 26, 40):
        kill_at(wanted, lambda: len(inodes(outbox)), "outbox", tmp_path, outbox)
        assert Status.SENDING in sender.counts()
        after = inodes(outbox)
        assert before.items() <= after.items()
        before = after
    assert sender.send(Outbox(outbox)).stopped_because is StopReason.NOTHING_LEFT
    assert before.items() < inodes(outbox).items()
    assert in_outbox(outbox) == sorted(ids)
    assert sender.counts() == {Status.ACCEPTED: 120}


def test_where_a_second_message_would_arrive_a_kill_leaves_doubt_and_nobody_gets_two(
    sender: Sender, tmp_path: Path
) -> None:
    ids = sender.promise(120, batch_size=25)
    posted = tmp_path / "posted"
    posted.touch()
    for wanted in (3, 20):
        kill_at(wanted, lambda: len(posted.read_text().split()), "post", tmp_path, posted)
    sender.send(Carrier(partial(post, posted)))
    sent = posted.read_text().split()
    uncertain = {problem.id for problem in sender.deliveries.problems(MONTH)}
    assert len(set(sent)) == len(sent)
    assert set(sent) | uncertain == set(ids)
    assert sender.counts() == {
        Status.UNCERTAIN: len(uncertain),
        Status.ACCEPTED: 120 - len(uncertain),
    }


def test_a_full_disk_writes_nobody_off_and_with_room_again_it_goes_on(
    sender: Sender, tmp_path: Path
) -> None:
    """A disk of its own in a namespace of its own, as root or where users may have one."""
    sender.promise(20, batch_size=10)
    (tmp_path / "outbox").mkdir()
    namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    run = subprocess.run(
        [*namespace, *PROGRAM, "fill", tmp_path, tmp_path / "outbox"],
        cwd=TESTS,
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare: " in run.stderr or "mount: " in run.stderr:
        pytest.skip(f"no disk of our own here: {run.stderr.strip()}")
    assert run.returncode == 0, run.stderr
    assert sender.counts() == {Status.ACCEPTED: 20}
