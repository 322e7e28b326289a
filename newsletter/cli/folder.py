"""`init` and `new`: what did not exist yet."""

from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.options import Month, command_group, load
from newsletter.cli.output import note, say
from newsletter.starter import create_issue, create_newsletter

app = command_group()


@app.command()
def init(
    folder: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="The folder to make; one that is there must be empty."),
    ],
) -> None:
    """Make a new newsletter folder from the bundled one."""
    create_newsletter(folder)
    say(f"Made {folder}. Next, in that folder:")
    note("  config.toml             say who sends the newsletter, and from where")
    note("  issues/taxonomy.toml    name your topics")
    note("  newsletter check        list what is still wrong")
    note(
        "  newsletter new 2026-12  begin an issue; the ones in issues/ are examples to keep or drop"
    )


@app.command()
def new(context: typer.Context, month: Month) -> None:
    """Make a new issue to fill in."""
    config = load(context)
    callout = config.content.callout[0] if config.content.callout else ""
    folder = create_issue(config.paths.issues, month, callout)
    say(f"Made {folder}. Next:")
    note("  issue.toml                give it a subject and a preheader")
    note("  01-first-article.md       write; copy it for each further article")
    note(f"  newsletter check {month}  list what is still missing")
