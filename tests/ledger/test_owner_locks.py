import subprocess
import sys
import time
from pathlib import Path

import pytest

from newsletter.errors import LedgerError
from newsletter.ledger.database import Database
from newsletter.ledger.lock import OwnerLocks

HOLD = """
import sys
from pathlib import Path
from newsletter.ledger.database import Database
from newsletter.ledger.lock import OwnerLocks
with OwnerLocks(Database.open(sys.argv[1], base=Path())).hold("a/sender"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def locks(database: Database) -> OwnerLocks:
    return OwnerLocks(database)


def files(database: Database) -> list[Path]:
    if database.file is None:
        return []
    return list(database.file.with_name("newsletter.db-senders").iterdir())


def test_an_owner_is_alive_for_as_long_as_it_holds_its_lock(
    locks: OwnerLocks, database: Database
) -> None:
    assert not locks.is_alive("me")
    with locks.hold("me"):
        assert locks.is_alive("me")
        assert not locks.is_alive("somebody")
    assert not locks.is_alive("me")
    assert files(database) == []


def test_two_senders_cannot_have_one_name(locks: OwnerLocks) -> None:
    with (
        locks.hold("me"),
        pytest.raises(LedgerError, match="another sender is called 'me'"),
        locks.hold("me"),
    ):
        pytest.fail("both hold it")


def test_an_error_inside_is_not_taken_for_one_of_the_lock(locks: OwnerLocks) -> None:
    with pytest.raises(ConnectionResetError), locks.hold("me"):
        raise ConnectionResetError
    assert not locks.is_alive("me")


def test_a_killed_process_is_soon_dead_and_what_it_left_is_removed(
    locks: OwnerLocks, database: Database, database_url: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, database_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert locks.is_alive("a/sender")
        holder.kill()
    for _ in range(200):  # a server needs a moment to see that the connection is closed
        if not locks.is_alive("a/sender"):
            break
        time.sleep(0.05)
    else:
        pytest.fail("taken for alive")
    assert not locks.is_alive("a/sender")
    assert files(database) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_lock_that_cannot_be_read_is_named_and_its_owner_not_taken_for_dead(
    locks: OwnerLocks, database: Database
) -> None:
    assert database.file is not None
    database.file.with_name("newsletter.db-senders").write_text("a file", "utf-8")
    with pytest.raises(LedgerError, match=r"newsletter\.db-senders/me\.lock: cannot be read"):
        locks.is_alive("me")
    with pytest.raises(LedgerError), locks.hold("me"):
        pytest.fail("held")


def test_an_office_is_held_by_one_at_a_time_and_may_be_held_again(locks: OwnerLocks) -> None:
    for _ in range(2):
        with locks.elect("scheduler") as first, locks.elect("scheduler") as second:
            assert (first, second) == (True, False)
            with locks.elect("another") as other:
                assert other
        with locks.elect("scheduler") as again:
            assert again
