"""The lines around problems."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from newsletter.model.problem import Problem

_AROUND: Final = 2
_MOST_BYTES: Final = 1_000_000
_WIDEST: Final = 160
_TEMPLATE: Final = "templates/"  # as messages name it, wherever the folder is


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file; `is_it` where a problem is on it."""

    number: int
    text: str
    is_it: bool


class Excerpts:
    """Reads the lines around problems, from the newsletter's own files alone.

    A problem's path counts from `root`; that of a template from the first of the folders of
    `templates` that has it.
    """

    def __init__(self, root: Path, templates: Sequence[Path]) -> None:
        self._root = root
        self._templates = templates

    def around(self, problems: Sequence[Problem]) -> list[Line]:
        """From two lines before the first to two after the last of problems in one file.

        None where the file cannot be read or lies elsewhere.
        """
        path = problems[0].path
        name = path.removeprefix(_TEMPLATE)
        for folder in [self._root] if name == path else self._templates:
            with suppress(OSError):
                file = (folder / name).resolve()
                if file.is_relative_to(folder.resolve()) and file.is_file():
                    return _around(_lines(file), {problem.line for problem in problems})
        return []


def neighbours(problems: Iterable[Problem]) -> list[list[Problem]]:
    """The problems in their order, those together whose lines around them meet."""
    groups: list[list[Problem]] = []
    for problem in problems:
        last = groups[-1][-1] if groups else None
        if last and last.path == problem.path and 0 <= problem.line - last.line <= 2 * _AROUND + 1:
            groups[-1].append(problem)
        else:
            groups.append([problem])
    return groups


def _lines(file: Path) -> list[str]:
    if file.stat().st_size > _MOST_BYTES:
        return []
    return file.read_text("utf-8-sig", errors="replace").splitlines()


def _around(lines: Sequence[str], numbers: Collection[int]) -> list[Line]:
    first = max(min(numbers) - _AROUND, 1)
    shown = enumerate(lines[first - 1 : max(numbers) + _AROUND], start=first)
    return [Line(n, text.rstrip()[:_WIDEST], n in numbers) for n, text in shown]
