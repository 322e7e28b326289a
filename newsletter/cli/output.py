"""What the terminal shows: people's text as it is, quiet colours, and plain lines in a pipe."""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TextIO

from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from rich.console import Console

Style = Literal["", "dim", "cyan"]  # plain, secondary, the one accent
ANY_WIDTH: Final = 10_000


@cache
def console(*, stderr: bool) -> "Console":
    """Rich's door to one stream; it obeys NO_COLOR, and in a pipe no line is cut or coloured."""
    from rich.console import Console

    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    if not made.is_terminal:
        made.width = ANY_WIDTH
    return made


def say(text: str, style: Style = "") -> None:
    """A line on standard output."""
    if style and sys.stdout.isatty():  # else Rich need not be loaded, a tenth of a start
        console(stderr=False).print(text, style=style, soft_wrap=True)
    else:
        print(text)


def note(text: str) -> None:
    """A line of secondary text on standard output."""
    say(text, "dim")


def warn(text: str) -> None:
    """A line on standard error, for what went wrong without ending the command."""
    print(text, file=sys.stderr)


def print_json(document: object) -> None:
    """The one JSON document of a `--json` command."""
    print(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str | int]]) -> None:
    """Aligned columns under dim titles; numbers stand to the right, with their thousands apart."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    rows = list(rows)
    for place, title in enumerate(columns):
        are_numbers = bool(rows) and all(isinstance(row[place], int) for row in rows)
        table.add_column(title, justify="right" if are_numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else cell for cell in row))
    terminal = console(stderr=False)
    with terminal.capture() as captured:
        terminal.print(table)
    print(*(line.rstrip() for line in captured.get().splitlines()), sep="\n")


def print_entries(rows: Iterable[tuple[str, str, str]]) -> None:
    """Entries of three parts: one line each in a pipe, else the third stands below the second."""
    from rich.table import Table
    from rich.text import Text

    terminal = console(stderr=False)
    if not terminal.is_terminal:
        print(*("  ".join(row) for row in rows), sep="\n")
        return
    table = Table.grid(padding=(0, 2))
    for first, second, third in rows:
        table.add_row(first, Text.assemble(second, "\n", (third, "dim")))
    terminal.print(table)


def ask(question: str) -> bool:
    """Whether a person says yes. No answer, as in a pipe or a cron job, is no; so is Ctrl-C."""
    try:
        print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        answer = ""
    if not answer.endswith("\n"):
        print(file=sys.stderr)
    return answer.strip().casefold() in {"y", "yes"}


@contextmanager
def writing(path: Path) -> Iterator[TextIO]:
    """A text file that takes its name when it is whole; what was there stays until then."""
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("w", encoding="utf-8", newline="") as file:
            yield file
        new.replace(path)
    except OSError as error:
        if error.filename != str(new):
            raise
        raise NewsletterError(f"cannot be written: {error.strerror}", where=str(path)) from error
    finally:
        new.unlink(missing_ok=True)
