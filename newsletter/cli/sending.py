"""`newsletter send`: the one command that mails people."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.issues import show_plan
from newsletter.cli.options import Month, command_group, load, open_pipeline
from newsletter.cli.output import ask, note, say, warn
from newsletter.cli.progress import progress
from newsletter.cli.signals import stop_on_signals
from newsletter.cli.standing import show_standing
from newsletter.errors import NewsletterError, NotPublished, TransportError
from newsletter.model.delivery import DeliveryStatus, IssueState
from newsletter.model.problem import Severity

if TYPE_CHECKING:
    from newsletter.control import Standing
    from newsletter.dispatch.dispatcher import DispatchReport
    from newsletter.dispatch.plan import Plan
    from newsletter.model.issue import Issue
    from newsletter.pipeline import Pipeline
    from newsletter.settings import Config

app = command_group()


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
    plan = pipeline.plan(issue)
    going = pipeline.outstanding(issue, plan)
    if dry_run:
        show_plan(plan, pipeline.standing(month).state)
        note(f"A dry run: nothing was sent. {going:,} to go: newsletter send {month}")
        return
    going = min(going, limit or going)
    _settle_doubts(pipeline, plan, going)
    if going and config.secrets.are_link_keys_weak:
        note("NEWSLETTER_SECRET_KEY is easy to guess, and with it any link: newsletter doctor")
    if going and not yes and not pipeline.doubts.about(month):
        _require_consent(issue, going, config)
    with (
        _how_it_stands(pipeline, month, config),
        stop_on_signals() as stop,
        progress(f"Sending {month}", going) as show,
    ):
        report = pipeline.send(issue, limit=limit, progress=show, stop=stop)
    standing = pipeline.standing(month)
    show_standing(standing, config.schedule.timezone)
    if report.accepted:
        note(f"Its archive page: {config.paths.archive / month / 'index.html'}")
    _explain_end(report, standing)


@contextmanager
def _how_it_stands(pipeline: "Pipeline", month: str, config: "Config") -> Iterator[None]:
    """What breaks a send off is told with how far it came, and how to go on."""
    try:
        yield
    except (NotPublished, TransportError) as error:
        show_standing(pipeline.standing(month), config.schedule.timezone)
        if isinstance(error, NotPublished):
            warn("What was sent is not in the archive. Mend this, then: newsletter archive build")
        else:
            note(f"Nobody is left out. When that is mended, to go on: newsletter send {month}")
        raise


def _settle_doubts(pipeline: "Pipeline", plan: "Plan", going: int) -> None:
    """Tell what is to be known before the first email leaves. Raises where nobody is to get one."""
    if not going and pipeline.ledger.deliveries.frozen(plan.month) is None:
        raise NewsletterError(
            "nobody to send to; to add people: newsletter subscribers import FILE"
        )
    for problem in pipeline.desk.check(plan.month, plan):
        if problem.severity is not Severity.NOTE:
            warn(str(problem))


def _require_consent(issue: "Issue", going: int, config: "Config") -> None:
    people = "1 person" if going == 1 else f"{going:,} people"
    due_at = issue.send_at or config.schedule.due_at(issue.month)
    local = due_at.astimezone(config.schedule.timezone)
    early = f"It is due on {local:%A %-d %B %Y at %H:%M}.\n" if due_at > datetime.now(UTC) else ""
    question = f"{early}Send it to {people} by {config.transport.use}?"
    if not ask(f'{issue.month}: "{issue.subject}"\n{question}'):
        raise NewsletterError("nothing was sent; --yes sends without asking")


def _explain_end(report: "DispatchReport", standing: "Standing") -> None:
    """Say why it ended; raise NewsletterError where that is before everybody had an answer."""
    from newsletter.dispatch.dispatcher import StopReason

    month = standing.month
    left = standing.counts.get(DeliveryStatus.PLANNED, 0)
    in_hand = standing.counts.get(DeliveryStatus.SENDING, 0)
    uncertain = standing.counts.get(DeliveryStatus.UNCERTAIN, 0)
    if standing.state in {IssueState.PAUSED, IssueState.CANCELLED}:
        raise NewsletterError(f"{month} was {standing.state} meanwhile; the send has stopped")
    if uncertain:
        note(f"Of {uncertain:,} the answer was lost: newsletter resolve {month}")
    if report.stopped_because is StopReason.LIMITED:
        return
    if report.stopped_because is StopReason.ASKED and not report.done:
        raise NewsletterError(f"stopped at once; to go on: newsletter send {month}")
    if left:
        raise NewsletterError(f"stopped with {left:,} to go; to go on: newsletter send {month}")
    if in_hand:
        note(f"{in_hand:,} are in the hands of another send.")
    elif standing.leaves_at:
        note(f"The provider has it and lets it leave at its time: newsletter status {month}")
    elif not report.done and not uncertain:
        note("Everybody has it: there was nobody left to send to.")
