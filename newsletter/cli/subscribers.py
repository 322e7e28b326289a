"""`newsletter subscribers`: the list, from files and by hand."""

import sys
from getpass import getuser
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from newsletter.cli.options import Json, command_group, load, open_pipeline, open_subscriptions
from newsletter.cli.output import note, say, warn, writing
from newsletter.errors import NewsletterError
from newsletter.model.subscriber import Consent, Subscriber, SubscriptionStatus, Suppression

if TYPE_CHECKING:
    from newsletter.subscriptions import Dossier

app = command_group("Import, export, list and change subscribers.")

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="An email address.")]


@app.command("import")
def import_(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV file with a header line.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    topics_map: Annotated[
        Path | None,
        typer.Option(
            "--topics-map",
            metavar="PATH",
            help="Which tags mean which topics; by default subscribers/topics.toml.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Add or update the people of a CSV file.

    Nobody who left, was suppressed or erased comes back. Exports of Mailchimp, Substack, Ghost,
    Buttondown and listmonk are known by their header.

    Example: newsletter subscribers import subscribers/example.csv --dry-run
    """
    from newsletter.cli.importing import Importing

    config = load(context)
    if topics_map and not topics_map.is_file():
        raise NewsletterError("there is no such file", where=str(topics_map))
    tag_file = topics_map or _shown(config.paths.subscribers / "topics.toml")
    Importing(file, tag_file, dry_run, json).run(open_subscriptions(config))


@app.command()
def export(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Where to; else the standard output.")
    ] = None,
    consents: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Write every consent on record to a file of its own."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write everybody as a CSV file that can be imported again.

    Example: newsletter subscribers export backup.csv --consents consents.csv
    """
    for path in (file, consents):
        if path and path.exists() and not force:
            raise NewsletterError("this is there already; --force replaces it", where=str(path))
    if file and consents and file.absolute() == consents.absolute():
        raise typer.BadParameter("--consents needs a file of its own")
    subscriptions = open_subscriptions(load(context))
    if file:
        with writing(file) as out:
            number = subscriptions.export(out)
        say(f"{_count(number, 'subscriber')} written to {file}.")
    elif not consents:
        subscriptions.export(sys.stdout)
    if consents:
        with writing(consents) as out:
            number = subscriptions.export_consents(out)
        say(f"{_count(number, 'consent')} written to {consents}.")


@app.command("list")
def list_(
    context: typer.Context,
    topic: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Only who chose this topic.")
    ] = None,
    status: Annotated[
        SubscriptionStatus | None, typer.Option(help="Only who stands like this.")
    ] = None,
    suppressed: Annotated[
        bool,
        typer.Option("--suppressed", help="Only who must not be mailed, subscribers or not."),
    ] = False,
) -> None:
    """List everybody, or some, a line each.

    It holds the address, status, language and topics.

    Example: newsletter subscribers list --status unconfirmed
    """
    config = load(context)
    if topic:
        open_pipeline(config).desk.topics([topic])
    subscriptions, number = open_subscriptions(config), 0
    for person in subscriptions.everybody():
        if topic and topic not in person.topics:
            continue
        if (status and person.status is not status) or (suppressed and not person.suppression):
            continue
        number += 1
        language = person.language or "-"
        what = _why(person.suppression) if suppressed and person.suppression else _topics(person)
        print(f"{person.email:<40} {_status(person):<12} {language:<5} {what}")
    if suppressed and not topic and not status:
        for email, suppression in subscriptions.suppressed_strangers():
            number += 1
            print(f"{email:<40} {'suppressed':<12} {'-':<5} {_why(suppression)}")
    if number and sys.stdout.isatty():
        note(f"{number:,} in all")
    elif not number:
        asked = topic or status or suppressed
        warn("Nobody." if asked else "Nobody yet; newsletter subscribers import FILE adds people.")


@app.command()
def show(context: typer.Context, address: Address) -> None:
    """Show all that is stored of one address.

    That is with every consent on record, suppressions, and what became of the latest issues.

    Example: newsletter subscribers show ana@clinic.example
    """
    dossier = open_subscriptions(load(context)).dossier(address)
    person = dossier.subscriber
    say(person.email if person else f"{address}: no subscriber")
    if person:
        _line("name", person.name or "not known")
        left = dossier.departure
        how = f" since {left.at:%Y-%m-%d} ({left.through})" if left else ""
        _line("status", f"{person.status.value}{how}")
        if person.paused_until:
            _line("paused", f"until the issue of {person.paused_until}")
        _line("topics", _topics(person))
        _line("language", person.language or "the newsletter's")
        _line("time zone", person.timezone or "the newsletter's")
        _line("id", person.id)
    _show_suppressions(dossier)
    for consent in dossier.consents:
        _show_consent(consent)
    for one in dossier.deliveries:
        reason = f": {one.reason}" if one.reason else ""
        _line(one.month, f"{one.status.value} {one.at:%Y-%m-%d %H:%M} UTC{reason}")


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
def unsuppress(
    context: typer.Context,
    address: Address,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it stays on record.")],
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Who decides; by default you.", show_default=False)
    ] = "",
) -> None:
    """Let a suppressed address be mailed again.

    Nothing else does that, no import either. Who decides and why stays on record.

    Example: newsletter subscribers unsuppress ana@clinic.example --reason "new mailbox, she wrote"
    """
    who = by.strip() or _user()
    if not reason.strip():
        raise NewsletterError("say why: the reason stays on record", where="--reason")
    subscriptions = open_subscriptions(load(context))
    dossier = subscriptions.lift_suppression(address, by=who, because=reason.strip())
    say(f"{address} may be mailed again. On record: {who}, {reason.strip()}.")
    person = dossier.subscriber
    if person is None:
        note("Nobody with this address is subscribed.")
    elif person.status is not SubscriptionStatus.CONFIRMED:
        note(f"It gets nothing all the same: {person.status.value}.")


@app.command()
def erase(context: typer.Context, address: Address) -> None:
    """Forget a person for good.

    A keyed digest keeps imports from bringing them back.

    Example: newsletter subscribers erase ana@clinic.example
    """
    was_there = open_subscriptions(load(context)).erase(address)
    say(f"{address} {'is erased' if was_there else 'was not stored; no import will add it'}.")


def _show_suppressions(dossier: "Dossier") -> None:
    if dossier.suppression:
        _line("suppressed", f"{_why(dossier.suppression)}; nothing is sent")
    for lifted in dossier.lifted:
        _line("lifted", f"{lifted.at:%Y-%m-%d} by {lifted.by}: {lifted.because}")
        _line("", f"it was suppressed for: {_why(lifted.suppression)}")


def _show_consent(consent: Consent) -> None:
    stated = f"on {consent.at:%Y-%m-%d %H:%M} UTC" if consent.at else "at a time not stated"
    _line("agreed", f"{stated}, {consent.source or 'a source not stated'}")
    version = f", words {consent.version[:12]}" if consent.version else ""
    _line("", f"recorded {consent.recorded_at:%Y-%m-%d} by {consent.how}{version}")
    if words := consent.words:
        for line in wrap(f"“{words}”", 64, break_long_words=False, break_on_hyphens=False):
            _line("", line)


def _line(label: str, value: str) -> None:
    say(f"  {label:<12}{value}")


def _status(person: Subscriber) -> str:
    return "suppressed" if person.suppression else person.status.value


def _topics(person: Subscriber) -> str:
    return ", ".join(person.topics) or "every topic"


def _why(suppression: Suppression) -> str:
    source = f", {suppression.source}" if suppression.source else ""
    return f"{suppression.reason.value}{source}, {suppression.at:%Y-%m-%d}"


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def _user() -> str:
    try:
        return getuser()
    except (KeyError, OSError):
        raise NewsletterError("say who decides", where="--by") from None


def _shown(path: Path) -> Path:
    """The path as a person in this folder would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
