"""Every month has one due time, and what is to be done at an instant follows from it alone."""

from calendar import monthrange
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.calendar import DueTime, Entry, Schedule, ScheduledIssue, Timing, agenda
from newsletter.model.delivery import IssueState

TORONTO = "America/Toronto"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NTH = ("1st", "2nd", "3rd", "4th", "5th", "last")
days = st.one_of(
    st.just("last"),
    st.integers(1, 31).map(str),
    st.builds("{} {}".format, st.sampled_from(NTH), st.sampled_from(WEEKDAYS)),
)
months = st.builds("{:04d}-{:02d}".format, st.integers(1990, 2100), st.integers(1, 12))
zones = st.sampled_from([TORONTO, "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Pacific/Apia"])


def schedule(day: str = "1st tue", at: str = "09:00", zone: str = TORONTO) -> Schedule:
    return Schedule(day, time.fromisoformat(at), ZoneInfo(zone), 24 * HOUR, 48 * HOUR)


def due(day: str, month: str, at: str = "09:00", zone: str = TORONTO) -> str:
    wanted = schedule(day, at, zone)
    return wanted.due_at(month).astimezone(wanted.timezone).isoformat()


def entry_at(now: datetime, issue: ScheduledIssue, plan: Schedule | None = None) -> Entry | None:
    entries = agenda(plan or schedule(), [issue], now)
    return next((entry for entry in entries if entry.month == issue.month), None)


@pytest.mark.parametrize(
    ("day", "month", "date"),
    [
        ("1st tue", "2022-11", "2022-11-01"),
        ("1st tue", "2026-12", "2026-12-01"),
        ("3rd wed", "2026-11", "2026-11-18"),
        ("last fri", "2026-11", "2026-11-27"),
        ("5th fri", "2027-01", "2027-01-29"),
        ("5th fri", "2026-11", "2026-11-27"),
        ("last", "2024-02", "2024-02-29"),
        ("31", "2026-11", "2026-11-30"),
        ("29", "2026-02", "2026-02-28"),
        ("15", "2026-11", "2026-11-15"),
    ],
)
def test_the_day_is_found_in_every_month_however_short(day: str, month: str, date: str) -> None:
    assert due(day, month)[:10] == date


@pytest.mark.parametrize(
    ("day", "month", "at", "zone", "instant"),
    [
        ("1st tue", "2026-03", "09:00", TORONTO, "2026-03-03T09:00:00-05:00"),
        ("2nd tue", "2026-03", "09:00", TORONTO, "2026-03-10T09:00:00-04:00"),
        # Clocks go from 02:00 to 03:00 on 8 March, and from 02:00 back to 01:00 on 1 November.
        ("8", "2026-03", "02:30", TORONTO, "2026-03-08T03:30:00-04:00"),
        ("1", "2026-11", "01:30", TORONTO, "2026-11-01T01:30:00-04:00"),
        # By half an hour on Lord Howe: from 02:00 to 02:30 on 4 October, back on 5 April.
        ("4", "2026-10", "02:10", "Australia/Lord_Howe", "2026-10-04T02:40:00+11:00"),
        ("5", "2026-04", "01:45", "Australia/Lord_Howe", "2026-04-05T01:45:00+11:00"),
        ("1st tue", "2026-12", "09:00", "Asia/Kathmandu", "2026-12-01T09:00:00+05:45"),
    ],
)
def test_clock_changes_neither_skip_nor_double_an_issue(
    day: str, month: str, at: str, zone: str, instant: str
) -> None:
    assert due(day, month, at, zone) == instant


@given(days, months, zones)
def test_every_month_has_its_own_due_day(day: str, month: str, zone: str) -> None:
    at = datetime.fromisoformat(due(day, month, "12:00", zone))
    year, number = map(int, month.split("-"))
    length = monthrange(year, number)[1]
    assert f"{at:%Y-%m}" == month
    which, _, weekday = day.partition(" ")
    if weekday:
        assert at.weekday() == WEEKDAYS.index(weekday)
        if which == "last":
            assert at.day > length - 7
        else:
            assert (at.day - 1) // 7 == int(which[0]) - 1 or (which == "5th" and at.day > 21)
    else:
        assert at.day == (length if which == "last" else min(int(which), length))


DUE = datetime(2022, 11, 1, 13, tzinfo=UTC)  # the first Tuesday, nine o'clock in Toronto


