"""What this machine gives: a clock, templates, folders that can be written, room on the disk."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import disk_usage
from tempfile import TemporaryFile
from typing import Final

from newsletter.doctor.finding import Finding, note, ok, problem
from newsletter.settings import Config, TransportName

_TIGHT: Final = 1_000_000_000  # bytes
_TOO_TIGHT: Final = 100_000_000


def examine_machine(config: Config) -> Iterator[Finding]:
    """The clock, the templates, the folders and the disk."""
    timezone = config.schedule.timezone
    here = datetime.now(UTC).astimezone(timezone)
    yield ok("clock", f"it is {here:%A, %-d %B %Y, %H:%M} in {timezone.key}")
    yield _examine_templates(config.paths.templates)
    folder = config.path.absolute().parent
    written = {"archive": config.paths.archive, "log": folder / "var" / "log"}
    if config.transport.use is TransportName.OUTBOX:
        written["outbox"] = config.transport.outbox.path
    for subject, path in written.items():
        yield _examine_folder(subject, path, folder)
    yield _examine_disk(folder)


def _examine_templates(folder: Path) -> Finding:
    number = sum(1 for path in folder.rglob("*") if path.is_file())
    if not number:
        return note("templates", "there are none of your own; those of the program are used")
    return ok("templates", f"{number} files of your own; the program's stand in for the others")


def _examine_folder(subject: str, path: Path, root: Path) -> Finding:
    """Whether files can be made in it, or in what is there of the way to it."""
    nearest = next(parent for parent in (path, *path.parents) if parent.exists())
    shown = path.relative_to(root) if path.is_relative_to(root) else path
    try:
        with TemporaryFile(dir=nearest):
            return ok(subject, f"{shown} can be written")
    except OSError as error:
        return problem(
            subject, f"{shown} cannot be written: {error.strerror}", f"look at the rights of {path}"
        )


def _examine_disk(folder: Path) -> Finding:
    free = disk_usage(folder).free
    words = f"{free / 1e9:,.1f} GB are free"
    if free < _TOO_TIGHT:
        return problem("disk", words, "make room: the ledger must be written while email leaves")
    return note("disk", words) if free < _TIGHT else ok("disk", words)
