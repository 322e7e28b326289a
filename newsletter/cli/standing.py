"""`newsletter status`: where the issues stand, and how one goes while it is being sent."""

from collections.abc import Iterator
from csv import writer as writer_of
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from newsletter.cli.options import Json, OptionalMonth, command_group, load, open_pipeline
from newsletter.cli.output import console, note, print_json, print_table, say, writing
from newsletter.cli.progress import watch
from newsletter.model.delivery import DeliveryProblem, IssueState

if TYPE_CHECKING:
    from newsletter.calendar import Schedule
    from newsletter.control import Standing
    from newsletter.ledger.outcome_report import OutcomeLine
    from newsletter.pipeline import Pipeline

app = command_group()


@app.command()
def status(
    context: typer.Context,
    month: OptionalMonth = None,
    json: Json = False,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write who got it, who did not and why."),
    ] = None,
    is_live: Annotated[
        bool,
        typer.Option(
            "--watch/--no-watch", help="On a terminal: follow an issue that is being sent."
        ),
    ] = True,
) -> None:
    """Show where an issue stands and how its deliveries went; without a month, all issues.

    Example: newsletter status 2022-11
    """
    if csv is not None and month is None:
        raise typer.BadParameter("--csv needs a month")
    config = load(context)
    pipeline = open_pipeline(config)
    if month is None:
        _show_all(pipeline, config.schedule, json=json)
        return
    standing = pipeline.standing(month)  # an unknown month writes no file
    if csv is not None:
        number = _write_outcomes(csv, pipeline.ledger.deliveries.outcomes(month))
        if not json:
            say(f"{number:,} lines written to {csv}.")
    if is_live and not json and csv is None and console(stderr=False).is_terminal:
        standing = _follow(pipeline, standing)
    problems = list(pipeline.ledger.deliveries.problems(month))
    if json:
        print_json(_document(standing, problems))
        return
    for problem in problems:
        say(f"{problem.status}: {problem.email or problem.id}: {problem.reason}")
    show_standing(standing, config.schedule.timezone)


def show_standing(standing: "Standing", timezone: ZoneInfo) -> None:
    """The state, its times and the counts, a line each."""
    times = [
        f"{word} {_moment(at, timezone)}"
        for word, at in (
            ("begun", standing.started_at if standing.counts else None),
            ("finished", standing.finished_at),
            ("leaves", standing.leaves_at),
        )
        if at
    ]
    say(f"{standing.month}: {standing.state}")
    if times:
        note(f"  {', '.join(times)}")
    for delivery_status, count in standing.counts.items():
        say(f"  {delivery_status:<10} {count:>9,}")


def _follow(pipeline: "Pipeline", standing: "Standing") -> "Standing":
    """The standing in the end, shown as it changes while a sender is at work."""
    ledger, month = pipeline.ledger, standing.month
    if standing.state is not IssueState.SENDING or not ledger.is_being_sent(month):
        return standing
    try:
        watch(lambda: pipeline.standing(month), lambda: ledger.is_being_sent(month))
    except KeyboardInterrupt:
        note("Watched no longer; the send goes on.")
    return pipeline.standing(month)


def _show_all(pipeline: "Pipeline", schedule: "Schedule", *, json: bool) -> None:
    standings = [pipeline.standing(month) for month in pipeline.desk.months()]
    if json:
        problems_of = pipeline.ledger.deliveries.problems
        print_json([_document(s, list(problems_of(s.month))) for s in standings])
    elif standings:
        rows = ((s.month, s.state, _when(pipeline, schedule, s), _summary(s)) for s in standings)
        print_table(("issue", "state", "when", "deliveries"), rows)
    else:
        note("No issue yet. To begin one: newsletter new MONTH")


def _when(pipeline: "Pipeline", schedule: "Schedule", standing: "Standing") -> str:
    if standing.finished_at:
        return f"finished {_day(standing.finished_at, schedule.timezone)}"
    if standing.leaves_at:
        return f"leaves {_day(standing.leaves_at, schedule.timezone)}"
    if standing.started_at and standing.counts:  # pause and cancel note a time too
        return f"begun {_day(standing.started_at, schedule.timezone)}"
    if standing.state is IssueState.FINISHED:
        return "published elsewhere"
    send_at = pipeline.desk.reading(standing.month).send_at
    due_at = send_at or schedule.due_at(standing.month)
    return f"{'was due' if due_at < datetime.now(UTC) else 'due'} {_day(due_at, schedule.timezone)}"


def _summary(standing: "Standing") -> str:
    return ", ".join(f"{count:,} {status}" for status, count in standing.counts.items()) or "none"


def _day(at: datetime, timezone: ZoneInfo) -> str:
    return f"{at.astimezone(timezone):%-d %b %Y}"


def _moment(at: datetime, timezone: ZoneInfo) -> str:
    return f"{at.astimezone(timezone):%-d %B %Y, %H:%M %Z}"


def _write_outcomes(path: Path, outcomes: Iterator["OutcomeLine"]) -> int:
    number = 0
    with writing(path) as file:
        writer = writer_of(file, lineterminator="\n")
        writer.writerow(
            ("email", "name", "variant", "status", "reason", "delivery_id", "updated_at")
        )
        for number, line in enumerate(outcomes, start=1):  # noqa: B007 - the last is wanted
            at = line.updated_at.isoformat(timespec="seconds") if line.updated_at else ""
            writer.writerow((*line[:-1], at))
    return number


def _document(standing: "Standing", problems: list[DeliveryProblem]) -> dict[str, Any]:
    return {
        "issue": standing.month,
        "state": standing.state,
        "deliveries": dict(standing.counts),
        "problems": [
            {"id": p.id, "email": p.email, "status": p.status, "reason": p.reason} for p in problems
        ],
    }
