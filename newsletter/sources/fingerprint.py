"""What changes with any file of a folder, so that one that stayed as it was need not be read."""

import os
from hashlib import blake2b
from pathlib import Path

from newsletter.errors import IssueError


def folder_fingerprint(folder: Path) -> str:
    """A digest of the names and bytes of all files in `folder`. Raises IssueError."""
    digest = blake2b(digest_size=16)
    try:
        beginning = len(os.path.join(folder, ""))  # noqa: PTH118 - as below
        for path in sorted(_files(str(folder))):
            with open(path, "rb") as file:  # noqa: PTH123 - there are hundreds, and pathlib is slow
                content = file.read()
            digest.update(f"{path[beginning:]}\0{len(content)}\0".encode())
            digest.update(content)
    except OSError as error:
        raise IssueError(f"cannot be read: {error.strerror}", where=str(folder)) from error
    return digest.hexdigest()


def _files(folder: str) -> list[str]:
    found: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                found += _files(entry.path)
            elif entry.is_file():
                found.append(entry.path)
    return found
