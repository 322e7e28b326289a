"""With SendGrid an issue is given in ahead, leaves at its minute, and can be stopped until then."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from newsletter.cli.main import main
from newsletter.dispatch.pacing import Manners
from newsletter.errors import TransportError
from newsletter.model.delivery import DeliveryStatus, IssueState
from newsletter.pipeline import Pipeline
from newsletter.transports.sendgrid.transport import Sendgrid
from tests.fakes.sendgrid_account import BATCH, CANCEL, SEND
from tests.fakes.sendgrid_rules import Email
from tests.fakes.sendgrid_server import FakeSendgrid, Trouble

from .newsroom import DUE, EDITOR, HOUR, MINUTE, MONTH, Newsroom

READERS = 22
PLANNED, ACCEPTED, CANCELLED = (
    DeliveryStatus.PLANNED,
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.CANCELLED,
)


class Agency:
    """A newsroom that sends by SendGrid, whose clock goes with the newsroom's."""

    def __init__(self, newsroom: Newsroom, fake: FakeSendgrid) -> None:
        self.newsroom = newsroom
        self.fake = fake
        newsroom.edit("config.toml", 'use = "outbox"', 'use = "sendgrid"')
        newsroom.edit("config.toml", 'region = "global"', f'base_url = "{fake.url}"')

    def tick(self, at: datetime) -> datetime:
        self.fake.advance(at - self.fake.now)
        return self.newsroom.tick(at)

    @contextmanager
    def pipeline(self, at: datetime) -> Iterator[Pipeline]:
        """What a command works with at that time."""
        self.fake.advance(at - self.fake.now)
        self.newsroom.now = at
        with self.newsroom.open() as workshop:
            yield workshop.pipeline

    def issues(self) -> list[Email]:
        """The copies of the issue that have left."""
        return [email for email in self.fake.delivered if email.to != EDITOR]

    def alerts(self) -> list[str]:
        return [email.subject for email in self.fake.delivered if email.to == EDITOR]

    def readers(self, at: datetime = DUE + 2 * HOUR) -> list[str]:
        """Who has got the issue by then, twice if so."""
        self.fake.advance(at - self.fake.now)
        return sorted(email.to for email in self.issues())

    def counts(self) -> dict[DeliveryStatus, int]:
        with self.newsroom.open() as workshop:
            return dict(workshop.pipeline.standing(MONTH).counts)

    def is_published(self) -> bool:
        return (self.newsroom.path / "archive" / MONTH / "index.html").exists()


@pytest.fixture
def agency(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agency]:
    # While a clock stands still nobody's next attempt comes nearer.
    monkeypatch.setattr("newsletter.pipeline.Manners", partial(Manners, linger=timedelta()))
    with FakeSendgrid() as fake:
        yield Agency(newsroom, fake)


def test_an_issue_leaves_at_its_minute_once_and_is_published_just_before(agency: Agency) -> None:
    assert agency.tick(DUE - 2 * HOUR) == DUE - HOUR
    assert agency.fake.calls(SEND) == 0
    assert agency.tick(DUE - HOUR) == DUE
    agency.newsroom.restarted()
    for minutes in (30, 10, 3):
        agency.tick(DUE - minutes * MINUTE)
    assert agency.counts() == {ACCEPTED: READERS}
    assert agency.newsroom.state() is IssueState.SENDING
    assert not agency.is_published()
    agency.tick(DUE - MINUTE)
    assert agency.is_published()
    assert agency.issues() == []
    agency.fake.advance(MINUTE)
    assert len(set(agency.readers(DUE + MINUTE))) == len(agency.issues()) == READERS
    agency.tick(DUE + MINUTE)
    agency.tick(DUE + 2 * MINUTE)
    assert agency.newsroom.state() is IssueState.FINISHED
    assert agency.alerts() == [f"{MONTH} is about to be sent", f"{MONTH} has been sent"]
    assert agency.fake.calls(CANCEL) == 0


