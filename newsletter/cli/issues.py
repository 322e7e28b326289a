"""The commands of one issue: check, build, plan, send, status."""

from csv import writer as writer_of
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.options import (
    Json,
    Month,
    OptionalMonth,
    command_group,
    load,
    open_pipeline,
)
from newsletter.cli.output import ask, note, print_json, print_table, progress, say, warn, writing
from newsletter.cli.signals import stop_on_signals
from newsletter.errors import NewsletterError
from newsletter.model.delivery import DeliveryProblem, DeliveryStatus, IssueState
from newsletter.model.problem import Problem, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from newsletter.dispatch.dispatcher import DispatchReport
    from newsletter.dispatch.plan import Plan
    from newsletter.ledger.outcome_report import OutcomeLine
    from newsletter.pipeline import Standing

app = command_group()


@app.command()
def check(context: typer.Context, month: OptionalMonth = None, json: Json = False) -> None:
    """List every problem of one issue, or of all issues and the settings.

    Example: newsletter check 2022-11
    """
    desk = open_pipeline(load(context)).desk
    months = [month] if month else desk.months()
    problems = [] if month else desk.check_folders()
    problems += [problem for each in months for problem in desk.check(each)]
    problems = list(dict.fromkeys(problems))  # the taxonomy's stand in every issue's list
    if json:
        print_json({"problems": [_problem_document(problem) for problem in problems]})
    else:
        for problem in problems:
            warn(str(problem))
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(1)
    if not json:
        say(f"{', '.join(months) or 'No issue yet'}: sound.")


@app.command()
def build(
    context: typer.Context,
    month: Month,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write to.")],
) -> None:
    """Write the variants that somebody gets as HTML and text files, to look at.

    Example: newsletter build 2022-11 --out var/build
    """
    variants = open_pipeline(load(context)).build(month, out)
    for variant in variants:
        say(f"{out / variant.id}.html")
    note(f"{len(variants)} variants of {month}, each as .html and .txt; manifest.json lists them.")


@app.command()
def plan(context: typer.Context, month: Month, json: Json = False) -> None:
    """Show who gets which variant, and who gets nothing and why. Nothing is sent.

    Example: newsletter plan 2022-11
    """
    pipeline = open_pipeline(load(context))
    planned = pipeline.plan(pipeline.desk.read(month))
    if json:
        print_json(_plan_document(planned))
    else:
        _show_plan(planned)


@app.command()
def send(
    context: typer.Context,
    month: Month,
    yes: Annotated[bool, typer.Option("--yes", help="Send without asking.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan and send nothing.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Send N more, then stop.")
    ] = None,
    test: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Send one marked copy there instead."),
    ] = None,
    topics: Annotated[
        str, typer.Option(metavar="A,B", help="With --test: the topics of the copy's reader.")
    ] = "",
    language: Annotated[
        str, typer.Option(metavar="TAG", help="With --test: the language of the copy's reader.")
    ] = "",
) -> None:
    """Send an issue to everybody who has not got it; run again, it goes on where it stopped.

    Example: newsletter send 2022-11 --yes
    """
    if test is None and (topics or language):
        raise typer.BadParameter("--topics and --language go with --test")
    if test is not None and (dry_run or limit):
        raise typer.BadParameter("--test sends one copy; --dry-run and --limit do not go with it")
    config = load(context)
    pipeline = open_pipeline(config)
    if test is not None:
        chosen = pipeline.desk.topics(topic.strip() for topic in topics.split(",") if topic.strip())
        variant = pipeline.send_test(month, test, chosen, language)
        say(f"Sent a test of {month} ({variant.id}) to {test} through {config.transport.use}.")
        return
    issue = pipeline.sendable(month)
    going = pipeline.outstanding(issue)
    if dry_run:
        _show_plan(pipeline.plan(issue))
        note(f"A dry run: nothing was sent. {going:,} to go: newsletter send {month}")
        return
    if not going and pipeline.ledger.deliveries.frozen(month) is None:
        raise NewsletterError(
            "nobody to send to; to add people: newsletter subscribers import FILE"
        )
    for problem in pipeline.desk.check(month):
        warn(str(problem))
    going = min(going, limit or going)
    question = f'Send {month}, "{issue.subject}", to {going:,} people by {config.transport.use}?'
    if going and not yes and not ask(question):
        raise NewsletterError("nothing was sent; --yes sends without asking")
    with stop_on_signals() as stop, progress(f"Sending {month}", going) as show:
        report = pipeline.send(issue, limit=limit, progress=show, stop=stop)
    standing = pipeline.standing(month)
    _show_standing(standing)
    if report.accepted:
        note(f"Its archive page: {config.paths.archive / month / 'index.html'}")
    _explain_end(month, report, standing)


