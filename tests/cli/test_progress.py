"""How far a send is, as a terminal and a pipe show it."""

import pytest

from newsletter.cli.progress import Pace, progress


def test_progress_in_a_pipe_is_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("sent", 2000) as report:
        for done in range(0, 2001, 50):
            report(done)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[0] == "sent: 200 of 2,000"
    assert len(captured.err.splitlines()) == 10


def test_the_pace_is_that_of_the_last_twenty_seconds() -> None:
    pace = Pace()
    for second in range(0, 1000, 10):
        pace.note(second * (100 if second < 500 else 1), float(second))

    assert pace.per_second == 1
    assert pace.words(total=990 + 7200) == "1.0/s, 2 h 00 min left"


@pytest.mark.parametrize(
    ("done", "seconds", "words"),
    [
        (0, 10, ""),
        (51200, 10, "5,120/s, 9 s left"),
        (500, 10, "50/s, 32 min left"),
        (5, 10, "0.5/s, 52 h 46 min left"),
    ],
)
def test_rate_and_time_left_are_told_in_few_words(done: int, seconds: int, words: str) -> None:
    pace = Pace()
    pace.note(0, 0.0)
    pace.note(done, float(seconds))

    assert pace.words(total=95_000) == words


def test_at_the_first_look_no_rate_is_known() -> None:
    pace = Pace()
    pace.note(700, 3.0)

    assert pace.words(total=1000) == ""
