"""A problem found in something a person wrote."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs."""

    ERROR = "error"  # keeps an issue from being rendered or sent
    WARNING = "warning"  # advice that is printed and stops nothing
    NOTE = "note"  # worth knowing; shown where somebody asks for it


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding; `str()` is `path:line: message; remedy`. Lines count from 1.

    `remedy` is the way to mend it, where the message does not say that already.
    """

    path: str
    line: int
    message: str
    severity: Severity = Severity.ERROR
    remedy: str = ""

    def __str__(self) -> str:
        weight = "" if self.severity is Severity.ERROR else f"{self.severity}: "
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{self.path}:{self.line}: {weight}{self.message}{remedy}"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file that a person wrote, and what is found there."""

    path: str
    line: int = 1

    def error(self, message: str, remedy: str = "") -> Problem:
        """What must not be sent."""
        return Problem(self.path, self.line, message, Severity.ERROR, remedy)

    def warning(self, message: str, remedy: str = "") -> Problem:
        """Advice."""
        return Problem(self.path, self.line, message, Severity.WARNING, remedy)

    def note(self, message: str, remedy: str = "") -> Problem:
        """What is worth knowing."""
        return Problem(self.path, self.line, message, Severity.NOTE, remedy)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'alliance'?` for a near miss, else the empty string."""
    near = get_close_matches(word.casefold(), list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
