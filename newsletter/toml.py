"""TOML with places: what is missing, misspelt or of the wrong type becomes a problem with its line.

`tomllib` gives values without positions; `key_lines` finds them again in the text.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, NamedTuple, TypeVar

from newsletter.model.problem import Problem, did_you_mean

_T = TypeVar("_T", str, bool, int, float, datetime)
KeyPath = tuple[str | int, ...]

_WORDS: Final[Mapping[type, str]] = {
    str: "text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    datetime: "a date and time with its offset, such as 2022-11-15T09:00:00-05:00",
}
_EMPTY: Final[Mapping[type, Any]] = {
    str: "",
    bool: False,
    int: 0,
    float: 0.0,
    datetime: datetime.min.replace(tzinfo=UTC),
}
_HINTS: Final = {
    "Invalid value": 'a text stands in straight quotes, as in "text"',
    "Illegal character '\\n'": 'the quotes are not closed; a text of several lines stands in """',
    'Expected "\'"': "the quotes are not closed",
    "Unterminated string": "the text that begins here is not closed",
    "Expected \"'''\"": "the text that begins here is not closed",
    "Cannot overwrite a value": "this key is already given",
}
_BARE: Final = r"""[A-Za-z0-9_-]+|"(?:\\.|[^"\\\n])*"|'[^'\n]*'"""
_DOTTED: Final = rf"(?:{_BARE})(?:[ \t]*\.[ \t]*(?:{_BARE}))*"
_KEY: Final = re.compile(rf"[ \t]*({_DOTTED})[ \t]*=[ \t]*(\"\"\"\n|'''\n)?")
_HEADER: Final = re.compile(rf"[ \t]*(\[\[?)[ \t]*({_DOTTED})[ \t]*\]")
_LEXEME: Final = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|'
    r"'''.*?'{3,5}|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'|#[^\n]*|[^\"'#\[\]{}\n]+|.",
    re.DOTALL,
)
_PLACE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Place(NamedTuple):
    """The line of a key or header, and the one on which its text begins, which may be the next."""

    key: int
    text: int


def _key_parts(dotted: str) -> tuple[str, ...]:
    """The names of a dotted key, quotes and escapes undone."""
    if '"' not in dotted and "'" not in dotted:
        return tuple(part.strip() for part in dotted.split("."))
    parts: list[str] = []
    table: Any = tomllib.loads(f"{dotted} = 0")
    while isinstance(table, dict):
        name, table = next(iter(table.items()))
        parts.append(name)
    return tuple(parts)


def _statements(text: str, line: int) -> Iterator[tuple[int, str]]:
    """Each logical line, a value over several lines being one, with the line it begins on."""
    depth, start, statement = 0, line, ""
    for lexeme in _LEXEME.findall(text):
        if lexeme == "\n" and depth <= 0:
            yield start, statement
            statement, depth, start = "", 0, line + 1
        else:
            statement += lexeme
            depth += (lexeme in "[{") - (lexeme in "]}") if len(lexeme) == 1 else 0
        line += lexeme.count("\n")
    yield start, statement


def key_lines(text: str, first_line: int = 1) -> dict[KeyPath, Place]:
    """The place of every table header and key in a well-formed document, by its path.

    The document itself, `()`, is at `first_line`. A key inside an inline table has no place.
    """
    lines: dict[KeyPath, Place] = {(): Place(first_line, first_line)}
    last: dict[KeyPath, int] = {}  # array of tables -> index of its latest table

    def note(place: KeyPath, names: tuple[str, ...], line: int) -> KeyPath:
        for name in names:
            place = (*place, last[place], name) if place in last else (*place, name)
            lines.setdefault(place, Place(line, line))
        return place

    table: KeyPath = ()
    for line, statement in _statements(text, first_line):
        if header := _HEADER.match(statement):
            table = note((), _key_parts(header[2]), line)
            if header[1] == "[[":
                last[table] = last.get(table, -1) + 1
                table = (*table, last[table])
                lines[table] = Place(line, line)
        elif key := _KEY.match(statement):
            place = note(table, _key_parts(key[1]), line)
            lines[place] = Place(line, line + bool(key[2]))
    return lines


