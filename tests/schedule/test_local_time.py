"""By `send_in = "subscriber"` a reader with a time zone gets the issue at their own hour."""

from datetime import timedelta

import pytest

from newsletter.cli.main import main
from newsletter.model.delivery import DeliveryStatus, IssueState

from .newsroom import DUE, HOUR, MINUTE, MONTH, Newsroom

ZONES = {
    "anna@reader.example": "America/Vancouver",  # three hours after the newsletter's Toronto
    "kiran@reader.example": "Asia/Kathmandu",  # 14 hours and a quarter
    "mia@reader.example": "",
}
HERE = 23  # the 22 readers of the example, and Mia


@pytest.fixture
def abroad(newsroom: Newsroom) -> Newsroom:
    """A newsletter that leaves by its readers' clocks, and two readers far away."""
    newsroom.edit("config.toml", 'send_in = "newsletter"', 'send_in = "subscriber"')
    people = newsroom.path / "abroad.csv"
    rows = [f"{email},{zone}" for email, zone in ZONES.items()]
    people.write_text("\n".join(["email,timezone", *rows]) + "\n", "utf-8")
    config = str(newsroom.path / "config.toml")
    assert main(["--config", config, "subscribers", "import", str(people)]) == 0
    return newsroom


def test_each_gets_it_at_their_own_hour_and_once(abroad: Newsroom) -> None:
    assert abroad.tick(DUE - MINUTE) == DUE
    assert abroad.tick(DUE) == DUE + 3 * HOUR
    assert abroad.issues() == HERE
    abroad.tick(DUE + HOUR)
    abroad.restarted()
    abroad.tick(DUE + 3 * HOUR - MINUTE)
    assert abroad.issues() == HERE
    assert abroad.tick(DUE + 3 * HOUR) == DUE + timedelta(hours=14, minutes=15)
    assert (abroad.issues(), abroad.state()) == (HERE + 1, IssueState.SENDING)
    abroad.tick(DUE - HOUR)  # somebody set the clock back
    abroad.tick(DUE + 15 * HOUR)
    assert (abroad.issues(), abroad.state()) == (HERE + 2, IssueState.FINISHED)
    abroad.tick(DUE + 16 * HOUR)
    assert abroad.issues() == HERE + 2
    assert abroad.alerts() == [f"{MONTH} has been sent", f"{MONTH} is being sent"]


def test_whoever_leaves_before_their_hour_gets_nothing(abroad: Newsroom) -> None:
    abroad.tick(DUE)
    config = str(abroad.path / "config.toml")
    args = ["--config", config, "subscribers", "unsubscribe", "kiran@reader.example"]
    assert main(args) == 0
    abroad.tick(DUE + 15 * HOUR)
    assert (abroad.issues(), abroad.state()) == (HERE + 1, IssueState.FINISHED)


def test_a_pause_holds_back_those_whose_hour_is_to_come(abroad: Newsroom) -> None:
    abroad.tick(DUE)
    with abroad.open() as workshop:
        workshop.pipeline.control.cancel(MONTH)
    abroad.tick(DUE + 15 * HOUR)
    assert abroad.issues() == HERE
    with abroad.open() as workshop:
        counts = workshop.pipeline.standing(MONTH).counts
    assert counts == {DeliveryStatus.ACCEPTED: HERE, DeliveryStatus.CANCELLED: 2}


def test_outside_the_window_a_reader_gets_it_with_everybody(abroad: Newsroom) -> None:
    abroad.edit("config.toml", 'window = "24h"', 'window = "6h"')
    abroad.tick(DUE)
    assert abroad.issues() == HERE + 1
    abroad.tick(DUE + 3 * HOUR)
    assert (abroad.issues(), abroad.state()) == (HERE + 2, IssueState.FINISHED)
