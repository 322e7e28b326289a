"""The outbox: one file per delivery in a folder, for a relay or a person to carry on."""

import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from typing import Final

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Message
from newsletter.transports.base import Appointment, Commit, Note

_FILE_NAME: Final = re.compile(r"[0-9A-Za-z-]+")
_KEEP_EVERY: Final = 100  # messages to one writing of the folder itself
_LEFTOVER_AGE: Final = timedelta(days=1)


class Outbox:
    """Writes `new/<delivery-id>.eml`: whole, durable and once, whatever is killed or run twice.

    Raises TransportError, with the path and the system's words, where a file cannot be written.
    """

    name: Final = "outbox"
    parallel: Final = 1
    in_hand: Final = 1000
    needs_notes: Final = False
    head_start: Final = timedelta()

    def __init__(self, path: Path) -> None:
        self._tmp = path / "tmp"
        self._new = path / "new"
        self._mark = token_hex(8)  # nobody else's files in tmp/ bear it

    def send(
        self,
        messages: Iterable[Message],
        commit: Commit | None = None,  # noqa: ARG002 - nothing is called back
        appointment: Appointment | None = None,  # noqa: ARG002 - everything leaves at once
        note: Note | None = None,  # noqa: ARG002 - taken twice there is one file
    ) -> Iterator[Receipt]:
        """Write each message; one whose file is there already counts as accepted."""
        self._open()
        written: list[Receipt] = []
        for message in messages:
            try:
                written.append(self._take(message))
            except TransportError:
                yield from self._keep(written)
                raise
            if len(written) == _KEEP_EVERY:
                yield from self._keep(written)
                written.clear()
        yield from self._keep(written)

    def can_repeat(self, provider_batch_id: str | None) -> bool:  # noqa: ARG002 - there is none
        """Always: the file that is there already stays."""
        return True

    def hurry(self) -> None:
        """Nobody is waited for."""

    def close(self) -> None:
        """Nothing is held open."""

    def _open(self) -> None:
        for folder in (self._tmp, self._new):
            with _plainly(folder):
                folder.mkdir(parents=True, exist_ok=True)
        with _plainly(self._tmp):
            self._remove_leftovers()

    def _remove_leftovers(self) -> None:
        """Remove what a killed sender left half-written; a running one's files are younger."""
        oldest = time.time() - _LEFTOVER_AGE.total_seconds()
        for file in self._tmp.iterdir():
            with suppress(FileNotFoundError):
                if file.stat().st_mtime < oldest:
                    file.unlink()

    def _take(self, message: Message) -> Receipt:
        delivery_id = message.personalisation.delivery_id
        if not _FILE_NAME.fullmatch(delivery_id):
            raise TransportError(f"{delivery_id!r} cannot be a file's name", where=str(self._new))
        self._write(f"{delivery_id}.eml", message.to_bytes())
        return Receipt(delivery_id, Outcome.ACCEPTED)

    def _write(self, name: str, content: bytes) -> None:
        temporary = self._tmp / f"{self._mark}-{name}"
        with _plainly(self._new / name):
            try:
                with temporary.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                # A link, unlike a rename, never replaces what was there.
                with suppress(FileExistsError):
                    os.link(temporary, self._new / name)
            finally:
                temporary.unlink(missing_ok=True)

    def _keep(self, written: Sequence[Receipt]) -> Sequence[Receipt]:
        """Make the names in new/ survive a power cut, as the files do already."""
        if written:
            with _plainly(self._new):
                folder = os.open(self._new, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        return written


@contextmanager
def _plainly(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TransportError(f"cannot be written: {error.strerror}", where=str(path)) from error
