"""A rehearsal shows what the schedule would do, and does none of it."""

import calendar
import re
import select
import socket
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter.cli.main import main

MONTH = "2022-11"
EDITOR = "editor@rideau-network.example"


class Folder:
    """A newsletter with the example's readers, and what a rehearsal there says."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys
        self._capsys.readouterr()

    def main(self, *arguments: str) -> tuple[int, str, str]:
        code = main(["--config", str(self.path / "config.toml"), *arguments])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def rehearse(self, *arguments: str) -> str:
        code, out, err = self.main("rehearse", *arguments)
        assert code == 0, err
        return out

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.path / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def files(self) -> dict[Path, bytes]:
        """Every file's bytes; of the database what it holds."""
        files = {file for file in self.path.rglob("*") if file.is_file()}
        held = {file for file in files if file.name.startswith("newsletter.db")}
        contents = {file: file.read_bytes() for file in files - held}
        for database in held & {self.path / "var/newsletter.db"}:
            with closing(sqlite3.connect(database)) as connection:
                contents[database] = "\n".join(connection.iterdump()).encode()
        return contents


@pytest.fixture
def folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Folder:
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", "k" * 40)
    assert main(["init", str(tmp_path / "digest")]) == 0
    folder = Folder(tmp_path / "digest", capsys)
    people = str(folder.path / "subscribers/example.csv")
    assert folder.main("subscribers", "import", people)[0] == 0
    folder.edit("config.toml", "to = []", f'to = ["{EDITOR}"]')
    return folder


def timeline(out: str) -> list[tuple[str, str, str]]:
    """Day, time and the rest of every line of a timeline."""
    day, lines = "", []
    for line in out.splitlines():
        if re.fullmatch(r"\w+day \d+ \w+ \d{4}", line):
            day = line
        elif found := re.fullmatch(r"  (\d\d:\d\d)  (.+)", line):
            lines.append((day, found[1], " ".join(found[2].split())))
    return lines


def test_the_timeline_of_a_ready_issue_goes_from_the_reminder_to_the_end(folder: Folder) -> None:
    out = folder.rehearse(MONTH)
    assert out.startswith(f"{MONTH} is due on Tuesday 1 November 2022 at 09:00 (America/Toronto).")
    sunday, tuesday = "Sunday 30 October 2022", "Tuesday 1 November 2022"
    subject = '"When the alliance is the treatment"'
    assert timeline(out) == [
        (sunday, "09:00", "ready nothing is missing"),
        (tuesday, "09:00", f"due {subject} leaves for 22 readers, in 14 variants"),
        (tuesday, "09:00", f'email to {EDITOR}: "{MONTH} is being sent"'),
        (tuesday, "09:00", "render frozen as it is now: all its readers get the same"),
        (
            tuesday,
            "09:00",
            f"archive published: https://digest.rideau-network.example/{MONTH}/",
        ),
        (tuesday, "09:00", "dispatch 22 accepted"),
        (tuesday, "09:00", f'email to {EDITOR}: "{MONTH} has been sent"'),
        (tuesday, "09:00", "finished 22 accepted"),
    ]


def test_nothing_real_is_touched_and_nobody_is_asked(folder: Folder) -> None:
    with socket.create_server(("127.0.0.1", 0)) as monitor:
        url = f"http://127.0.0.1:{monitor.getsockname()[1]}/alive"
        folder.edit("config.toml", "[alerts]\n", f'[alerts]\nheartbeat_url = "{url}"\n')
        before = folder.files()
        assert f"monitor    asked: {url}" in folder.rehearse(MONTH)
        folder.rehearse()
        assert folder.files() == before
        assert select.select([monitor], [], [], 0)[0] == []


def test_a_newsletter_that_has_no_database_yet_gets_none(folder: Folder) -> None:
    (folder.path / "var/newsletter.db").unlink()
    before = folder.files()
    assert "nobody would get it" in folder.rehearse(MONTH)
    assert folder.files() == before


def test_a_scheduler_that_wakes_late_sends_late(folder: Folder) -> None:
    out = folder.rehearse(MONTH, "--at", "2022-11-01 11:30")
    assert "The scheduler is started on Tuesday 1 November 2022 at 11:30." in out
    lines = timeline(out)
    assert {(day, time) for day, time, _ in lines} == {("Tuesday 1 November 2022", "11:30")}
    assert lines[0][2].startswith("late ")
    assert lines[-1][2] == "finished 22 accepted"


def test_a_scheduler_that_wakes_too_late_only_tells(folder: Folder) -> None:
    lines = timeline(folder.rehearse(MONTH, "--at", "2022-11-03"))
    assert [words.split()[0] for _, _, words in lines] == ["missed", "email"]
    assert lines[1][2] == f'email to {EDITOR}: "{MONTH} was missed"'


