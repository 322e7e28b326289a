"""`newsletter doctor`: whether all is well, before an issue is due."""

from collections.abc import Iterator
from textwrap import wrap
from typing import TYPE_CHECKING

import typer

from newsletter.cli.options import Json, command_group, load
from newsletter.cli.output import console, print_json, say
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from newsletter.doctor.finding import Finding

app = command_group()


@app.command()
def doctor(context: typer.Context, json: Json = False) -> None:
    """Examine settings, secrets, folders, database, way out, DNS and site. Nothing is sent.

    Example: newsletter doctor
    """
    from newsletter.doctor.finding import Level

    findings = []
    for finding in _findings(context):
        findings.append(finding)
        if not json:
            _show(finding)
    problems = sum(finding.level is Level.PROBLEM for finding in findings)
    if json:
        print_json({"findings": [_document(finding) for finding in findings]})
    elif problems:
        say(f"{'1 problem' if problems == 1 else f'{problems} problems'} to mend.")
    else:
        say("Nothing to mend.")
    if problems:
        raise typer.Exit(1)


def _findings(context: typer.Context) -> Iterator["Finding"]:
    from newsletter.doctor.examination import examine
    from newsletter.doctor.finding import problem

    try:
        config = load(context)
    except NewsletterError as error:
        for line in error.lines:
            yield problem("settings", line, "mend it there; newsletter check lists them too")
        return
    yield from examine(config)


def _show(finding: "Finding") -> None:
    """A line with its level and subject in columns, on a terminal wrapped beside them."""
    text = f"{finding.words}; {finding.remedy}" if finding.remedy else finding.words
    head = f"{finding.level:<8} {finding.subject:<12} "
    lines = wrap(
        text,
        max(20, console(stderr=False).width - len(head)),
        break_long_words=False,
        break_on_hyphens=False,
    )
    say(head + f"\n{' ' * len(head)}".join(lines), "dim" if finding.level == "ok" else "")


def _document(finding: "Finding") -> dict[str, str]:
    return {
        "level": finding.level,
        "subject": finding.subject,
        "words": finding.words,
        "remedy": finding.remedy,
    }