def _explain_end(month: str, report: "DispatchReport", standing: "Standing") -> None:
    """Raise NewsletterError where the send ended before everybody had an answer."""
    from newsletter.dispatch.dispatcher import StopReason

    left = standing.counts.get(DeliveryStatus.PLANNED, 0)
    in_hand = standing.counts.get(DeliveryStatus.SENDING, 0)
    if standing.state in {IssueState.PAUSED, IssueState.CANCELLED}:
        raise NewsletterError(f"{month} was {standing.state} meanwhile; the send has stopped")
    if report.stopped_because is StopReason.LIMITED:
        return
    if left:
        raise NewsletterError(f"stopped with {left:,} to go; to go on: newsletter send {month}")
    if in_hand:
        note(f"{in_hand:,} are in the hands of another send.")


@app.command()
def status(
    context: typer.Context,
    month: OptionalMonth = None,
    json: Json = False,
    csv: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write who got it, who did not and why."),
    ] = None,
) -> None:
    """Show where an issue stands and how its deliveries went; without a month, all issues.

    Example: newsletter status 2022-11
    """
    if csv is not None and month is None:
        raise typer.BadParameter("--csv needs a month")
    pipeline = open_pipeline(load(context))
    if csv is not None and month is not None:
        pipeline.standing(month)  # an unknown month writes no file
        number = _write_outcomes(csv, pipeline.ledger.deliveries.outcomes(month))
        if not json:
            say(f"{number:,} lines written to {csv}.")
    if month is None:
        standings = [pipeline.standing(each) for each in pipeline.desk.months()]
        if json:
            problems_of = pipeline.ledger.deliveries.problems
            print_json([_standing_document(s, list(problems_of(s.month))) for s in standings])
        else:
            print_table(("issue", "state", "deliveries"), map(_standing_row, standings))
        return
    standing = pipeline.standing(month)
    problems = list(pipeline.ledger.deliveries.problems(month))
    if json:
        print_json(_standing_document(standing, problems))
        return
    _show_standing(standing)
    for problem in problems:
        say(f"{problem.status}: {problem.email or problem.id}: {problem.reason}")


def _write_outcomes(path: Path, outcomes: "Iterator[OutcomeLine]") -> int:
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


def _show_plan(planned: "Plan") -> None:
    rows = [
        (variant.id, ", ".join(variant.full) or "headlines only", recipients)
        for variant, recipients in planned.variants.items()
    ]
    if rows:
        print_table(("variant", "articles in full", "recipients"), rows)
    say(f"{planned.recipients:,} get the issue of {planned.month}.")
    if planned.skipped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in planned.skipped.items())
        say(f"{sum(planned.skipped.values()):,} get nothing: {reasons}.")


def _show_standing(standing: "Standing") -> None:
    times = [
        f"{word} {at:%d %B %Y, %H:%M} UTC"
        for word, at in (("begun", standing.started_at), ("finished", standing.finished_at))
        if at
    ]
    say(f"{standing.month}: {standing.state}" + (f" ({', '.join(times)})" if times else ""))
    for delivery_status, count in standing.counts.items():
        say(f"  {delivery_status:<10} {count:>9,}")


def _problem_document(problem: Problem) -> dict[str, Any]:
    return {
        "path": problem.path,
        "line": problem.line,
        "severity": problem.severity,
        "message": problem.message,
    }


def _plan_document(planned: "Plan") -> dict[str, Any]:
    return {
        "issue": planned.month,
        "variants": [
            {"id": variant.id, "articles": list(variant.full), "recipients": recipients}
            for variant, recipients in planned.variants.items()
        ],
        "skipped": [
            {"reason": reason, "recipients": count} for reason, count in planned.skipped.items()
        ],
        "recipients": planned.recipients,
    }


def _standing_row(standing: "Standing") -> tuple[str, str, str]:
    counts = ", ".join(f"{count:,} {status}" for status, count in standing.counts.items())
    return standing.month, standing.state, counts or "none"


def _standing_document(standing: "Standing", problems: list[DeliveryProblem]) -> dict[str, Any]:
    return {
        "issue": standing.month,
        "state": standing.state,
        "deliveries": dict(standing.counts),
        "problems": [
            {"id": p.id, "email": p.email, "status": p.status, "reason": p.reason} for p in problems
        ],
    }
