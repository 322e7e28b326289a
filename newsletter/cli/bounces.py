"""`newsletter bounces`: what came back to the envelope's sender."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.options import Json, command_group, load
from newsletter.cli.output import note, print_json, say

if TYPE_CHECKING:
    from newsletter.bounces import BounceCounts

app = command_group()


@app.command()
def bounces(
    context: typer.Context,
    maildir: Annotated[
        Path | None,
        typer.Argument(metavar="MAILDIR", help="A Maildir; else the mailbox of [bounces]."),
    ] = None,
    imap: Annotated[bool, typer.Option("--imap", help="The folder of [bounces.imap].")] = False,
    as_json: Json = False,
) -> None:
    """Read the mailbox that failed mail returns to: who is gone or complained is mailed no more.

    What is read is marked so and not read again; letters from people are flagged for you.

    Example: newsletter bounces /var/mail/bounce
    """
    from datetime import UTC, datetime

    from newsletter import wiring

    if maildir and imap:
        raise typer.BadParameter("--imap reads another mailbox than MAILDIR; choose one")
    config = load(context)
    with wiring.open_mailbox(config, maildir, is_imap=imap) as mailbox:
        counts = wiring.open_bounces(config).read(mailbox, now=datetime.now(UTC))
    if as_json:
        print_json(_document(counts))
    elif counts.messages:
        _show(counts)
    else:
        note("Nothing new.")


def _document(counts: "BounceCounts") -> dict[str, object]:
    news = counts.feedback
    return {
        "messages": counts.messages,
        "reports": {"taken": news.taken, "repeated": news.repeated, "unknown": news.unknown},
        "automatic": counts.automatic,
        "letters": counts.letters,
        "suppressed": news.suppressed,
        "unsubscribed": news.unsubscribed,
    }


def _show(counts: "BounceCounts") -> None:
    news = counts.feedback
    for number, what in (
        (counts.messages, "messages read"),
        (news.taken, "reports taken in"),
        (news.repeated, "told before"),
        (news.unknown, "about no delivery of ours"),
        (counts.automatic, "automatic replies"),
        (news.suppressed, "addresses suppressed"),
        (news.unsubscribed, "subscribers gone"),
        (counts.letters, "letters from people, flagged for you"),
    ):
        if number:
            say(f"{number:7,}  {what}")