def test_all_of_it_is_called_back_by_one_cancellation(agency: Agency) -> None:
    agency.tick(DUE - HOUR)
    assert (agency.fake.calls(BATCH), agency.fake.calls(SEND) > 1) == (1, True)
    with agency.pipeline(DUE - 30 * MINUTE) as pipeline:
        assert pipeline.control.pause(MONTH).back == READERS
    assert agency.fake.calls(CANCEL) == 1
    assert agency.counts() == {PLANNED: READERS}
    assert agency.readers() == []


def test_a_paused_issue_goes_on_at_its_time_or_late_and_once(agency: Agency) -> None:
    for resumed_at in (DUE - 20 * MINUTE, DUE + 5 * MINUTE):
        agency.tick(DUE - HOUR)
        with agency.pipeline(DUE - 30 * MINUTE) as pipeline:
            pipeline.control.pause(MONTH)
        agency.tick(DUE - 25 * MINUTE)
        with agency.pipeline(resumed_at) as pipeline:
            pipeline.control.resume(MONTH)
    agency.tick(DUE + 6 * MINUTE)
    assert len(set(agency.readers())) == len(agency.issues()) == READERS


def test_a_cancelled_issue_reaches_nobody(agency: Agency) -> None:
    agency.tick(DUE - HOUR)
    with agency.pipeline(DUE - 12 * MINUTE) as pipeline:
        assert pipeline.control.cancel(MONTH).back == READERS
    agency.tick(DUE)
    assert agency.counts() == {CANCELLED: READERS}
    assert (agency.readers(), agency.is_published()) == ([], False)


def test_in_the_last_minutes_it_leaves_and_the_ledger_says_so(agency: Agency) -> None:
    """SendGrid promises nothing for a cancellation in the last ten minutes."""
    agency.tick(DUE - HOUR)
    with agency.pipeline(DUE - 5 * MINUTE) as pipeline:
        recall = pipeline.control.pause(MONTH)
        assert (recall.back, recall.leaving) == (0, READERS)
    assert agency.counts() == {ACCEPTED: READERS}
    assert len(agency.readers()) == READERS


def test_an_edit_before_its_time_replaces_what_was_given_in(agency: Agency) -> None:
    agency.tick(DUE - HOUR)
    path = agency.newsroom.path / f"issues/{MONTH}/issue.toml"
    lines = [
        'subject = "Put right in time"' if line.startswith("subject") else line
        for line in path.read_text("utf-8").split("\n")
    ]
    path.write_text("\n".join(lines), "utf-8")
    agency.tick(DUE - 40 * MINUTE)
    assert agency.fake.calls(CANCEL) == 1
    assert len(set(agency.readers())) == len(agency.issues()) == READERS
    assert {email.subject for email in agency.issues()} == {"Put right in time"}


@pytest.mark.parametrize("edit", [('"ready"', '"draft"'), ("subject", "subjekt")])
def test_what_is_no_longer_ready_is_called_back(agency: Agency, edit: tuple[str, str]) -> None:
    agency.tick(DUE - HOUR)
    agency.newsroom.edit(f"issues/{MONTH}/issue.toml", *edit)
    agency.tick(DUE - 50 * MINUTE)
    assert agency.newsroom.state() is IssueState.DRAFT
    agency.tick(DUE)
    assert agency.issues() == []
    agency.newsroom.edit(f"issues/{MONTH}/issue.toml", *edit[::-1])
    agency.tick(DUE + 40 * MINUTE)
    assert len(set(agency.readers())) == len(agency.issues()) == READERS
    assert agency.alerts().count(f"{MONTH} is being sent") == 1


@pytest.mark.parametrize("hours", [3, -2])
def test_what_is_due_at_another_time_after_all_leaves_then(agency: Agency, hours: int) -> None:
    agency.tick(DUE - HOUR)
    agency.newsroom.edit("config.toml", 'time = "09:00"', f'time = "{9 + hours:02}:00"')
    agency.tick(DUE - 30 * MINUTE)
    for minutes in range(-30, 181, 30):
        agency.tick(DUE + minutes * MINUTE)
        has_left = len(agency.issues())
        assert has_left == (READERS if minutes >= max(hours * 60, 0) else 0)


