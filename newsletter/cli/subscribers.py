"""`newsletter subscribers`: the list, from files and by hand."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.options import command_group, load, open_subscriptions
from newsletter.cli.output import note, say, warn, writing
from newsletter.errors import NewsletterError
from newsletter.model.problem import Problem
from newsletter.model.subscriber import Subscriber

app = command_group("Import, export, list and change subscribers.")

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address.")]


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with a header line.")],
) -> None:
    """Add or update the people of a CSV file; nobody who left or was suppressed comes back.

    Example: newsletter subscribers import subscribers/example.csv
    """
    bad = 0

    def report(problem: Problem) -> None:
        nonlocal bad
        bad += 1
        warn(str(problem))

    counts = open_subscriptions(load(context)).import_file(file, str(file), report)
    say(f"{counts.added:,} added, {counts.changed:,} changed, {counts.unchanged:,} unchanged.")
    if counts.kept_out:
        note(f"{counts.kept_out:,} left as they are: unsubscribed, suppressed or erased.")
    if bad:
        rows = "1 row was" if bad == 1 else f"{bad:,} rows were"
        raise NewsletterError(f"{rows} not imported; mend what is listed and import again")


@app.command()
def export(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; else the standard output.")
    ] = None,
) -> None:
    """Write everybody as a CSV file that can be imported again.

    Example: newsletter subscribers export subscribers/backup.csv
    """
    subscriptions = open_subscriptions(load(context))
    if file is None:
        subscriptions.export(sys.stdout)
        return
    with writing(file) as out:
        number = subscriptions.export(out)
    say(f"{number:,} subscribers written to {file}.")


@app.command("list")
def list_(context: typer.Context) -> None:
    """List everybody: address, status, language, topics.

    Example: newsletter subscribers list
    """
    number = 0
    for number, person in enumerate(open_subscriptions(load(context)).everybody(), start=1):  # noqa: B007
        language = person.language or "-"
        print(f"{person.email:<40} {_status(person):<12} {language:<5} {_topics(person)}")
    if not number:
        note("Nobody yet. To add people: newsletter subscribers import FILE")


@app.command()
def show(context: typer.Context, address: Address) -> None:
    """Show all that is stored of one person, with every consent on record.

    Example: newsletter subscribers show ana@clinic.example
    """
    subscriptions = open_subscriptions(load(context))
    person = subscriptions.find(address)
    say(person.email)
    for label, value in (
        ("name", person.name or "not known"),
        ("status", _status(person)),
        ("topics", _topics(person)),
        ("language", person.language or "the newsletter's"),
        ("id", person.id),
    ):
        say(f"  {label:<9} {value}")
    if person.suppression:
        suppression = person.suppression
        say(f"  suppressed {suppression.at:%Y-%m-%d} ({suppression.source}): {suppression.reason}")
    for consent in subscriptions.history(person):
        stated = f"on {consent.at:%Y-%m-%d %H:%M} UTC" if consent.at else "at a time not stated"
        where = consent.source or "a source not stated"
        recorded = f"{consent.recorded_at:%Y-%m-%d}"
        say(f"  agreed    {stated}, {where} (recorded {recorded} by {consent.how})")


@app.command()
def unsubscribe(context: typer.Context, address: Address) -> None:
    """Let a person go; no import brings them back.

    Example: newsletter subscribers unsubscribe ana@clinic.example
    """
    left = open_subscriptions(load(context)).unsubscribe(address)
    say(f"{address} {'is unsubscribed' if left else 'had unsubscribed before'}.")


@app.command()
def suppress(context: typer.Context, address: Address) -> None:
    """Never mail an address again, whether subscribed or not.

    Example: newsletter subscribers suppress ana@clinic.example
    """
    is_new = open_subscriptions(load(context)).suppress(address)
    say(f"{address} {'is suppressed' if is_new else 'was suppressed before'}.")


@app.command()
def erase(context: typer.Context, address: Address) -> None:
    """Forget a person for good; a keyed digest keeps imports from bringing them back.

    Example: newsletter subscribers erase ana@clinic.example
    """
    was_there = open_subscriptions(load(context)).erase(address)
    say(f"{address} {'is erased' if was_there else 'was not stored; no import will add it'}.")


def _status(person: Subscriber) -> str:
    return "suppressed" if person.suppression else person.status.value


def _topics(person: Subscriber) -> str:
    return ", ".join(person.topics) or "every topic"
