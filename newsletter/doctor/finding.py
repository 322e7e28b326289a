"""What an examination finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """A problem keeps email from being sent or from arriving; a note is worth knowing."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding about `subject`; `remedy` says how to mend it, where there is a way."""

    level: Level
    subject: str
    words: str
    remedy: str = ""


def ok(subject: str, words: str) -> Finding:
    """All is well."""
    return Finding(Level.OK, subject, words)


def note(subject: str, words: str, remedy: str = "") -> Finding:
    """Worth knowing."""
    return Finding(Level.NOTE, subject, words, remedy)


def problem(subject: str, words: str, remedy: str) -> Finding:
    """To be mended before the next issue."""
    return Finding(Level.PROBLEM, subject, words, remedy)
