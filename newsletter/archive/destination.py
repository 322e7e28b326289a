"""The way of the site to another place: a folder, or another machine by rsync."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from newsletter.archive.files import (
    ArchiveError,
    locked,
    naming,
    read_json,
    remove,
    to_json,
    write_whole,
)
from newsletter.archive.report import PublishReport

_REMOTE: Final = re.compile(r"(?:[\w.-]+@)?[\w.-]+:.*|rsync://.+")
_LIST: Final = ".published-here.json"  # what an earlier copy brought: no other is ever removed
_MISSING: Final = (
    "rsync is not on this machine; install it (on Debian: apt-get install rsync), or name a folder"
)


def is_remote(destination: str) -> bool:
    """Whether rsync is to take it: `user@host:path`, `host:path` or `rsync://…`."""
    return _REMOTE.fullmatch(destination) is not None


def copy_to_folder(site: Path, destination: Path) -> PublishReport:
    """Make `destination` hold what `site` holds, hidden files apart; only what differs is written.

    Files that somebody else put there stay. Raises ArchiveError where the disk refuses, or where
    one lies in the other.
    """
    here, there = site.resolve(), destination.resolve()
    if here == there or here in there.parents or there in here.parents:
        raise ArchiveError("is the archive itself, or lies in it or around it", where=str(there))
    paths = sorted(path.relative_to(site) for path in site.rglob("*") if _is_public(path, site))
    # The front page last, so that it leads to nothing that is not yet there.
    paths.sort(key=lambda path: path == Path("index.html"))
    with locked(destination):
        before = set(read_json(destination / _LIST) or [])
        now = {path.as_posix() for path in paths}
        write_whole(destination / _LIST, _dump(before | now))
        written = set()
        for path in paths:
            with naming(site / path):
                data = (site / path).read_bytes()
            if write_whole(destination / path, data, is_synced=False):
                written.add(path.as_posix())
        over = {path for path in before - now if _is_within(path)}
        for path in over:
            remove(destination / path, destination)
        write_whole(destination / _LIST, _dump(now))
    return PublishReport.of(written, now - written, over)


def copy_by_rsync(site: Path, destination: str) -> None:
    """The same on another machine. Raises ArchiveError with rsync's own words.

    What is no longer in the site stays there: rsync cannot tell it from what others put there.
    """
    program = shutil.which("rsync")
    if program is None:
        raise ArchiveError(_MISSING, where=destination)
    options = ["--recursive", "--times", "--checksum", "--delay-updates", "--exclude=.*"]
    command = [program, *options, "--", f"{site}/", destination]
    done = subprocess.run(  # noqa: S603 - the destination is the editor's own, after "--"
        command, capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        words = " ".join(done.stderr.split())[:300] or f"rsync ended with {done.returncode}"
        raise ArchiveError(words, where=destination)


def _is_public(path: Path, site: Path) -> bool:
    parts = path.relative_to(site).parts
    return path.is_file() and not any(part.startswith(".") for part in parts)


def _is_within(path: str) -> bool:
    return not Path(path).is_absolute() and ".." not in Path(path).parts


def _dump(paths: set[str]) -> bytes:
    return to_json(sorted(paths))