def test_a_draft_is_reminded_of_and_missed(folder: Folder) -> None:
    folder.edit(f"issues/{MONTH}/issue.toml", '"ready"', '"draft"')
    lines = timeline(folder.rehearse(MONTH))
    assert [(day, words.split()[0]) for day, _, words in lines] == [
        ("Sunday 30 October 2022", "not"),
        ("Sunday 30 October 2022", "email"),
        ("Wednesday 2 November 2022", "missed"),
        ("Wednesday 2 November 2022", "email"),
    ]


def test_an_issue_with_problems_says_how_to_see_them(folder: Folder) -> None:
    folder.edit(f"issues/{MONTH}/issue.toml", "subject", "subjekt")
    assert f"newsletter check {MONTH}" in folder.rehearse(MONTH)


def test_what_was_sent_is_not_sent_again(folder: Folder) -> None:
    assert folder.main("send", MONTH, "--yes")[0] == 0
    out = folder.rehearse(MONTH)
    assert "It was finished" in out
    assert "dispatch" not in out


def test_a_pace_is_reckoned_and_not_waited_for(folder: Folder) -> None:
    smtp = 'host = "127.0.0.1"\nmessages_per_second = 0.1\n'
    folder.edit("config.toml", 'use = "outbox"', 'use = "smtp"')
    folder.edit("config.toml", "[transport.smtp]\n", f"[transport.smtp]\n{smtp}")
    assert "22 accepted; at 0.1 a second it takes about 4 minutes" in folder.rehearse(MONTH)


def test_what_a_provider_takes_ahead_is_given_in_once_and_leaves_at_its_time(
    folder: Folder,
) -> None:
    folder.edit("config.toml", 'use = "outbox"', 'use = "sendgrid"')
    lines = timeline(folder.rehearse(MONTH))
    given_in = [(time, words) for _, time, words in lines if words.startswith(("ahead", "disp"))]
    assert [words.split()[0] for _, words in given_in] == ["ahead", "dispatch"]
    assert {time for time, _ in given_in} < {f"08:{minute:02}" for minute in range(60)}
    assert [time for _, time, words in lines if words.startswith("archive")] == ["09:00"]
    assert lines[-1][1:] == ("09:00", "finished 22 accepted")


@pytest.mark.parametrize("day", ["1st tue", "last fri", "31", "last"])
def test_a_year_has_its_twelve_dates(folder: Folder, day: str) -> None:
    folder.edit("config.toml", 'day = "1st tue"', f'day = "{day}"')
    out = folder.rehearse("--at", "2027-01-01")
    dates = re.findall(r"^2027-\d\d  (\w{3} \d+ \w{3} 2027), 09:00", out, re.MULTILINE)
    expected = [_date(month, day) for month in range(1, 13)]
    assert [
        datetime.strptime(date, "%a %d %b %Y").replace(tzinfo=UTC) for date in dates
    ] == expected


def _date(month: int, day: str) -> datetime:
    weeks = calendar.monthcalendar(2027, month)
    found = {
        "1st tue": next(week[1] for week in weeks if week[1]),
        "last fri": max(week[4] for week in weeks),
    }
    return datetime(2027, month, found.get(day, max(weeks[-1])), tzinfo=UTC)


def test_a_year_shows_what_leaves_by_itself(folder: Folder) -> None:
    out = folder.rehearse("--at", "2022-10-15")
    assert re.search(r"^2022-11  Tue 1 Nov 2022, 09:00 +sent: 22 accepted$", out, re.MULTILINE)
    assert re.search(r"^2022-12 .* Sun 4 Dec, 09:00 .*nobody has begun it$", out, re.MULTILINE)


def test_a_year_says_of_a_cancelled_issue_that_it_was(folder: Folder) -> None:
    assert folder.main("cancel", MONTH)[0] == 0
    out = folder.rehearse("--at", "2022-10-15")
    assert re.search(r"^2022-11  Tue 1 Nov 2022, 09:00 +cancelled before$", out, re.MULTILINE)


def test_what_keeps_the_real_one_from_sending_is_said(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NEWSLETTER_SECRET_KEY")
    code, _, err = folder.main("rehearse", MONTH)
    assert code == 0
    assert "NEWSLETTER_SECRET_KEY" in err


@pytest.mark.parametrize("time", ["tomorrow", "2022-11-01 25:00"])
def test_a_time_that_is_none_is_wrong_usage(folder: Folder, time: str) -> None:
    code, _, err = folder.main("rehearse", MONTH, "--at", time)
    assert code == 2
    assert len(err.splitlines()) == 1
