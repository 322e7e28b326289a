"""`newsletter archive`: the public site on disk."""

import typer

from newsletter.cli.options import command_group, load, open_pipeline
from newsletter.cli.output import say

app = command_group("Build the public archive.")


@app.callback()
def _archive() -> None:
    """Build the public archive."""


@app.command()
def build(context: typer.Context) -> None:
    """Write the site of all sent and past issues; only what changed is written.

    Example: newsletter archive build
    """
    config = load(context)
    report = open_pipeline(config).build_archive()
    say(
        f"{config.paths.archive}: {len(report.written)} files written, "
        f"{len(report.unchanged)} unchanged, {len(report.removed)} removed."
    )
