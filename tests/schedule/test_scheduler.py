"""What the scheduler does at an instant: each issue once, in its time, and nobody surprised."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from newsletter.cli.main import main
from newsletter.errors import EverybodyRefused, NewsletterError, TransportError
from newsletter.model.delivery import IssueState
from newsletter.pipeline import Pipeline

from .newsroom import DUE, HOUR, MINUTE, MONTH, Newsroom

PAUSED = f"{MONTH} is paused: everybody was refused"


def test_an_issue_leaves_at_its_time_and_once(newsroom: Newsroom) -> None:
    assert newsroom.tick(DUE - MINUTE) == DUE
    assert newsroom.issues() == 0
    newsroom.tick(DUE)
    assert newsroom.issues() == 22
    newsroom.tick(DUE + MINUTE)
    newsroom.restarted()
    newsroom.tick(DUE + HOUR)
    newsroom.tick(DUE - HOUR)  # somebody set the clock back
    newsroom.tick(DUE)
    assert newsroom.issues() == 22
    assert newsroom.alerts() == [f"{MONTH} has been sent", f"{MONTH} is being sent"]


def test_a_late_start_still_sends_and_a_later_one_only_tells(newsroom: Newsroom) -> None:
    newsroom.tick(DUE + 25 * HOUR)
    newsroom.tick(DUE + 26 * HOUR)
    assert newsroom.issues() == 0
    assert newsroom.alerts() == [f"{MONTH} was missed"]
    newsroom.tick(DUE + 23 * HOUR)
    assert newsroom.issues() == 22


def test_who_is_not_ready_is_told_of_and_leaves_once_it_is(newsroom: Newsroom) -> None:
    newsroom.edit(f"issues/{MONTH}/issue.toml", '"ready"', '"draft"')
    newsroom.tick(DUE - 49 * HOUR)
    assert newsroom.alerts() == []
    for hours in (-48, -1, 1):
        newsroom.tick(DUE + hours * HOUR)
    assert newsroom.alerts() == [f"{MONTH} is not ready"]
    assert newsroom.issues() == 0
    newsroom.edit(f"issues/{MONTH}/issue.toml", '"draft"', '"ready"')
    newsroom.tick(DUE + 2 * HOUR)
    assert newsroom.issues() == 22


def test_a_draft_that_was_missed_still_needs_to_be_approved(newsroom: Newsroom) -> None:
    newsroom.edit(f"issues/{MONTH}/issue.toml", '"ready"', '"draft"')
    newsroom.now = DUE + 25 * HOUR
    with newsroom.open() as workshop:
        entries = {entry.month: entry for entry in workshop.timetable.entries(newsroom.now)}
        missing = workshop.timetable.outlook(entries[MONTH]).missing
    assert entries[MONTH].state is IssueState.MISSED
    assert missing[0].endswith(f"newsletter approve {MONTH}")


def test_an_archive_that_cannot_be_written_holds_nobody_up_and_is_written_when_it_can_be(
    newsroom: Newsroom,
) -> None:
    archive = newsroom.path / "archive"
    archive.write_text("where the folder should be", "utf-8")
    for minute in range(3):
        newsroom.tick(DUE + minute * MINUTE)
    assert newsroom.issues() == 22
    told = [f"{MONTH} has been sent", f"{MONTH} is being sent", f"The archive lacks {MONTH}"]
    assert newsroom.alerts() == told

    archive.unlink()
    newsroom.tick(DUE + 5 * MINUTE)
    assert (archive / MONTH / "index.html").is_file()
    assert newsroom.alerts() == told


def test_an_archive_that_a_killed_send_left_undone_is_written_by_the_next_scheduler(
    newsroom: Newsroom,
) -> None:
    newsroom.tick(DUE)
    shutil.rmtree(newsroom.path / "archive" / MONTH)
    newsroom.tick(DUE + MINUTE)  # it was there when this one looked
    newsroom.restarted().tick()
    assert (newsroom.path / "archive" / MONTH / "index.html").is_file()


def test_a_stop_while_promises_are_written_down_is_heard_and_forgets_nobody(
    newsroom: Newsroom,
) -> None:
    newsroom.scheduler.stop.set()
    newsroom.tick(DUE)
    assert newsroom.issues() == 0
    assert newsroom.state() is not IssueState.FINISHED
    newsroom.restarted().tick()
    assert newsroom.issues() == 22


def test_a_month_that_nobody_wrote_is_noticed(newsroom: Newsroom) -> None:
    newsroom.tick(DUE + 27 * 24 * HOUR)
    december = datetime(2022, 12, 6, 14, tzinfo=UTC)
    newsroom.tick(december - HOUR)
    assert "2022-12 is not ready" in newsroom.alerts()
    newsroom.tick(december + 25 * HOUR)
    assert "2022-12 was missed" in newsroom.alerts()


@pytest.mark.parametrize("act", ["pause", "cancel"])
def test_what_a_person_stopped_stays_stopped(newsroom: Newsroom, act: str) -> None:
    assert main(["--config", str(newsroom.path / "config.toml"), act, MONTH]) == 0
    newsroom.tick(DUE)
    newsroom.tick(DUE + HOUR)
    assert newsroom.issues() == 0


def test_one_scheduler_at_a_time_acts(newsroom: Newsroom) -> None:
    with newsroom.open() as other, other.pipeline.ledger.owners.elect("scheduler") as is_elected:
        assert is_elected
        newsroom.tick(DUE)
        assert newsroom.issues() == 0
    newsroom.tick(DUE)
    assert newsroom.issues() == 22


def test_a_closed_way_out_is_tried_again_at_longer_and_longer_intervals(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def refuse(*_args: object, **_named: object) -> None:
        tries.append(newsroom.now)
        raise TransportError("the server does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "send", refuse)
        for minute in range(10):
            newsroom.tick(DUE + minute * MINUTE)
    assert [(at - DUE) // MINUTE for at in tries] == [0, 1, 3, 7]
    assert f"{MONTH} is held up" in newsroom.alerts()
    newsroom.tick(DUE + 15 * MINUTE)
    assert newsroom.issues() == 22
    assert newsroom.alerts().count(f"{MONTH} is held up") == 1


def test_where_everybody_is_refused_the_issue_is_paused_and_somebody_told(
    newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_named: object) -> None:
        raise EverybodyRefused("everybody is refused with the same words: 554 5.7.1 blocked")

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "send", refuse)
        newsroom.tick(DUE)
        assert newsroom.state() is IssueState.PAUSED
        assert newsroom.alerts().count(PAUSED) == 1
        newsroom.restarted()
        newsroom.tick(DUE + HOUR)
        assert newsroom.alerts().count(PAUSED) == 1
        with newsroom.open() as workshop:
            workshop.pipeline.control.resume(MONTH)
        newsroom.tick(DUE + 2 * HOUR)  # and is refused again
    assert newsroom.alerts().count(PAUSED) == 2
    newsroom.tick(DUE + 3 * HOUR)
    assert (newsroom.issues(), newsroom.alerts().count(PAUSED)) == (0, 2)


def test_a_person_who_pauses_is_not_told_so(newsroom: Newsroom) -> None:
    with newsroom.open() as workshop:
        workshop.pipeline.control.pause(MONTH)
    newsroom.tick(DUE)
    assert newsroom.alerts() == []


def test_what_is_told_of_a_pause_is_not_lost_with_the_process_that_paused(
    newsroom: Newsroom,
) -> None:
    with newsroom.open() as workshop:
        workshop.pipeline.control.pause(MONTH, "everybody is refused: 554 5.7.1 blocked")
    newsroom.tick(DUE)
    assert newsroom.alerts() == [PAUSED]


def test_a_list_without_anybody_is_told_of(newsroom: Newsroom) -> None:
    (newsroom.path / "var/newsletter.db").unlink()
    newsroom.tick(DUE)
    assert newsroom.alerts() == [f"{MONTH} cannot be sent as it stands"]


@contextmanager
def monitor(statuses: list[int]) -> Iterator[tuple[str, list[str]]]:
    """A monitor that answers with these statuses in turn, and what was asked of it."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(statuses.pop(0))
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/alive", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_monitor_hears_of_each_finished_issue_until_it_answers(newsroom: Newsroom) -> None:
    with monitor([500, 200, 200]) as (url, asked):
        text = (newsroom.path / "config.toml").read_text("utf-8")
        alerts = text.replace("[alerts]\n", f'[alerts]\nheartbeat_url = "{url}"\n')
        (newsroom.path / "config.toml").write_text(alerts, "utf-8")
        newsroom.tick(DUE - HOUR)
        assert asked == []
        for minute in (0, 1, 6, 12):
            newsroom.tick(DUE + minute * MINUTE)
    assert asked == ["/alive", "/alive"]


def test_settings_that_are_broken_for_a_while_cost_nothing(newsroom: Newsroom) -> None:
    newsroom.edit("config.toml", "[schedule]", "[schedule")
    with pytest.raises(NewsletterError):
        newsroom.tick(DUE)
    newsroom.edit("config.toml", "[schedule", "[schedule]")
    newsroom.tick(DUE + MINUTE)
    assert newsroom.issues() == 22