@pytest.mark.parametrize(
    ("state", "after", "timing", "shown", "to_be_sent"),
    [
        (IssueState.READY, -HOUR, Timing.UPCOMING, IssueState.READY, False),
        (IssueState.READY, timedelta(0), Timing.DUE, IssueState.READY, True),
        (IssueState.READY, HOUR, Timing.LATE, IssueState.READY, True),
        (IssueState.READY, 24 * HOUR, Timing.LATE, IssueState.READY, True),
        (IssueState.READY, 25 * HOUR, Timing.MISSED, IssueState.MISSED, False),
        (IssueState.DRAFT, HOUR, Timing.LATE, IssueState.DRAFT, False),
        (IssueState.DRAFT, 25 * HOUR, Timing.MISSED, IssueState.MISSED, False),
        (IssueState.SENDING, HOUR, Timing.LATE, IssueState.SENDING, True),
        (IssueState.SENDING, 25 * HOUR, Timing.MISSED, IssueState.MISSED, False),
        (IssueState.PAUSED, HOUR, Timing.LATE, IssueState.PAUSED, False),
        (IssueState.PAUSED, 40 * DAY, Timing.LATE, IssueState.PAUSED, False),
    ],
)
def test_an_issue_is_sent_from_its_due_time_until_it_is_missed(
    state: IssueState, after: timedelta, timing: Timing, shown: IssueState, *, to_be_sent: bool
) -> None:
    entry = entry_at(DUE + after, ScheduledIssue("2022-11", state))
    assert entry is not None
    assert (entry.timing, entry.state, entry.is_to_be_sent) == (timing, shown, to_be_sent)


@pytest.mark.parametrize("state", [IssueState.FINISHED, IssueState.CANCELLED])
def test_what_is_done_is_never_sent_wherever_the_clock_is_set(state: IssueState) -> None:
    for after in (-DAY, timedelta(0), HOUR, DAY):
        entry = entry_at(DUE + after, ScheduledIssue("2022-11", state))
        assert entry is None or not entry.is_to_be_sent


def test_the_issues_own_time_wins() -> None:
    send_at = datetime(2022, 11, 15, 14, tzinfo=UTC)
    issue = ScheduledIssue("2022-11", IssueState.READY, send_at)
    before = entry_at(DUE + HOUR, issue)
    assert before is not None
    assert (before.due_at, before.timing) == (send_at, Timing.UPCOMING)
    on_time = entry_at(send_at, issue)
    assert on_time is not None
    assert on_time.is_to_be_sent


def test_what_has_begun_goes_on_for_a_day_even_under_a_stricter_schedule() -> None:
    strict = Schedule("1st tue", time(9), ZoneInfo(TORONTO), timedelta(minutes=5), 48 * HOUR)
    ready = entry_at(DUE + HOUR, ScheduledIssue("2022-11", IssueState.READY), strict)
    begun = entry_at(DUE + HOUR, ScheduledIssue("2022-11", IssueState.SENDING), strict)
    assert ready is not None
    assert begun is not None
    assert (ready.timing, begun.timing) == (Timing.MISSED, Timing.LATE)


def test_a_changed_schedule_moves_what_is_open_and_nothing_else() -> None:
    now = DUE + HOUR
    later = schedule("3rd tue")
    ready = ScheduledIssue("2022-11", IssueState.READY)
    moved = entry_at(now, ready, later)
    assert moved is not None
    assert moved.timing is Timing.UPCOMING
    finished = entry_at(now, ScheduledIssue("2022-11", IssueState.FINISHED), later)
    assert finished is not None
    assert finished.timing is Timing.DONE


@pytest.mark.parametrize(
    ("state", "before", "expected"),
    [
        (IssueState.DRAFT, 49 * HOUR, False),
        (IssueState.DRAFT, 48 * HOUR, True),
        (IssueState.DRAFT, -HOUR, True),
        (IssueState.DRAFT, -25 * HOUR, False),
        (IssueState.READY, HOUR, False),
        (IssueState.PAUSED, HOUR, False),
    ],
)
def test_who_is_not_ready_is_reminded_in_time(
    state: IssueState, before: timedelta, *, expected: bool
) -> None:
    now = DUE - before
    entry = entry_at(now, ScheduledIssue("2022-11", state))
    assert entry is not None
    assert entry.needs_reminder(now, timedelta(hours=48)) is expected


def test_the_agenda_has_six_dates_ahead_whether_issues_are_written_or_not() -> None:
    entries = agenda(schedule(), [ScheduledIssue("2022-12", IssueState.READY)], DUE + 2 * DAY)
    assert [entry.month for entry in entries] == [
        *("2022-12", "2023-01", "2023-02", "2023-03", "2023-04", "2023-05"),
    ]
    assert [entry.is_there for entry in entries] == [True] + [False] * 5


def test_a_month_that_nobody_wrote_is_missed_once_the_newsletter_has_begun() -> None:
    written = ScheduledIssue("2022-10", IssueState.FINISHED)
    missed = agenda(schedule(), [written], DUE + 2 * DAY)[0]
    assert (missed.month, missed.state, missed.is_there) == ("2022-11", IssueState.MISSED, False)
    assert agenda(schedule(), [], DUE + 2 * DAY)[0].month == "2022-12"


