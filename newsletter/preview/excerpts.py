"""The lines around a problem."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from newsletter.model.problem import Problem

_AROUND: Final = 2
_MOST_BYTES: Final = 1_000_000
_WIDEST: Final = 160


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file; `is_it` where the problem is on it."""

    number: int
    text: str
    is_it: bool


class Excerpts:
    """Reads the lines around problems, from the newsletter's own files alone.

    A problem's path counts from the first of `folders` that has such a file.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = [folder.resolve() for folder in folders]

    def around(self, problem: Problem) -> list[Line]:
        """Up to five lines; none where the file cannot be read or lies elsewhere."""
        for folder in self._folders:
            try:
                file = (folder / problem.path).resolve()
                if not file.is_relative_to(folder) or not file.is_file():
                    continue
                if file.stat().st_size > _MOST_BYTES:
                    return []
                lines = file.read_text("utf-8-sig", errors="replace").splitlines()
            except OSError:
                continue
            return _around(lines, problem.line)
        return []


def _around(lines: Sequence[str], number: int) -> list[Line]:
    first = max(number - _AROUND, 1)
    shown = enumerate(lines[first - 1 : number + _AROUND], start=first)
    return [Line(n, text.rstrip()[:_WIDEST], n == number) for n, text in shown]
