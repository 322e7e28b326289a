"""`newsletter run` as its own process, by a clock that shows what it is told to."""

from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from shutil import copytree
from zoneinfo import ZoneInfo

import pytest

from tests.acceptance.clockwork import Clockwork, running
from tests.acceptance.conftest import Folder

MONTH = "2022-11"
EDITOR = "editor@rideau-network.example"
MANY = 400
DUE = datetime.fromisoformat("2022-11-01T13:00:00+00:00")  # nine o'clock in Toronto
TOLD = {f"{MONTH} is being sent": 1, f"{MONTH} has been sent": 1}
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
BEFORE = DUE - 6 * SECOND  # time enough to be there in time on a machine that is not too busy


@pytest.fixture
def newsroom(subscribed: Folder) -> Folder:
    """November is ready for 22 readers, October was published elsewhere."""
    subscribed.edit("config.toml", "to = []", f'to = ["{EDITOR}"]')
    subscribed.edit("issues/2022-10/issue.toml", '"ready"', '"past"')
    return subscribed


def subjects_told(folder: Folder) -> Counter[str]:
    """What the editor was told; every alert is a file of its own."""
    files = (folder.path / "var/outbox/new").glob("*.eml")
    texts = (file.read_text("utf-8") for file in files)
    found = (text.partition("\n\n")[0].splitlines() for text in texts if f"To: {EDITOR}" in text)
    return Counter(
        line.removeprefix("Subject: ") for head in found for line in head if "Subject: " in line
    )


def sent(folder: Folder) -> dict[str, datetime]:
    """Who got the issue, and the date that it bears."""
    return {
        address: parsedate_to_datetime(message["Date"])
        for address, message in folder.emails().items()
        if address != EDITOR
    }


def has_told(kind: str, *processes: Clockwork) -> bool:
    """Whether one of them has sent the editor that alert."""
    return any(f'"kind": "{kind}"' in process.said() for process in processes)


def test_the_issue_leaves_at_its_minute_once_through_a_kill(newsroom: Folder) -> None:
    people = "\n".join(f"reader{number}@clinic.example" for number in range(MANY))
    (newsroom.path / "people.csv").write_text(f"email\n{people}\n", "utf-8")
    newsroom.ok("subscribers", "import", "people.csv")
    outbox = newsroom.path / "var/outbox/new"

    with running(newsroom, BEFORE) as first:
        first.await_that(lambda: len(list(outbox.glob("*.eml"))) > 20)
        first.kill()
    before = {file.name: file.stat().st_ino for file in outbox.glob("*.eml")}
    assert len(before) < MANY
    assert min(sent(newsroom).values()) >= DUE

    with running(newsroom, DUE + 30 * SECOND) as second:
        second.await_that(lambda: has_told("finished", second))
        second.stop()
    after = {file.name: file.stat().st_ino for file in outbox.glob("*.eml")}
    assert before.items() <= after.items()
    assert len(sent(newsroom)) == MANY + 22
    assert len(after) == MANY + 22 + 2
    assert subjects_told(newsroom) == TOLD, second.said()
    dates = sent(newsroom).values()
    assert max(dates) - DUE < timedelta(minutes=5)

    with running(newsroom, DUE + HOUR) as third:
        third.await_serving()
        third.stop()
    assert {file.name for file in outbox.glob("*.eml")} == after.keys()


def test_two_of_them_in_one_folder_send_it_once(newsroom: Folder) -> None:
    with running(newsroom, BEFORE) as one, running(newsroom, BEFORE) as other:
        for each in (one, other):
            each.await_that(lambda: has_told("finished", one, other))
        one.stop()
        other.stop()
    assert len(sent(newsroom)) == 22
    said = one.said() + other.said()
    assert subjects_told(newsroom) == TOLD, said
    assert said.count("send.begun") == 1


def test_one_that_starts_late_sends_at_once(newsroom: Folder) -> None:
    with running(newsroom, DUE + 3 * HOUR) as late:
        late.await_that(lambda: has_told("finished", late))
        late.stop()
    assert len(sent(newsroom)) == 22
    assert min(sent(newsroom).values()) >= DUE + 3 * HOUR


def test_one_that_starts_too_late_tells_and_sends_nothing(newsroom: Folder) -> None:
    with running(newsroom, DUE + 25 * HOUR) as late:
        late.await_that(lambda: has_told("missed", late))
        late.stop()
    assert sent(newsroom) == {}
    assert subjects_told(newsroom) == {f"{MONTH} was missed": 1}


def test_on_any_night_it_leaves_at_the_one_moment_that_is_meant(
    newsroom: Folder, tmp_path: Path
) -> None:
    nights = [
        # The night's second 01:30 comes an hour later.
        ("America/Toronto", "6", "01:30", "2022-11-06T01:30:00-04:00"),
        # 02:10 is left out on the second of October: clocks go from 02:00 to 02:30.
        ("Australia/Lord_Howe", "2", "02:10", "2022-10-02T02:40:00+11:00"),
        ("Asia/Kathmandu", "13", "00:00", "2022-11-13T00:00:00+05:45"),
    ]
    with ExitStack() as stack:
        for zone, day, time, due in nights:
            folder = Folder(copytree(newsroom.path, tmp_path / day))
            folder.edit("issues/2022-10/issue.toml", '"past"', '"ready"')
            folder.edit("config.toml", 'timezone = "America/Toronto"', f'timezone = "{zone}"')
            folder.edit("config.toml", 'day = "1st tue"', f'day = "{day}"')
            folder.edit("config.toml", 'time = "09:00"', f'time = "{time}"')
            due_at = datetime.fromisoformat(due)
            # Where the machine is says nothing.
            begins_at = (due_at - 8 * SECOND).astimezone(ZoneInfo("Asia/Tokyo"))
            night = stack.enter_context(running(folder, begins_at, "Asia/Tokyo"))
            stack.callback(_see_that_it_leaves, night, folder, due_at)


def _see_that_it_leaves(night: Clockwork, folder: Folder, due_at: datetime) -> None:
    night.await_that(lambda: has_told("finished", night))
    night.stop()
    assert len(sent(folder)) == 22
    assert due_at <= min(sent(folder).values()) < due_at + timedelta(minutes=5)