def test_what_was_missed_long_ago_is_no_news() -> None:
    old = ScheduledIssue("2022-11", IssueState.READY)
    assert entry_at(DUE + 30 * DAY, old) is not None
    assert entry_at(DUE + 32 * DAY, old) is None


states = st.sampled_from([state for state in IssueState if state is not IssueState.MISSED])
known = st.lists(st.builds(ScheduledIssue, months, states), max_size=8, unique_by=lambda i: i.month)
instants = st.datetimes(datetime(1991, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds have no time zone; what is drawn has


@given(days, zones, known, instants)
def test_an_agenda_is_in_order_and_has_each_month_once(
    day: str, zone: str, issues: list[ScheduledIssue], now: datetime
) -> None:
    entries = agenda(schedule(day, "09:00", zone), issues, now)
    assert [e.due_at for e in entries] == sorted(e.due_at for e in entries)
    assert len({e.month for e in entries}) == len(entries)
    assert sum(e.due_at > now for e in entries) == 6
    assert sum(e.is_to_be_sent for e in entries) <= 2  # last month's late, this month's due


@pytest.mark.parametrize(
    ("state", "before", "timing", "to_be_sent"),
    [
        (IssueState.READY, 61 * MINUTE, Timing.UPCOMING, False),
        (IssueState.READY, HOUR, Timing.NEAR, True),
        (IssueState.SENDING, MINUTE, Timing.NEAR, True),
        (IssueState.DRAFT, MINUTE, Timing.NEAR, False),
        (IssueState.PAUSED, MINUTE, Timing.NEAR, False),
        (IssueState.READY, timedelta(0), Timing.DUE, True),
    ],
)
def test_a_provider_that_takes_an_issue_ahead_is_given_it_an_hour_before(
    state: IssueState, before: timedelta, timing: Timing, *, to_be_sent: bool
) -> None:
    issue = ScheduledIssue("2022-11", state)
    entry = agenda(schedule(), [issue], DUE - before, head_start=HOUR)[0]
    assert (entry.timing, entry.is_to_be_sent) == (timing, to_be_sent)


def test_what_was_given_in_is_never_missed() -> None:
    issue = ScheduledIssue("2022-11", IssueState.SENDING, is_given_in=True)
    entry = entry_at(DUE + 30 * HOUR, issue)
    assert entry is not None
    assert entry.is_to_be_sent


@pytest.mark.parametrize(
    ("zone", "hours", "local"),
    [
        ("", 24, "2022-11-01T09:00-04:00"),
        (TORONTO, 24, "2022-11-01T09:00-04:00"),
        ("America/Vancouver", 24, "2022-11-01T09:00-07:00"),
        ("Europe/Paris", 24, "2022-11-02T09:00+01:00"),
        ("Asia/Kathmandu", 24, "2022-11-02T09:00+05:45"),
        ("Pacific/Auckland", 24, "2022-11-02T09:00+13:00"),
        ("America/Vancouver", 3, "2022-11-01T09:00-07:00"),
        ("America/Vancouver", 2, "2022-11-01T06:00-07:00"),
        ("Europe/Paris", 12, "2022-11-01T14:00+01:00"),
    ],
)
def test_a_reader_gets_it_when_their_clock_next_shows_the_hour_within_the_window(
    zone: str, hours: int, local: str
) -> None:
    due = DueTime(DUE, ZoneInfo(TORONTO), hours * HOUR)
    assert due.for_reader(zone) == datetime.fromisoformat(local)


@pytest.mark.parametrize(
    ("at", "zone", "local"),
    [
        # Toronto's clocks skip 02:30 on 8 March, and show 01:30 twice on 1 November.
        ("2026-03-08T02:30+00:00", TORONTO, "2026-03-08T03:30-04:00"),
        ("2026-11-01T01:30+00:00", TORONTO, "2026-11-01T01:30-04:00"),
        ("2026-10-03T02:10+00:00", "Australia/Lord_Howe", "2026-10-04T02:40+11:00"),
    ],
)
def test_a_readers_clock_change_neither_skips_nor_doubles(at: str, zone: str, local: str) -> None:
    due = DueTime(datetime.fromisoformat(at), ZoneInfo("UTC"), 24 * HOUR)
    assert due.for_reader(zone) == datetime.fromisoformat(local)


@given(instants, zones, zones, st.integers(1, 24))
def test_nobody_gets_it_before_it_is_due_or_after_the_window(
    at: datetime, zone: str, readers: str, hours: int
) -> None:
    due = DueTime(at, ZoneInfo(zone), hours * HOUR)
    assert at <= due.for_reader(readers) <= at + hours * HOUR