@pytest.mark.parametrize("trouble", [Trouble.ERROR_AFTER, Trouble.CLOSE_BEFORE, Trouble.HTML_AFTER])
def test_after_a_lost_answer_all_that_shares_the_batch_is_given_in_again(
    agency: Agency, trouble: Trouble
) -> None:
    agency.fake.trouble[SEND].extend([Trouble.NONE] * 3 + [trouble])
    agency.tick(DUE - HOUR)
    agency.tick(DUE - 58 * MINUTE)
    agency.tick(DUE - 50 * MINUTE)
    cancelled = {body["batch_id"] for path, body in agency.fake.requests if path == CANCEL}
    assert len(cancelled) == 1
    assert len(set(agency.readers())) == len(agency.issues()) == READERS


def test_a_provider_that_is_away_is_asked_again_until_what_is_stopped_has_come_back(
    agency: Agency,
) -> None:
    agency.tick(DUE - HOUR)
    agency.fake.trouble[CANCEL].extend([Trouble.ERROR_BEFORE] * 2)
    with agency.pipeline(DUE - 30 * MINUTE) as pipeline, pytest.raises(TransportError):
        pipeline.control.pause(MONTH)
    assert agency.newsroom.state() is IssueState.PAUSED
    agency.fake.trouble[CANCEL].extend([Trouble.ERROR_BEFORE] * 2)
    for minutes in (29, 28):  # at the first of which it is still away
        agency.tick(DUE - minutes * MINUTE)
    assert agency.counts() == {PLANNED: READERS}
    assert agency.readers() == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("is_heard", [True, False])
def test_who_dies_while_calling_back_leaves_it_to_the_next(
    agency: Agency, monkeypatch: pytest.MonkeyPatch, *, is_heard: bool
) -> None:
    """Just before SendGrid is asked, or just after."""
    agency.tick(DUE - HOUR)
    ask = Sendgrid.can_repeat

    def die(transport: Sendgrid, name: str | None) -> bool:
        if is_heard:
            ask(transport, name)
        raise Killed

    with agency.pipeline(DUE - 30 * MINUTE) as pipeline, monkeypatch.context() as patch:
        patch.setattr(Sendgrid, "can_repeat", die)
        with pytest.raises(Killed):
            pipeline.control.pause(MONTH)
    agency.tick(DUE - 28 * MINUTE)
    assert agency.counts() == {PLANNED: READERS}
    assert agency.readers() == []


def test_a_scheduler_that_slept_through_it_has_not_missed_it(agency: Agency) -> None:
    agency.tick(DUE - HOUR)
    agency.tick(DUE + timedelta(hours=30))
    assert agency.newsroom.state() is IssueState.FINISHED
    assert agency.is_published()
    assert f"{MONTH} was missed" not in agency.alerts()
    assert len(agency.issues()) == READERS


def test_a_command_says_what_it_called_back(
    agency: Agency, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the clock of the machine, as commands have no other."""
    now = datetime.now(UTC)
    due_at = now + timedelta(minutes=50)
    month, folder = f"{due_at:%Y-%m}", agency.newsroom.path
    (folder / "issues" / MONTH).rename(folder / "issues" / month)
    agency.newsroom.edit(
        f"issues/{month}/issue.toml", "status", f"send_at = {due_at:%Y-%m-%dT%H:%M:%S}Z\nstatus"
    )
    agency.tick(now)
    for name, value in (("NEWSLETTER_SECRET_KEY", "k" * 40), ("SENDGRID_API_KEY", agency.fake.key)):
        monkeypatch.setenv(name, value)

    def run(command: str) -> str:
        assert main(["--config", str(folder / "config.toml"), command, month]) == 0
        return capsys.readouterr().out

    assert "leaves " in run("status")
    assert f"Called back from sendgrid in time: {READERS}." in run("pause")
    assert f"planned           {READERS}" in run("status")
