"""A database that was put back sends nobody again what they got since: in doubt it asks."""

import json
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from pathlib import Path
from shutil import copyfile, rmtree
from threading import Event
from typing import Any

import pytest

from newsletter.cli.main import main
from newsletter.config import load_config
from newsletter.doubts import Doubts
from newsletter.feedback import Feedback
from newsletter.ledger.restoration import mark_as_backup
from newsletter.model.delivery import IssueState
from newsletter.scheduler import Scheduler
from newsletter.transports.sendgrid.events import parse_events
from newsletter.wiring import open_workshop

MONTH = "2022-11"
DUE = datetime(2022, 11, 1, 13, tzinfo=UTC)
HOUR = timedelta(hours=1)
EDITOR = "editor@rideau-network.example"
KEY = "k" * 40


class Newsroom:
    """A newsletter's folder that backups are made of and put back into."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self.database = path / "var/newsletter.db"
        self.backup = path / "backup.db"
        self._capsys = capsys
        self._said = ""

    def main(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = main(["--config", str(self.path / "config.toml"), *arguments])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def ok(self, *arguments: str) -> str:
        code, out, err = self.main(*arguments)
        assert code == 0, err
        return out

    def refused(self, *arguments: str) -> str:
        code, _, err = self.main(*arguments)
        assert code == 1
        return err

    def put_back(self) -> None:
        """As docs/deploy.md says; and what was in the outbox has been carried away."""
        self.lose_database()
        copyfile(self.backup, self.database)

    def lose_database(self) -> None:
        for end in ("", "-wal", "-shm"):
            Path(f"{self.database}{end}").unlink(missing_ok=True)
        rmtree(self.path / "var/outbox", ignore_errors=True)

    def tick(self, at: datetime) -> None:
        config = load_config(self.path / "config.toml", {"NEWSLETTER_SECRET_KEY": KEY})
        Scheduler(lambda: open_workshop(config, lambda: at), Event(), lambda: at).tick()

    def left(self) -> int:
        """How many copies of the issue have left since the outbox was emptied."""
        return sum(to != EDITOR for to, _ in self._outbox())

    def alerts(self) -> list[str]:
        return sorted(subject for to, subject in self._outbox() if to == EDITOR)

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.ok("status", MONTH, "--json"))
        return document

    def _outbox(self) -> list[tuple[str, str]]:
        files = sorted((self.path / "var/outbox/new").glob("*.eml"))
        messages = [BytesParser(policy=policy.default).parsebytes(f.read_bytes()) for f in files]
        return [(message["To"].addresses[0].addr_spec, message["Subject"]) for message in messages]


@pytest.fixture
def newsroom(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Newsroom:
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", KEY)
    newsroom = Newsroom(tmp_path / "digest", capsys)
    assert main(["init", str(newsroom.path)]) == 0
    config = newsroom.path / "config.toml"
    config.write_text(config.read_text("utf-8").replace("to = []", f'to = ["{EDITOR}"]'), "utf-8")
    october = newsroom.path / "issues/2022-10/issue.toml"
    october.write_text(october.read_text("utf-8").replace('"ready"', '"past"'), "utf-8")
    newsroom.ok("subscribers", "import", str(newsroom.path / "subscribers/example.csv"))
    return newsroom


def test_a_backup_is_whole_and_private_and_replaces_nothing(newsroom: Newsroom) -> None:
    newsroom.ok("send", MONTH, "--limit", "5", "--yes")
    assert str(newsroom.backup) in newsroom.ok("backup", str(newsroom.backup))
    assert stat.S_IMODE(newsroom.backup.stat().st_mode) == 0o600
    with closing(sqlite3.connect(newsroom.backup)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT count(*) FROM deliveries").fetchone() == (22,)
    before = newsroom.backup.read_bytes()
    assert "is there already" in newsroom.refused("backup", str(newsroom.backup))
    assert newsroom.backup.read_bytes() == before


def test_what_cannot_be_backed_up_is_one_line_and_leaves_nothing(newsroom: Newsroom) -> None:
    nowhere = newsroom.path / "none/backup.db"
    assert newsroom.refused("backup", str(nowhere)).startswith(f"{nowhere}: cannot be written: ")
    newsroom.database.unlink()
    assert "there is no database yet" in newsroom.refused("backup", str(newsroom.backup))
    assert not newsroom.backup.exists()
    assert not newsroom.database.exists()


def all_since_the_backup(newsroom: Newsroom) -> None:
    newsroom.ok("backup", str(newsroom.backup))
    newsroom.ok("send", MONTH, "--yes")
    newsroom.put_back()


def all_with_the_archive_gone_too(newsroom: Newsroom) -> None:
    all_since_the_backup(newsroom)
    rmtree(newsroom.path / "archive")


def all_before_the_list_was_imported_anew(newsroom: Newsroom) -> None:
    newsroom.ok("send", MONTH, "--yes")
    newsroom.lose_database()
    newsroom.ok("subscribers", "import", str(newsroom.path / "subscribers/example.csv"))


ANY_LOSS = pytest.mark.parametrize(
    "lose",
    [
        all_since_the_backup,
        all_with_the_archive_gone_too,
        all_before_the_list_was_imported_anew,
    ],
)
Lose = Callable[[Newsroom], None]


@ANY_LOSS
def test_a_send_by_hand_says_so_and_leaves_the_word_to_a_person(
    newsroom: Newsroom, lose: Lose
) -> None:
    lose(newsroom)
    line = newsroom.refused("send", MONTH, "--yes")
    assert f"{MONTH} may have been sent already" in line
    assert f"newsletter resolve {MONTH} --as accepted" in line
    assert len(line.splitlines()) == 1
    assert newsroom.left() == 0
    assert newsroom.status()["deliveries"] == {"uncertain": 22}
    newsroom.ok("send", MONTH, "--yes")  # and it does not wear out
    assert newsroom.left() == 0
    newsroom.ok("resolve", MONTH, "--as", "accepted")
    assert newsroom.status()["state"] == "finished"
    assert newsroom.left() == 0


@ANY_LOSS
def test_if_nobody_has_it_after_all_it_is_sent(newsroom: Newsroom, lose: Lose) -> None:
    lose(newsroom)
    newsroom.refused("send", MONTH, "--yes")
    newsroom.ok("resolve", MONTH, "--as", "retry")
    newsroom.ok("send", MONTH, "--yes")
    assert newsroom.left() == 22
    assert newsroom.status()["state"] == "finished"


@ANY_LOSS
def test_the_scheduler_sends_nothing_and_tells_once(newsroom: Newsroom, lose: Lose) -> None:
    lose(newsroom)
    for hours in (1, 2, 3):
        newsroom.tick(DUE + hours * HOUR)
    assert newsroom.left() == 0
    assert newsroom.alerts() == [f"{MONTH} may have been sent already"]
    newsroom.ok("resolve", MONTH, "--as", "retry")
    newsroom.tick(DUE + 4 * HOUR)
    assert newsroom.left() == 22


def test_a_send_killed_while_it_doubts_leaves_the_doubt(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    newsroom.ok("backup", str(newsroom.backup))
    mark_as_backup(newsroom.backup, datetime.now(UTC) - HOUR)
    newsroom.put_back()

    def die(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Doubts, "settle", die)
        newsroom.refused("send", MONTH, "--yes")
    assert newsroom.status()["deliveries"] == {"planned": 22}
    assert f"{MONTH} may have been sent already" in newsroom.refused("send", MONTH, "--yes")
    assert newsroom.left() == 0


def test_what_was_put_back_in_time_leaves_by_itself(newsroom: Newsroom) -> None:
    newsroom.ok("backup", str(newsroom.backup))
    newsroom.put_back()
    newsroom.tick(DUE - HOUR)
    newsroom.tick(DUE)
    assert newsroom.left() == 22
    assert newsroom.alerts() == [f"{MONTH} has been sent", f"{MONTH} is being sent"]


def test_a_backup_of_the_middle_of_a_sending_sends_nobody_the_rest_again(
    newsroom: Newsroom,
) -> None:
    newsroom.ok("send", MONTH, "--yes", "--limit", "10")
    newsroom.ok("backup", str(newsroom.backup))
    newsroom.ok("send", MONTH, "--yes")
    rmtree(newsroom.path / "archive")
    newsroom.put_back()
    newsroom.refused("send", MONTH, "--yes")
    assert newsroom.left() == 0
    assert newsroom.status()["deliveries"] == {"accepted": 10, "uncertain": 12}


def test_a_paused_rest_is_uncertain_too(newsroom: Newsroom) -> None:
    newsroom.ok("send", MONTH, "--yes", "--limit", "10")
    newsroom.ok("pause", MONTH)
    newsroom.ok("backup", str(newsroom.backup))
    newsroom.put_back()
    newsroom.tick(datetime.now(UTC))
    assert newsroom.status()["deliveries"] == {"accepted": 10, "uncertain": 12}


def test_what_the_provider_reports_is_never_sent_again(newsroom: Newsroom) -> None:
    """Neither mark nor archive tells of it: another tool made the copy."""
    with (
        closing(sqlite3.connect(newsroom.database)) as database,
        closing(sqlite3.connect(newsroom.backup)) as copy,
    ):
        database.backup(copy)
    newsroom.ok("send", MONTH, "--yes")
    sent = [file.stem for file in (newsroom.path / "var/outbox/new").glob("*.eml")]
    newsroom.put_back()
    rmtree(newsroom.path / "archive")
    report(newsroom, sent[:20])
    assert "the provider reports" in newsroom.refused("send", MONTH, "--yes")
    assert newsroom.left() == 0
    assert newsroom.status()["deliveries"] == {"delivered": 20, "uncertain": 2}
    report(newsroom, sent[20:])
    assert newsroom.status()["state"] == IssueState.FINISHED


def report(newsroom: Newsroom, delivery_ids: list[str]) -> None:
    """What SendGrid tells of these deliveries."""
    list_id = "digest.rideau-network.example"
    events = [
        {
            "event": event,
            "timestamp": 1_667_307_600 + seconds,
            "delivery_id": delivery_id,
            "category": [list_id, MONTH],
        }
        for delivery_id in delivery_ids
        for seconds, event in enumerate(("processed", "delivered"))
    ]
    parsed = parse_events(json.dumps(events).encode(), list_id)
    config = load_config(newsroom.path / "config.toml", {})
    with open_workshop(config) as workshop:
        feedback = Feedback(workshop.pipeline.ledger)
        feedback.take(parsed.events, source="sendgrid", now=datetime.now(UTC))


def test_events_of_test_copies_and_of_other_lists_cast_no_doubt(newsroom: Newsroom) -> None:
    report(newsroom, ["8d1a3a55-2f49-4a4e-9f3b-0c5c4f2b7d10"])
    newsroom.ok("send", MONTH, "--yes")
    assert newsroom.left() == 22
