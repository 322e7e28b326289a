"""The same commands over a ledger in PostgreSQL: one line of the config is another."""

import json
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest

from newsletter.config import load_config
from newsletter.errors import LedgerError
from newsletter.scheduler import Scheduler
from newsletter.wiring import open_workshop
from tests.acceptance.conftest import NEWSLETTER, Folder
from tests.fakes.postgresql_server import running_alone

MANY = 300
DUE = datetime(2022, 11, 1, 13, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def on_server(folder: Folder, postgresql: str) -> Folder:
    folder.edit("config.toml", "sqlite:///var/newsletter.db", postgresql)
    return folder


def test_november_is_imported_sent_and_reported_from_postgresql(on_server: Folder) -> None:
    on_server.ok("subscribers", "import", "subscribers/example.csv")
    on_server.ok("send", "2022-11", "--yes")
    assert len(on_server.emails()) == 22
    status = json.loads(on_server.ok("status", "2022-11", "--json"))
    assert (status["state"], status["deliveries"]["accepted"]) == ("finished", 22)
    assert not list((on_server.path / "var").glob("newsletter.db*"))


def test_the_schedule_is_rehearsed_with_the_readers_of_a_server(on_server: Folder) -> None:
    on_server.ok("subscribers", "import", "subscribers/example.csv")
    assert "dispatch   22 accepted" in on_server.ok("rehearse", "2022-11")
    assert json.loads(on_server.ok("status", "2022-11", "--json"))["state"] == "ready"


def import_many(folder: Folder) -> None:
    people = "\n".join(f"reader{number}@clinic.example" for number in range(MANY))
    (folder.path / "people.csv").write_text(f"email\n{people}\n", "utf-8")
    folder.ok("subscribers", "import", "people.csv")


def test_a_killed_send_is_gone_on_with_and_every_email_is_written_once(on_server: Folder) -> None:
    import_many(on_server)
    outbox = on_server.path / "var/outbox/new"
    command = [NEWSLETTER, "send", "2022-11", "--yes"]
    with subprocess.Popen(
        command, cwd=on_server.path, env=on_server.environ, stdout=subprocess.DEVNULL
    ) as sender:
        while len(list(outbox.glob("*.eml"))) < 20 and sender.poll() is None:
            time.sleep(0.001)
        sender.kill()
    assert sender.returncode == -signal.SIGKILL
    before = {file.name: file.stat().st_ino for file in outbox.glob("*.eml")}
    assert len(before) < MANY

    on_server.ok("send", "2022-11", "--yes")
    after = {file.name: file.stat().st_ino for file in outbox.glob("*.eml")}
    assert before.items() <= after.items()
    assert len(after) == len(on_server.emails()) == MANY


def test_a_server_that_stops_in_mid_send_is_one_line_and_the_next_send_goes_on(
    folder: Folder,
) -> None:
    with running_alone() as mortal:
        folder.edit("config.toml", "sqlite:///var/newsletter.db", mortal.server.fresh())
        import_many(folder)
        outbox = folder.path / "var/outbox/new"
        with subprocess.Popen(
            [NEWSLETTER, "send", "2022-11", "--yes"],
            cwd=folder.path,
            env=folder.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as sender:
            while len(list(outbox.glob("*.eml"))) < 20 and sender.poll() is None:
                time.sleep(0.001)
            sender.send_signal(signal.SIGSTOP)
            mortal.stop()
            sender.send_signal(signal.SIGCONT)
            _, said = sender.communicate()
        assert sender.returncode == 1
        assert said.startswith("postgresql+psycopg://")
        assert len(said.splitlines()) == 1
        before = {file.name: file.stat().st_ino for file in outbox.glob("*.eml")}

        mortal.start()
        folder.ok("send", "2022-11", "--yes")
        after = {file.name: file.stat().st_ino for file in outbox.glob("*.eml")}
        assert before.items() <= after.items()
        assert len(after) == len(folder.emails()) == MANY
        status = json.loads(folder.ok("status", "2022-11", "--json"))
        assert (status["state"], status["deliveries"]["accepted"]) == ("finished", MANY)


def test_a_server_that_is_away_at_the_due_time_delays_the_issue_and_nothing_else(
    folder: Folder,
) -> None:
    now = DUE - MINUTE
    with running_alone() as mortal:
        folder.edit("config.toml", "sqlite:///var/newsletter.db", mortal.server.fresh())
        folder.ok("subscribers", "import", "subscribers/example.csv")
        config = load_config(folder.path / "config.toml", folder.environ)
        scheduler = Scheduler(lambda: open_workshop(config, lambda: now), Event(), lambda: now)
        assert scheduler.tick() == DUE

        mortal.stop()
        now = DUE
        with pytest.raises(LedgerError):
            scheduler.tick()

        mortal.start()
        now = DUE + MINUTE
        scheduler.tick()
        now = DUE + 2 * MINUTE
        scheduler.tick()
    assert len(folder.emails()) == 22


def test_a_server_that_is_away_is_one_line_without_the_password(folder: Folder) -> None:
    address = "postgresql+psycopg://news:a-secret@127.0.0.1:1/newsletter"
    folder.edit("config.toml", "sqlite:///var/newsletter.db", address)
    line = folder.refused("send", "2022-11", "--yes")
    assert "Connection refused" in line
    assert "a-secret" not in line
