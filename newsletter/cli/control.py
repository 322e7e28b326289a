"""The commands that steer a sending: pause, resume, cancel, resolve."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.options import Month, command_group, load, open_pipeline
from newsletter.cli.output import note, say, warn
from newsletter.model.delivery import DeliveryStatus, Outcome

if TYPE_CHECKING:
    from newsletter.dispatch.recall import Recall

app = command_group()


class Verdict(StrEnum):
    """What a person may say of uncertain deliveries."""

    ACCEPTED = "accepted"
    RETRY = "retry"


@app.command()
def pause(context: typer.Context, month: Month) -> None:
    """Stop sending an issue until it is resumed; a running send falls quiet within seconds.

    What SendGrid holds for the issue's time is called back, up to ten minutes before it.

    Example: newsletter pause 2022-11
    """
    config = load(context)
    recall = open_pipeline(config).control.pause(month)
    say(f"{month} is paused. To go on: newsletter resume {month}")
    _tell_of_recall(recall, config.transport.use)


@app.command()
def resume(context: typer.Context, month: Month) -> None:
    """Let a paused issue be sent again.

    Example: newsletter resume 2022-11
    """
    open_pipeline(load(context)).control.resume(month)
    say(f"{month} may be sent again. To go on: newsletter send {month}")


@app.command()
def cancel(context: typer.Context, month: Month) -> None:
    """Never send what is left of an issue. This is final.

    What SendGrid holds for the issue's time is called back, up to ten minutes before it.

    Example: newsletter cancel 2022-11
    """
    config = load(context)
    recall = open_pipeline(config).control.cancel(month)
    say(f"{month} is cancelled: who has not got it never will.")
    _tell_of_recall(recall, config.transport.use)


@app.command()
def resolve(
    context: typer.Context,
    month: Month,
    verdict: Annotated[
        Verdict | None,
        typer.Option("--as", help="They got it, or are to be sent to again.", show_default=False),
    ] = None,
) -> None:
    """List the deliveries whose answer was lost, or settle them.

    Example: newsletter resolve 2022-11 --as retry
    """
    pipeline = open_pipeline(load(context))
    pipeline.standing(month)  # an unknown month is refused
    deliveries = pipeline.ledger.deliveries
    if verdict is None:
        number = 0
        for problem in deliveries.problems(month):
            if problem.status is DeliveryStatus.UNCERTAIN:
                number += 1
                say(f"{problem.email or 'erased'}: {problem.reason} ({problem.id})")
        note(f"{number:,} uncertain." if number else f"Nothing is uncertain in {month}.")
        if number:
            note(f"If they got it: newsletter resolve {month} --as accepted; if not: --as retry")
        return
    pipeline.ledger.restoration.conclude(now=datetime.now(UTC))  # a person has had a look
    settled = pipeline.control.resolve(month, Outcome(verdict))
    say(f"{settled:,} settled as {verdict}.")
    if settled and verdict is Verdict.RETRY:
        note(f"To send to them again: newsletter send {month}")


def _tell_of_recall(recall: "Recall", provider: str) -> None:
    """What became of the messages that a provider held for a time to come."""
    if recall.back:
        note(f"Called back from {provider} in time: {recall.back:,}.")
    if recall.leaving:
        warn(f"too late to call back from {provider}: {recall.leaving:,} leave at their time")
