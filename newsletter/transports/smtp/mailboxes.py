"""The mailbox that failed mail returns to, and the one that is a folder on this machine."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from newsletter.errors import TransportError
from newsletter.transports.smtp.bounces import LONGEST


@dataclass(frozen=True, slots=True)
class Unread:
    """The beginning of a message that nobody has read, and the mailbox's own name for it."""

    key: str
    raw: bytes
    received_at: datetime


class Mailbox(Protocol):
    """Where messages wait. What is not marked is there again the next time."""

    def unread(self) -> Iterator[Unread]:
        """What nobody has read, oldest first. Raises TransportError where it cannot be read."""

    def mark(self, keys: Iterable[str], *, flagged: bool) -> None:
        """Mark messages as read; `flagged` ones stand out for a person."""


class Maildir:
    """A Maildir (https://cr.yp.to/proto/maildir.html): what is new, and what is not yet seen."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def unread(self) -> Iterator[Unread]:
        """What is in new, and what lacks the flag S in cur."""
        for key in self._keys():
            path = self._path / key
            try:
                with path.open("rb") as file:
                    raw = file.read(LONGEST)
                received = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            except FileNotFoundError:  # somebody else has just read it
                continue
            yield Unread(key, raw, received)

    def mark(self, keys: Iterable[str], *, flagged: bool) -> None:
        """Move messages to cur, with the flag S, and F where wanted."""
        for key in keys:
            path = self._path / key
            name, _, flags = path.name.partition(":2,")
            letters = "".join(sorted({*flags, "S", *("F" if flagged else "")}))
            try:
                path.rename(self._path / "cur" / f"{name}:2,{letters}")
            except FileNotFoundError:
                continue

    def _keys(self) -> list[str]:
        if not all((self._path / folder).is_dir() for folder in ("new", "cur")):
            raise TransportError(
                "this is no Maildir: it has no folders new and cur", where=str(self._path)
            )
        new = [f"new/{path.name}" for path in (self._path / "new").iterdir()]
        seen = (
            (path.name, path.name.partition(":2,")[2]) for path in (self._path / "cur").iterdir()
        )
        unseen = [f"cur/{name}" for name, flags in seen if "S" not in flags]
        return sorted(new + unseen, key=lambda key: key[4:])
