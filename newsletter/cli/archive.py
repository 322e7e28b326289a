"""`newsletter archive`: the public site on disk, past issues, and the way to its readers."""

from pathlib import Path
from typing import Annotated, Final

import typer

from newsletter.cli.options import command_group, load, open_pipeline
from newsletter.cli.output import note, say, warn

_NAMED: Final = 6  # of the pages that are gone

app = command_group("Build the public archive, import past issues, take the site elsewhere.")


@app.callback()
def _archive() -> None:
    """Build the public archive, import past issues, take the site elsewhere."""


@app.command()
def build(context: typer.Context) -> None:
    """Write the site of all sent and past issues.

    Only what changed is written.

    Example: newsletter archive build
    """
    config = load(context)
    report = open_pipeline(config).build_archive()
    say(
        f"{config.paths.archive}: {len(report.written)} files written, "
        f"{len(report.unchanged)} unchanged, {len(report.removed)} removed."
    )
    end = "/index.html"
    gone = [path.removesuffix(end) for path in report.removed if path.endswith(end)]
    for page in gone[:_NAMED]:
        note(f'Gone: {page}. If it has moved, write "{page}" = "…" in issues/redirects.toml.')
    if len(gone) > _NAMED:
        note(f"And {len(gone) - _NAMED:,} more.")
    for words in report.notes:
        warn(words)


@app.command("import")
def import_past(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="A page's text or HTML, a WordPress, Substack or Ghost export, a feed, "
            "or Markdown in a folder or ZIP.",
        ),
    ],
    accept_proposals: Annotated[
        bool,
        typer.Option("--accept-proposals", help="Write the topics and types that are proposed."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would come of it and write nothing.")
    ] = False,
) -> None:
    """Bring past issues in from elsewhere, as drafts.

    A month that is there is left alone. One whose topics and types of research are told is
    "past": in the archive, never sent.

    Example: newsletter archive import old-blog.xml --dry-run
    """
    from newsletter.backfile.importing import Newsroom, PastImport, Wishes
    from newsletter.cli.past_issues import import_and_tell
    from newsletter.locales import LANGUAGES, language_for

    config = load(context)
    desk = open_pipeline(config).desk
    newsroom = Newsroom(
        issues=config.paths.issues,
        taxonomy=desk.taxonomy,
        rules=desk.rules,
        language=language_for(config.newsletter.language, LANGUAGES[0]),
        zone=config.schedule.timezone,
    )
    import_and_tell(PastImport(file, newsroom), Wishes(accept_proposals, dry_run))


@app.command()
def publish(
    context: typer.Context,
    destination: Annotated[
        str, typer.Argument(metavar="DEST", help="A folder, or user@host:path for rsync.")
    ],
) -> None:
    """Copy the site to a folder, or to another machine by rsync.

    Only what differs is copied.

    Example: newsletter archive publish user@www.example.org:/var/www/digest
    """
    from newsletter.archive.destination import copy_by_rsync, copy_to_folder, is_remote
    from newsletter.errors import NewsletterError

    config = load(context)
    if not (config.paths.archive / "index.html").is_file():
        what = "there is no site yet; build it with: newsletter archive build"
        raise NewsletterError(what, where=str(config.paths.archive))
    if is_remote(destination):
        copy_by_rsync(config.paths.archive, destination)
        say(f"{destination}: up to date.")
        return
    report = copy_to_folder(config.paths.archive, Path(destination))
    say(
        f"{destination}: {len(report.written)} files written, "
        f"{len(report.unchanged)} unchanged, {len(report.removed)} removed."
    )
