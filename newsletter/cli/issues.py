"""The commands of one issue before it leaves: check, build, plan."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from newsletter.cli.options import (
    Json,
    Month,
    OptionalMonth,
    command_group,
    load,
    load_anyway,
    open_pipeline,
)
from newsletter.cli.output import note, print_json, print_table, say, warn
from newsletter.errors import NewsletterError, ProblemsFound
from newsletter.model.delivery import IssueState
from newsletter.model.problem import Problem, Severity

if TYPE_CHECKING:
    from newsletter.dispatch.plan import Plan

app = command_group()


@app.command()
def check(
    context: typer.Context,
    month: OptionalMonth = None,
    links: Annotated[
        bool, typer.Option("--links", help="Visit the links too, over the network.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show notes too: what is worth knowing.")
    ] = False,
    json: Json = False,
) -> None:
    """List every problem of one issue, or of all issues and the settings.

    Errors keep an issue from being sent; warnings and notes are advice.

    Example: newsletter check 2022-11
    """
    try:
        months, problems = _check(context, month, links=links, verbose=verbose)
    except NewsletterError as error:
        if json:
            print_json(_problems_document(_problems_of(error)))
        raise
    if json:
        print_json(_problems_document(problems))
    else:
        for problem in problems:
            warn(str(problem))
    if any(problem.severity is Severity.ERROR for problem in problems):
        raise typer.Exit(1)
    if not json:
        say(f"{', '.join(months) or 'No issue yet'}: sound{_advice(problems)}.")


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
    number = "1 variant" if len(variants) == 1 else f"{len(variants)} variants"
    note(f"{number} of {month}, each as .html and .txt; manifest.json lists them.")


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
        show_plan(planned, pipeline.standing(month).state)


def show_plan(planned: "Plan", state: IssueState) -> None:
    """The variants and their recipients; of an issue whose sending is over, what would be."""
    is_over = state.is_over
    if is_over:
        note(f"{planned.month} is {state}. Were it sent to today's subscribers:")
    rows = [
        (variant.id, ", ".join(variant.full) or "headlines only", recipients)
        for variant, recipients in planned.variants.items()
    ]
    if rows:
        print_table(("variant", "articles in full", "recipients"), rows)
    verb = "would get" if is_over else "gets" if planned.recipients == 1 else "get"
    say(f"{planned.recipients:,} {verb} the issue of {planned.month}.")
    if planned.skipped:
        number = sum(planned.skipped.values())
        verb = "would get" if is_over else "gets" if number == 1 else "get"
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in planned.skipped.items())
        say(f"{number:,} {verb} nothing: {reasons}.")


def _check(
    context: typer.Context, month: str | None, *, links: bool, verbose: bool
) -> tuple[list[str], list[Problem]]:
    """The months that were looked at, and what was found there.

    Notes are among it where they were asked for, those on links by asking for the links.
    """
    config, problems = load_anyway(context)
    if config is None:
        raise ProblemsFound(problems)
    pipeline = open_pipeline(config)
    desk = pipeline.desk
    months = [month] if month else desk.months()
    # With wrong settings the email would be wrong too: only the files are looked at.
    check = pipeline.check if not problems else lambda each: list(desk.reading(each).problems)
    problems += [] if month else desk.check_folders()
    problems += [problem for each in months for problem in check(each)]
    if not verbose:
        problems = [problem for problem in problems if problem.severity is not Severity.NOTE]
    if links:
        issues = [issue for each in months if (issue := desk.reading(each).issue)]
        problems += [problem for issue in issues for problem in desk.check_links(issue)]
    return months, list(dict.fromkeys(problems))  # the taxonomy's stand in every issue's list


def _advice(problems: list[Problem]) -> str:
    """`, with 2 warnings`, or nothing where there is none."""
    number = sum(problem.severity is Severity.WARNING for problem in problems)
    return f", with {number} warning{'s' if number > 1 else ''}" if number else ""


def _problems_of(error: NewsletterError) -> list[Problem]:
    if isinstance(error, ProblemsFound):
        return [problem for problem in error.problems if isinstance(problem, Problem)]
    return [Problem(error.where, 1, error.what)]


def _problems_document(problems: list[Problem]) -> dict[str, Any]:
    return {
        "problems": [
            {
                "path": problem.path,
                "line": problem.line,
                "severity": problem.severity,
                "message": problem.message,
                "remedy": problem.remedy,
            }
            for problem in problems
        ]
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
