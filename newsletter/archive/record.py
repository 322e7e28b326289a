"""What the archive remembers of the last time, so that only what changed is made again.

Both files may be lost: then everything is made, and what is as it was is left alone.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from newsletter.archive.entries import IssueEntry
from newsletter.archive.files import ArchiveError, read_json, write_whole
from newsletter.model.issue import Issue

_FILES: Final = ".published.json"  # the site's files: no other is ever removed
_ISSUES: Final = ".issues.json"

Stamp = tuple[int, int]  # a file's size in bytes and the time of its last change in nanoseconds


class Record:
    """The files that the site was last made of: each one's key and stamp, by its path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = read_json(folder / _FILES)
        known = found if isinstance(found, dict) else {}
        self._files: dict[str, list[Any]] = {
            path: known[path] for path in known if _is_of_site(path)
        }

    @property
    def paths(self) -> set[str]:
        """Every file that an earlier call wrote, or was about to write."""
        return set(self._files)

    def is_current(self, path: str, key: str) -> bool:
        """Whether the file was made by this key and nobody has touched it since."""
        stamp = stamp_of(f"{self._folder}/{path}")
        return bool(key) and stamp is not None and self._files.get(path) == [key, *stamp]

    def key_of(self, path: str) -> str:
        """The key that the file was made by, or nothing."""
        return str(self._files[path][0]) if path in self._files else ""

    def announce(self, paths: Iterable[str]) -> None:
        """Note, before the first of them is written, which files are about to change."""
        self._files |= {path: ["", 0, 0] for path in paths}
        self._write()

    def settle(self, keys: Mapping[str, str]) -> None:
        """Note that these files, and no others, are as their keys say."""
        before = self._files
        self._files = {
            path: known
            if (known := before.get(path)) and known[0] == key
            else self._state(path, key)
            for path, key in keys.items()
        }
        self._write()

    def _state(self, path: str, key: str) -> list[Any]:
        return [key, *(stamp_of(f"{self._folder}/{path}") or (0, 0))]

    def _write(self) -> None:
        write_whole(self._folder / _FILES, _dump(self._files))


class KnownIssues:
    """The entries of issues' folders by what the folders held when they were read."""

    def __init__(self, folder: Path, program: str) -> None:
        self._path = folder / _ISSUES
        self._program = program
        self.read: set[str] = set()  # the months that had changed
        found = _lenient(self._path)
        # Another version of the program may have meant something else by it.
        self._before = found.get("issues", {}) if found.get("program") == program else {}
        self._now: dict[str, Any] = {}

    def entry(self, month: str, fingerprint: str, read: Callable[[], Issue]) -> IssueEntry:
        """The entry of the issue; `read` only where the folder has changed. Raises what it does."""
        known = self._before.get(month)
        if known and known["fingerprint"] == fingerprint:
            self._now[month] = known
            return IssueEntry.parse(known["entry"])
        entry = IssueEntry.of(read())
        self._now[month] = {"fingerprint": fingerprint, "entry": entry.dump()}
        self.read.add(month)
        return entry

    def keep(self) -> None:
        """Remember the issues that were asked for, and no others."""
        if self.read or self._now.keys() != self._before.keys():
            write_whole(self._path, _dump({"program": self._program, "issues": self._now}))


def stamp_of(path: str) -> Stamp | None:
    """What changes whenever somebody writes the file; nothing where there is no file."""
    try:
        found = os.stat(path)  # noqa: PTH116 - there are hundreds, and pathlib is slow
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _is_of_site(path: str) -> bool:
    """Whether the path lies in the archive and outside the copies of what was sent."""
    parts = path.split("/")
    return not (path.startswith("/") or ".." in parts or parts[1:2] == ["sent"])


def _dump(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _lenient(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except ArchiveError:
        return {}
    return found if isinstance(found, dict) else {}
