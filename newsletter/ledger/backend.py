"""What the databases differ in, as far as a connection and its errors go."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError


@dataclass(frozen=True, slots=True)
class Backend:
    """One database, reached over connections of one pool or of two.

    `reading` begins transactions that see one state, `writing` those that change it. `explain`
    gives one line for an error that a person can mend, None for a fault of the program.
    """

    reading: Engine
    writing: Engine
    explain: Callable[[DatabaseError], str | None]
    where: str  # what errors name; without a password
    file: Path | None = None  # of SQLite
