"""The commands of the calendar: what comes when, and the word that an issue may leave."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from newsletter.calendar import Timing
from newsletter.cli.options import Json, Month, command_group, load, open_pipeline, open_timetable
from newsletter.cli.output import note, print_json, print_table, say

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from newsletter.calendar import Entry
    from newsletter.timetable import Outlook

app = command_group()


@app.command()
def schedule(context: typer.Context, json: Json = False) -> None:
    """Show the next dates, what each would send, and what is missing for it.

    Example: newsletter schedule
    """
    config = load(context)
    timetable = open_timetable(config)
    zone = config.schedule.timezone
    outlooks = [(e, timetable.outlook(e)) for e in timetable.entries(datetime.now(UTC))]
    if json:
        print_json([_document(entry, outlook, zone) for entry, outlook in outlooks])
        return
    here = datetime.now(UTC).astimezone()
    elsewhere = here.utcoffset() != here.astimezone(zone).utcoffset()
    columns = ("issue", f"due ({zone.key})", *(("here",) if elsewhere else ()), "state", "")
    rows = []
    for entry, outlook in outlooks:
        due_at, local_at = entry.due_at.astimezone(zone), entry.due_at.astimezone()
        day = "" if local_at.date() == due_at.date() else f"{local_at:%a %-d %b, }"
        local = (f"{day}{local_at:%H:%M}",) if elsewhere else ()
        rows.append((entry.month, f"{due_at:%a %-d %b %Y, %H:%M}", *local, *_words(entry, outlook)))
    print_table(columns, rows)
    if not any(outlook.recipients and not outlook.missing for _, outlook in outlooks):
        note("Nothing is ready to leave yet.")


@app.command()
def approve(context: typer.Context, month: Month) -> None:
    """Say that a draft may be sent: sets status = "ready" in its file, if nothing is wrong in it.

    Example: newsletter approve 2022-11
    """
    config = load(context)
    was_draft = open_pipeline(config).desk.approve(month)
    say(f"{month} is ready." if was_draft else f"{month} was ready before.")
    entries = open_timetable(config).entries(datetime.now(UTC))
    coming = (entry for entry in entries if entry.month == month and not entry.state.is_over)
    due_at = next((entry.due_at for entry in coming), None)
    if due_at:
        local = due_at.astimezone(config.schedule.timezone)
        note(f"It is due on {local:%A %-d %B %Y at %H:%M}; to send it now: newsletter send {month}")


def _words(entry: "Entry", outlook: "Outlook") -> tuple[str, str]:
    """An entry's state, and what it would bring or lacks."""
    if not entry.is_there:
        is_missed = entry.timing is Timing.MISSED
        return "missed" if is_missed else "not begun", f"newsletter new {entry.month}"
    if entry.state.is_over:
        return entry.state, outlook.subject
    is_late = entry.is_to_be_sent and entry.timing is Timing.LATE
    if entry.timing is Timing.MISSED and not outlook.missing:
        return entry.state, f"newsletter send {entry.month}"
    would = "; ".join(outlook.missing) or f"to {outlook.recipients:,}: {outlook.subject}"
    return "late" if is_late else entry.state, would


def _document(entry: "Entry", outlook: "Outlook", zone: "ZoneInfo") -> dict[str, Any]:
    return {
        "issue": entry.month,
        "due_at": entry.due_at.astimezone(zone).isoformat(),
        "state": entry.state,
        "timing": entry.timing,
        "subject": outlook.subject,
        "recipients": outlook.recipients,
        "missing": list(outlook.missing),
    }
