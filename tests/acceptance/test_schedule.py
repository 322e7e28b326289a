"""The calendar at the command line: what comes when, and the word that an issue may leave."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tests.acceptance.conftest import Folder


@pytest.fixture
def december(subscribed: Folder) -> str:
    """A sound draft of a month to come."""
    month = f"{datetime.now(UTC).year + 1}-12"
    source, folder = subscribed.path / "issues/2022-11", subscribed.path / "issues" / month
    folder.mkdir()
    for file in source.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    subscribed.edit(f"issues/{month}/issue.toml", 'status = "ready"', "status = 'draft'  # soon")
    return month


def entries(folder: Folder) -> dict[str, Mapping[str, object]]:
    return {entry["issue"]: entry for entry in json.loads(folder.ok("schedule", "--json"))}


def test_the_next_six_dates_are_the_first_tuesdays_soonest_first(folder: Folder) -> None:
    dates = [str(entry["due_at"]) for entry in json.loads(folder.ok("schedule", "--json"))]
    assert len(dates) >= 6
    assert dates == sorted(dates)
    for date in dates:
        at = datetime.fromisoformat(date)
        assert at.utcoffset() == at.astimezone(ZoneInfo("America/Toronto")).utcoffset()
        assert (at.weekday(), at.hour, at.minute) == (1, 9, 0)
        assert at.day <= 7


def test_an_approved_draft_keeps_every_other_byte_and_may_leave(
    subscribed: Folder, december: str
) -> None:
    path = subscribed.path / "issues" / december / "issue.toml"
    before = path.read_bytes()
    assert "is ready" in subscribed.ok("approve", december)
    assert path.read_bytes() == before.replace(b"'draft'", b"'ready'")
    assert "was ready before" in subscribed.ok("approve", december)


def test_a_draft_that_must_not_be_sent_is_refused_at_its_status_line(
    subscribed: Folder, december: str
) -> None:
    text = (subscribed.path / "issues" / december / "issue.toml").read_text("utf-8")
    line = next(n for n, line in enumerate(text.split("\n"), 1) if line.startswith("status"))
    refusal = subscribed.refused("send", december, "--yes")
    assert f"issues/{december}/issue.toml:{line}: " in refusal


def test_nothing_with_a_problem_is_approved(subscribed: Folder, december: str) -> None:
    subscribed.edit(f"issues/{december}/issue.toml", "subject", "subjekt")
    assert f"issues/{december}/issue.toml:" in subscribed.refused("approve", december)
    assert "'draft'" in (subscribed.path / f"issues/{december}/issue.toml").read_text("utf-8")


def test_a_past_issue_is_not_approved(subscribed: Folder) -> None:
    subscribed.edit("issues/2022-10/issue.toml", '"ready"', '"past"')
    assert "past" in subscribed.refused("approve", "2022-10")


def test_an_issues_own_time_stands_on_the_calendar_with_what_it_would_send(
    subscribed: Folder,
) -> None:
    month = next(m for m, e in entries(subscribed).items() if e["timing"] == "upcoming")
    folder = subscribed.path / "issues" / month
    (subscribed.path / "issues/2022-11").rename(folder)
    subscribed.edit(
        f"issues/{month}/issue.toml", "status", f"send_at = {month}-28T09:00:00-05:00\nstatus"
    )
    entry = entries(subscribed)[month]
    assert datetime.fromisoformat(str(entry["due_at"])) == datetime.fromisoformat(
        f"{month}-28T09:00:00-05:00"
    )
    assert entry["state"] == "ready"
    assert entry["missing"] == []
    assert isinstance(entry["recipients"], int)
    assert entry["recipients"] > 10


def test_a_month_that_nobody_began_says_how_to_begin(folder: Folder) -> None:
    for month, entry in entries(folder).items():
        assert entry["missing"] == [f"nobody has begun it: newsletter new {month}"]
    assert "not begun" in folder.ok("schedule")


@pytest.mark.parametrize(
    ("zone", "here"),
    [("Asia/Tokyo", r"2[23]:00"), ("Pacific/Auckland", r"Wed \d+ \w{3}, 0[1-3]:00")],
)
def test_elsewhere_the_hour_of_the_place_stands_beside_it_with_its_day_if_another(
    folder: Folder, zone: str, here: str
) -> None:
    shown = folder.run("schedule", environ={"TZ": zone}).out.splitlines()
    assert "here" in shown[0].split()
    coming = [line for line in shown if "not begun" in line]
    assert coming
    for line in coming:
        assert re.search(rf", 09:00 +{here} +not begun ", line)


def test_a_month_that_is_over_lacks_nothing(subscribed: Folder, december: str) -> None:
    """It was sent ahead of its date: nobody is left to get it, and nobody is to be added."""
    subscribed.ok("approve", december)
    month = next(m for m, e in entries(subscribed).items() if e["timing"] == "upcoming")
    (subscribed.path / "issues" / december).rename(subscribed.path / "issues" / month)
    subscribed.ok("send", month, "--yes")
    assert entries(subscribed)[month]["missing"] == []
    shown = subscribed.ok("schedule")
    assert "nobody would get it" not in shown
    assert "to send it now" not in subscribed.ok("approve", month)
