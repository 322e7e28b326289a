"""One file at a time onto the disk: at every moment the old one or the new one, never a part."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from newsletter.errors import NewsletterError


class ArchiveError(NewsletterError):
    """The archive's folder cannot be read or written as it is."""


def write_whole(path: Path, data: bytes, *, is_synced: bool = True) -> bool:
    """Put `data` at `path`, with its folders, unless it is there already; whether it was put.

    Synced, it also outlasts a power cut.

    Two processes must not write the same path at once: `locked` sees to that. Raises
    ArchiveError with the path and the system's words.
    """
    new = _new(path)
    with naming(path):
        if path.is_file() and path.read_bytes() == data:
            new.unlink(missing_ok=True)  # of a process that was killed
            return False
        try:
            with _open_new(new) as file:
                file.write(data)
                if is_synced:
                    file.flush()
                    os.fsync(file.fileno())
            new.replace(path)
        except OSError:
            with suppress(OSError):
                new.unlink()
            raise
    return True


def _open_new(path: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("wb")


def remove(path: Path, root: Path) -> None:
    """Remove the file if it is there, then its folders up to `root` as far as they are empty."""
    with naming(path):
        path.unlink(missing_ok=True)
        _new(path).unlink(missing_ok=True)
    for folder in path.relative_to(root).parents[:-1]:
        try:
            (root / folder).rmdir()
        except OSError:  # it holds something else, or is gone
            return


def read_json(path: Path) -> Any:  # noqa: ANN401 - what was dumped there, or nothing
    """The value in a file of JSON, or None without one. Raises ArchiveError where it is broken."""
    try:
        with naming(path):
            return json.loads(path.read_bytes()) if path.exists() else None
    except ValueError as error:
        what = f"cannot be read ({error}); put the file back as it was, or remove it"
        raise ArchiveError(what, where=str(path)) from error


def to_json(value: object) -> bytes:
    """JSON that people can read and compare."""
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that publish into `folder` waiting meanwhile."""
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("ab")
    with lock:
        with naming(folder):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn what the system says into an ArchiveError at `path`; a full disk alone names no file."""
    try:
        yield
    except OSError as error:
        raise ArchiveError(error.strerror or str(error), where=str(path)) from error


def _new(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")
