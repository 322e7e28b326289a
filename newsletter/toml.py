"""TOML with places: what is missing, misspelt or of the wrong type becomes a problem with its line.

`tomllib` gives values without positions; `key_lines` finds them again in the text.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, TypeVar

from newsletter.model.problem import Problem, did_you_mean

_T = TypeVar("_T", str, bool, int, float, datetime)
KeyPath = tuple[str | int, ...]

_WORDS: Final = {
    str: "text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    datetime: "a date and time with its offset, such as 2022-11-15T09:00:00-05:00",
}
_BARE: Final = r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'"""
_KEY: Final = re.compile(rf"\s*((?:{_BARE})(?:\s*\.\s*(?:{_BARE}))*)\s*=")
_HEADER: Final = re.compile(rf"\s*(\[\[?)\s*((?:{_BARE})(?:\s*\.\s*(?:{_BARE}))*)\s*\]")
_LEXEME: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|#[^\n]*|[\[\]{}\n]|.",
    re.DOTALL,
)
_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


def _key_parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_BARE, dotted))


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each logical line, a value over several lines being one, with the line it begins on."""
    line, depth, start, statement = 1, 0, 1, ""
    for lexeme in _LEXEME.findall(text):
        if lexeme == "\n" and depth <= 0:
            yield start, statement
            statement, depth, start = "", 0, line + 1
        else:
            statement += lexeme
            depth += (lexeme in "[{") - (lexeme in "]}") if len(lexeme) == 1 else 0
        line += lexeme.count("\n")
    yield start, statement


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line of every table header and key in a well-formed document, by its path."""
    lines: dict[KeyPath, int] = {}
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    for line, statement in _statements(text):
        if header := _HEADER.match(statement):
            table = _key_parts(header[2])
            if header[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                lines.setdefault(table, line)
                table = (*table, counts[table])
            lines.setdefault(table, line)
        elif key := _KEY.match(statement):
            lines.setdefault((*table, *_key_parts(key[1])), line)
    return lines


class Table:
    """One TOML table being read key by key; what is wrong joins the shared list of problems."""

    def __init__(
        self,
        values: Mapping[str, Any],
        path: str,
        lines: Mapping[KeyPath, int],
        problems: list[Problem],
        *,
        place: KeyPath = (),
        first_line: int = 1,
    ) -> None:
        self._values = values
        self._lines = lines
        self._place = place
        self._first_line = first_line
        self._read: set[str] = set()
        self.path = path
        self.problems = problems

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __bool__(self) -> bool:
        return bool(self._values)

    def keys(self) -> list[str]:
        """The keys as written, in the file's order."""
        return list(self._values)

    def line(self, key: str = "") -> int:
        """The line of a key, or of the nearest table above it."""
        place: KeyPath = (*self._place, key) if key else self._place
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1) + self._first_line - 1

    def report(self, key: str, message: str) -> None:
        """Note a problem at `key`."""
        self.problems.append(Problem(self.path, self.line(key), message))

    def take(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        """The value at `key`; without a default a missing one is a problem and reads as empty."""
        self._read.add(key)
        if key not in self._values:
            if default is None:
                self.report(key, f"{self._name(key)} is missing")
                return kind() if kind is not datetime else datetime.min  # type: ignore[return-value]
            return default
        value = self._values[key]
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            self.report(key, f"{self._name(key)} must be {_WORDS[kind]}")
            return default if default is not None else kind()
        if kind is str and default is None and not value.strip():
            self.report(key, f"{self._name(key)} is empty")
        return value  # type: ignore[no-any-return]

    def take_optional(self, key: str, kind: type[_T]) -> _T | None:
        """The value at `key`, or nothing where the key is absent or unusable."""
        if key not in self._values:
            self._read.add(key)
            return None
        before = len(self.problems)
        value = self.take(key, kind, kind() if kind is not datetime else datetime.min)  # type: ignore[arg-type]
        return value if len(self.problems) == before else None

    def take_list(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts at `key`; without a default a missing one is a problem."""
        self._read.add(key)
        if key not in self._values:
            if default is None:
                self.report(key, f"{self._name(key)} is missing")
            return default or ()
        value = self._values[key]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.report(key, f'{self._name(key)} must be a list of texts, such as ["a", "b"]')
            return default or ()
        return tuple(value)

    def table(self, key: str) -> "Table":
        """The table at `key`, empty where it is absent."""
        self._read.add(key)
        value = self._values.get(key, {})
        if not isinstance(value, dict):
            self.report(key, f"{self._name(key)} must be a table, written [{self._name(key)}]")
            value = {}
        return self._child(value, key)

    def tables(self, key: str) -> "list[Table]":
        """The tables of the array at `key`, in order."""
        self._read.add(key)
        value = self._values.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.report(key, f"{key} must be a list of tables, each begun by [[{key}]]")
            return []
        return [self._child(item, key, number) for number, item in enumerate(value)]

    def close(self) -> None:
        """Report every key that nobody asked for."""
        for key in self._values:
            if key not in self._read:
                self.report(key, f"unknown key '{key}'{did_you_mean(key, self._read)}")

    def _child(self, values: Mapping[str, Any], *place: str | int) -> "Table":
        return Table(
            values,
            self.path,
            self._lines,
            self.problems,
            place=(*self._place, *place),
            first_line=self._first_line,
        )

    def _name(self, key: str) -> str:
        return ".".join(str(part) for part in (*self._place, key) if isinstance(part, str))


def parse_toml(
    text: str, path: str, problems: list[Problem], *, first_line: int = 1
) -> Table | None:
    """The document as a table, or nothing where it is not TOML; `first_line` is its place in `path`."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _PLACE.search(str(error))
        last = text.count("\n") + 1
        line = int(place[1]) if place and place[1] else last
        message = _PLACE.sub("", str(error))
        problems.append(Problem(path, line + first_line - 1, f"not TOML: {message}"))
        return None
    return Table(values, path, key_lines(text), problems, first_line=first_line)
