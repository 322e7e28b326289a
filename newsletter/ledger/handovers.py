"""What of a batch has been handed over, noted where a sender that is killed leaves it.

A small file for each batch that is under way, a line for each delivery. The marks in it are made in
memory that is the file's own: that takes no call of the system, and they outlive the process. They
may not outlive a failure of the machine, so from before its last start they tell nothing.
"""

import fcntl
from collections.abc import Callable, Iterable
from contextlib import suppress
from mmap import mmap
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from newsletter.errors import LedgerError
from newsletter.ledger.lock import BEGUN, open_locked
from newsletter.model.delivery import Batch, Outcome, Receipt

_HERE, _GIVEN, _ACCEPTED = b".>+"
_MARKS: Final = {Outcome.ACCEPTED: _ACCEPTED, Outcome.UNCERTAIN: _GIVEN}
Held = tuple[int, str, int]  # a batch, who holds it, and under which fence
_NOTHING: Final = ".none"  # what a file is called that never became whole
_THIS_START: Final = Path("/proc/sys/kernel/random/boot_id")


class Fates(NamedTuple):
    """The deliveries that were accepted, and those that were handed over without an answer."""

    accepted: frozenset[str]
    unanswered: frozenset[str]


class HandOvers:
    """The notes about one batch, for the sender who holds it."""

    def __init__(self, path: Path, delivery_ids: Iterable[str]) -> None:
        self._path = path
        self._places: dict[str, int] = {}
        lines = [f"{_start()}\n"]
        length = len(lines[0])
        for delivery_id in delivery_ids:
            self._places[delivery_id] = length
            lines.append(f"{_HERE:c}{delivery_id}\n")
            length += len(lines[-1])
        try:
            self._file = open_locked(path, "".join(lines).encode())
            self._marks = mmap(self._file.fileno(), length)
        except OSError as error:
            # The ledger on the same full disk cannot be told that nothing was handed over.
            with suppress(OSError):
                path.with_suffix(BEGUN).rename(path.with_suffix(_NOTHING))
            raise LedgerError(f"cannot be written: {error.strerror}", where=str(path)) from error

    def give(self, delivery_id: str) -> None:
        """Note that a delivery leaves; from now on nobody but the server knows."""
        self._marks[self._places[delivery_id]] = _GIVEN

    def hear(self, receipt: Receipt) -> None:
        """Note an answer. What was certainly not taken is as if it had not been handed over."""
        self._marks[self._places[receipt.delivery_id]] = _MARKS.get(receipt.outcome, _HERE)

    def close(self, *, is_recorded: bool) -> None:
        """Stop; the notes are kept unless the ledger has all that they tell."""
        self._marks.close()
        if is_recorded:
            self._path.unlink(missing_ok=True)
        self._file.close()


class HandOverFiles:
    """The notes about all batches, in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, batch: Batch) -> HandOvers:
        """Notes about a batch that was just claimed. Raises LedgerError where none can be kept."""
        ids = (delivery.id for delivery in batch.deliveries)
        return HandOvers(self._file(batch.id, batch.owner, batch.fence), ids)

    def read(self, batch_id: int, owner: str, fence: int) -> Fates | None:
        """What a sender that died has left; None where that is nothing to go by.

        Somebody who still writes has lost the batch, and may yet hand over anything.
        """
        path = self._file(batch_id, owner, fence)
        if path.with_suffix(_NOTHING).exists():
            return Fates(frozenset(), frozenset())
        try:
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                start, *lines = file.read().decode().splitlines()
        except OSError:
            return None
        if not start or start != _start():
            return None
        marked = [(ord(line[0]), line[1:]) for line in lines]
        return Fates(
            frozenset(delivery_id for mark, delivery_id in marked if mark == _ACCEPTED),
            frozenset(delivery_id for mark, delivery_id in marked if mark == _GIVEN),
        )

    def sweep(self, in_hand: Callable[[], Iterable[Held]]) -> None:
        """Remove what senders left who were killed when the ledger had it all.

        `in_hand` gives the batches that somebody holds, as they are now.
        """
        if left := [*self._folder.glob("*.given"), *self._folder.glob(f"*{_NOTHING}")]:
            kept = {self._file(*held) for held in in_hand()}
            for file in left:
                if file.with_suffix(".given") not in kept:
                    file.unlink(missing_ok=True)

    def forget(self, batch_id: int, owner: str, fence: int) -> None:
        """Remove what was left, now that the ledger has it."""
        path = self._file(batch_id, owner, fence)
        path.unlink(missing_ok=True)
        path.with_suffix(_NOTHING).unlink(missing_ok=True)

    def _file(self, batch_id: int, owner: str, fence: int) -> Path:
        return self._folder / f"{quote(owner, safe='')}-{batch_id}-{fence}.given"


def _start() -> str:
    """A name for the time since the machine was started; empty where it has none."""
    try:
        return _THIS_START.read_text("ascii").strip()
    except OSError:
        return ""
