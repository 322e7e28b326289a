"""What of a batch has been handed over, noted where a sender that is killed leaves it.

A small file for each batch that is under way, a line for each delivery. The marks in it are made in
memory that is the file's own: that takes no call of the system, and they outlive the process. They
may not outlive a failure of the machine, so from before its last start they tell nothing.
"""

import fcntl
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from mmap import mmap
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from newsletter.errors import LedgerError
from newsletter.ledger.lock import BEGUN, open_locked
from newsletter.model.delivery import Batch, Outcome, Receipt
from newsletter.undoing import on_failure

_HERE, _GIVEN, _ACCEPTED = b".>+"
_MARKS: Final = {Outcome.ACCEPTED: _ACCEPTED, Outcome.UNCERTAIN: _GIVEN}
Held = tuple[int, str, int]  # a batch, who holds it, and under which fence
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
            with on_failure(self._file.close):
                self._marks = mmap(self._file.fileno(), length)
        except OSError as error:
            with suppress(OSError):
                path.with_suffix(BEGUN).unlink(missing_ok=True)
            raise LedgerError(f"cannot be written: {error.strerror}", where=str(path)) from error

    def give(self, delivery_id: str) -> None:
        """Note that a delivery leaves; from now on nobody but the server knows."""
        self._marks[self._places[delivery_id]] = _GIVEN

    def hear(self, receipt: Receipt) -> None:
        """Note an answer. What was certainly not taken is as if it had not been handed over."""
        self._marks[self._places[receipt.delivery_id]] = _MARKS.get(receipt.outcome, _HERE)

    def close(self, *, keep: bool) -> None:
        """Stop. The notes are of use until the ledger has all that they tell."""
        self._marks.close()
        if not keep:
            self._path.unlink(missing_ok=True)
        self._file.close()


class HandOverFiles:
    """The notes about all batches, in a folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begun: dict[Path, HandOvers] = {}

    @contextmanager
    def beginning(self) -> Iterator[Callable[[Batch], None]]:
        """What begins the notes about a batch, and raises LedgerError where none can be kept.

        Should the block fail nobody writes there. They stay, as a claim whose commit had no answer
        may be in the ledger all the same; else they are swept.
        """
        with ExitStack() as undo:

            def begin(batch: Batch) -> None:
                ids = (delivery.id for delivery in batch.deliveries)
                path = self._file(batch.id, batch.owner, batch.fence)
                self._begun[path] = HandOvers(path, ids)
                undo.callback(lambda: self.take(batch).close(keep=True))

            yield begin
            undo.pop_all()

    def take(self, batch: Batch) -> HandOvers:
        """The notes that were begun, for whoever is to write and to close them."""
        return self._begun.pop(self._file(batch.id, batch.owner, batch.fence))

    def read(self, batch_id: int, owner: str, fence: int) -> Fates | None:
        """What a sender that died has left; None where that is nothing to go by.

        Somebody who still writes has lost the batch, and may yet hand over anything.
        """
        path = self._file(batch_id, owner, fence)
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
        """Remove what senders left who were killed when the ledger had it all, or nothing yet.

        `in_hand` gives the batches that somebody holds, as they are now.
        """
        if left := list(filter(_is_left, self._folder.glob("*.given"))):
            kept = {self._file(*held) for held in in_hand()}
            for file in left:
                if file not in kept:
                    file.unlink(missing_ok=True)

    def forget(self, batch_id: int, owner: str, fence: int) -> None:
        """Remove what was left, now that the ledger has it."""
        self._file(batch_id, owner, fence).unlink(missing_ok=True)

    def _file(self, batch_id: int, owner: str, fence: int) -> Path:
        return self._folder / f"{quote(owner, safe='')}-{batch_id}-{fence}.given"


def _is_left(file: Path) -> bool:
    """Whether nobody writes there any more."""
    try:
        with file.open("rb") as notes:
            fcntl.flock(notes, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _start() -> str:
    """A name for the time since the machine was started; empty where it has none."""
    try:
        return _THIS_START.read_text("ascii").strip()
    except OSError:
        return ""
