"""What a publication did."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What became of the files of one publication, by their paths in the archive, sorted.

    `notes` are sentences for the editor.
    """

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        written: Iterable[str],
        unchanged: Iterable[str],
        removed: Iterable[str] = (),
        notes: Iterable[str] = (),
    ) -> Self:
        """The report of these paths, in any order."""
        written, unchanged, removed = map(sorted, (written, unchanged, removed))
        return cls(tuple(written), tuple(unchanged), tuple(removed), tuple(notes))