class Table:
    """One TOML table being read key by key; what is wrong joins the shared list of problems."""

    def __init__(
        self,
        values: Mapping[str, Any],
        path: str,
        lines: Callable[[], Mapping[KeyPath, Place]],
        problems: list[Problem],
        place: KeyPath = (),
    ) -> None:
        self._values = values
        self._lines = lines
        self._place = place
        self._read: set[str] = set()
        self.path = path
        self.problems = problems

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __bool__(self) -> bool:
        return bool(self._values)

    def __iter__(self) -> Iterator[str]:
        """The keys as written, in the file's order."""
        return iter(self._values)

    def line(self, key: str = "") -> int:
        """The line of a key, or of the nearest table above it."""
        return self._find(key).key

    def text_line(self, key: str) -> int:
        """The line on which the text at `key` begins: the next one if the quotes end theirs."""
        return self._find(key).text

    def report(self, key: str, message: str) -> None:
        """Note a problem at `key`."""
        self.problems.append(Problem(self.path, self.line(key), message))

    def take(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        """The value at `key`; without a default a missing one is a problem and reads as empty."""
        is_required = default is None
        value = self.take_optional(key, kind)
        if value is None:
            if is_required and key not in self:
                self.report(key, f"{self._name(key)} is missing")
            return _EMPTY[kind] if default is None else default
        if is_required and kind is str and not str(value).strip():
            self.report(key, f"{self._name(key)} is empty")
        return value

    def take_optional(self, key: str, kind: type[_T]) -> _T | None:
        """The value at `key`, or nothing where the key is absent or unusable."""
        self._read.add(key)
        if key not in self._values:
            return None
        value = _of_kind(self._values[key], kind)
        if value is None:
            self.report(key, f"{self._name(key)} must be {_WORDS[kind]}")
        return value

    def take_list(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts at `key`; without a default a missing or empty one is a problem."""
        self._read.add(key)
        if key not in self._values:
            if default is None:
                self.report(key, f"{self._name(key)} is missing")
            return default or ()
        value = self._values[key]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.report(key, f'{self._name(key)} must be a list of texts, such as ["a", "b"]')
            return default or ()
        if not value and default is None:
            self.report(key, f"{self._name(key)} is empty")
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
        return Table(values, self.path, self._lines, self.problems, (*self._place, *place))

    def _find(self, key: str) -> Place:
        place: KeyPath = (*self._place, key) if key else self._place
        lines = self._lines()
        while place not in lines:
            place = place[:-1]
        return lines[place]

    def _name(self, key: str) -> str:
        return ".".join(str(part) for part in (*self._place, key) if isinstance(part, str))


def _of_kind(value: Any, kind: type[_T]) -> _T | None:  # noqa: ANN401 - what tomllib made
    """`value` where it is exactly of `kind`; a whole number also counts as a number."""
    if kind is float and type(value) is int and abs(value) <= 2**53:
        return float(value)
    if kind is datetime and not _is_moment(value):
        return None
    return value if type(value) is kind else None


def _is_moment(value: object) -> bool:
    """Whether `value` is one point in time that can be told in UTC."""
    try:
        return isinstance(value, datetime) and bool(value.tzinfo and value.astimezone(UTC))
    except OverflowError:
        return False


def parse_toml(
    text: str, path: str, problems: list[Problem], *, first_line: int = 1
) -> Table | None:
    """The document as a table, or nothing where it is not TOML.

    `first_line` is the line of `path` on which the text begins.
    """
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = _PLACE.sub("", str(error))
        hint = f"; {_HINTS[message]}" if message in _HINTS else ""
        line = _error_line(text, str(error)) + first_line - 1
        problems.append(Problem(path, line, f"not TOML: {message}{hint}"))
        return None
    except (ValueError, RecursionError) as error:  # tomllib lets these two of Python's own out
        excess = (
            "nested too deeply" if isinstance(error, RecursionError) else "a number is too long"
        )
        problems.append(Problem(path, first_line, f"not TOML: {excess}"))
        return None
    lines = cache(lambda: key_lines(text, first_line))  # few documents are ever asked for one
    return Table(values, path, lines, problems)


def _error_line(text: str, message: str) -> int:
    """The line of tomllib's complaint; that of a text without an end is where it begins."""
    place = _PLACE.search(message)
    if place and place[1]:
        return int(place[1])
    end = len(text.rstrip())
    if message.startswith(("Unterminated string", "Expected \"'''\"")):
        end = max(text.rfind('"""'), text.rfind("'''"))
    return text.count("\n", 0, end) + 1
