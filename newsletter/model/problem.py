"""A problem found in something a person wrote."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum


class Severity(StrEnum):
    """An error keeps an issue from being rendered or sent; a warning is advice."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding; `str()` is `path:line: message`. Lines count from 1."""

    path: str
    line: int
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        note = "warning: " if self.severity is Severity.WARNING else ""
        return f"{self.path}:{self.line}: {note}{self.message}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'alliance'?` for a near miss, else the empty string."""
    near = get_close_matches(word.casefold(), list(known), n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""
