"""`newsletter rehearse`: what the schedule would do and when, without anything being done."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

import typer

from newsletter.cli.options import OptionalMonth, command_group, reload
from newsletter.cli.output import console, note, print_table, say, warn
from newsletter.model.delivery import IssueState

if TYPE_CHECKING:
    from newsletter.calendar import Entry
    from newsletter.rehearsal import Happening, Rehearsal
    from newsletter.settings import Config

app = command_group()

_A_YEAR: Final = 12
_COMMAND: Final = re.compile(r"newsletter \w+ [\w-]+")  # never broken at the end of a line


@app.command()
def rehearse(
    context: typer.Context,
    month: OptionalMonth = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="When the scheduler is started, such as '2022-11-01 11:30'; before, it was down.",
        ),
    ] = None,
) -> None:
    """Show what the schedule would do and when; without a month, for the next twelve issues.

    The real scheduler runs under a clock of its own on copies: nothing leaves, nothing changes.

    Example: newsletter rehearse 2022-11
    """
    from newsletter.rehearsal import obstacle, open_rehearsal

    config = reload(context)  # and no log: what follows has not happened
    awake_at = _moment(at, config.schedule.timezone) if at is not None else None
    with open_rehearsal(config, awake_at or datetime.now(UTC)) as rehearsal:
        if month is None:
            _rehearse_year(rehearsal, config, awake_at)
        else:
            _rehearse_month(rehearsal, config, month, awake_at)
    note("A rehearsal: nothing has left, and nothing has changed.")
    if not config.alerts.to:
        warn("Nobody would hear of it: [alerts] to in config.toml is empty.")
    if why := obstacle(config):
        warn(f"From here nothing would leave: {why}")


def _rehearse_month(
    rehearsal: "Rehearsal", config: "Config", month: str, awake_at: datetime | None
) -> None:
    zone, due_at = config.schedule.timezone, rehearsal.due_at(month)
    before = rehearsal.standing(month)
    rehearsal.play({month: due_at}, awake_at)
    say(f"{month} is due on {_day(due_at, zone)} at {due_at.astimezone(zone):%H:%M} ({zone.key}).")
    if awake_at:
        local = awake_at.astimezone(zone)
        note(f"The scheduler is started on {_day(awake_at, zone)} at {local:%H:%M}.")
    happenings = [each for each in rehearsal.happenings if each.month == month]
    _show(happenings, zone)
    if before and before.state in {IssueState.FINISHED, IssueState.CANCELLED}:
        on = f" on {_day(before.finished_at, zone)}" if before.finished_at else ""
        say(f"\nIt was {before.state}{on}, so no more of it leaves.\n")
    elif not happenings:
        say("\nNothing happens: that is too long after it was due.\n")


def _rehearse_year(rehearsal: "Rehearsal", config: "Config", awake_at: datetime | None) -> None:
    zone = config.schedule.timezone
    begins_at = awake_at or datetime.now(UTC)
    dates = rehearsal.coming(begins_at, _A_YEAR)
    rehearsal.play({entry.month: entry.due_at for entry in dates}, begins_at)
    rows = [
        (
            entry.month,
            f"{entry.due_at.astimezone(zone):%a %-d %b %Y, %H:%M}",
            *_summary(entry, rehearsal.happenings, zone),
        )
        for entry in dates
    ]
    print_table(("issue", f"due ({zone.key})", "reminder", ""), rows)


def _summary(entry: "Entry", happenings: Iterable["Happening"], zone: ZoneInfo) -> tuple[str, str]:
    """When somebody is reminded, and how it ends."""
    from newsletter.rehearsal import What

    found = {each.what: each for each in happenings if each.month == entry.month}
    reminder = found.get(What.NOT_READY)
    ends = (What.FINISHED, What.MISSED, What.PAUSED, What.HELD_UP)
    end = next((found[what] for what in ends if what in found), None)
    on = f"{reminder.at.astimezone(zone):%a %-d %b, %H:%M}" if reminder else ""
    if end is None:
        return on, f"{entry.state} before" if entry.state.is_over else "nothing happens"
    briefly, _, _ = end.words.partition(": newsletter ")
    return on, f"{'sent' if end.what is What.FINISHED else end.what}: {briefly}"


def _show(happenings: Sequence["Happening"], zone: ZoneInfo) -> None:
    """Day by day, with a column for the time and one for what happens."""
    for day, of_day in groupby(happenings, lambda each: _day(each.at, zone)):
        say(f"\n{day}", "cyan")
        for each in of_day:
            head = f"  {each.at.astimezone(zone):%H:%M}  {each.what:<9}  "
            width = max(20, console(stderr=False).width - len(head))
            words = _COMMAND.sub(lambda command: command[0].replace(" ", "\0"), each.words)
            lines = wrap(words, width, break_long_words=False, break_on_hyphens=False)
            say((head + f"\n{' ' * len(head)}".join(lines)).replace("\0", " "))
    if happenings:
        say("")


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"--at {text!r} is no time; write it as '2022-11-01 11:30', or with its offset"
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _day(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%A %-d %B %Y}"
