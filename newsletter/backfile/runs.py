"""A paragraph's words with their marks -> Markdown that reads back as exactly these words."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from newsletter.textfile import without_control_characters

_BLANKS: Final = re.compile(r"[ \t\n\r\f]+")  # not the no-break space
_BREAK: Final = "\n"
_SPECIAL: Final = re.compile(
    r"[\\`*\[\]]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|~(?=~)|(?<=~)~|^~|~$|&(?=#?\w+;)"
)
_LINE_START: Final = re.compile(
    r"^(?:(?P<mark>#{1,6}(?=\s|$)|>|[-+](?=\s|$)|[=|:-][=|: -]*$)"
    r"|(?P<number>\d{1,9})(?=[.)](?:\s|$)))",
    re.MULTILINE,
)
_CLOSING_HASHES: Final = re.compile(r"(?:(?<=\s)|^)(?=#+$)")
_MARKS: Final = {"b": "**", "i": "*", "s": "~~"}
_TICKS: Final = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class Run:
    r"""Words that are marked alike: `marks` holds b, i, s, or c for code; "\n" breaks the line.

    A picture's words are its description, `picture` its name in the issue's folder.
    """

    text: str
    marks: str = ""
    href: str = ""
    picture: str = ""


def squeeze(text: str) -> str:
    """The text with single blanks; those that may not break a line stay."""
    return _BLANKS.sub(" ", text).strip(" ")


def words_of(runs: Iterable[Run]) -> str:
    """What a reader sees of the runs, in one line."""
    return squeeze("".join(run.text for run in runs))


def paragraphs(runs: Iterable[Run]) -> list[list[Run]]:
    """The runs in order, parted where two line breaks follow each other; blanks stand single."""
    parts: list[list[Run]] = [[]]
    for run in runs:
        part = parts[-1]
        if run.picture:
            part.append(run)
        elif run.text == _BREAK:
            part[:] = _trimmed(part, lambda text: text.rstrip(" "), last=True)
            if part and part[-1].text == _BREAK:
                parts.append([])
            elif part:
                part.append(run)
        else:
            text = _BLANKS.sub(" ", without_control_characters(run.text))
            is_begun = part and (part[-1].picture or not part[-1].text.endswith((" ", _BREAK)))
            if text := text if is_begun else text.lstrip(" "):
                part.append(replace(run, text=text))
    return [joined for part in parts if (joined := _joined(part))]


def _joined(runs: list[Run]) -> list[Run]:
    """The runs without blanks at either end, and those that are marked alike as one."""
    runs = _trimmed(_trimmed(runs, str.lstrip), str.rstrip, last=True)
    alike = groupby(runs, key=lambda run: (run.marks, run.href, run.picture))
    return [
        Run("".join(run.text for run in group), marks, href, picture)
        for (marks, href, picture), group in alike
    ]


def _trimmed(runs: list[Run], strip: Callable[[str], str], *, last: bool = False) -> list[Run]:
    """The runs without what `strip` takes off at one end."""
    end = -1 if last else 0
    while runs and not runs[end].picture:
        run = runs.pop(end)
        if text := strip(run.text):
            runs.insert(len(runs) if last else 0, replace(run, text=text))
            break
    return runs


def to_markdown(runs: Sequence[Run]) -> str:
    """The runs as the Markdown of a paragraph."""
    return _LINE_START.sub(_guard, inline_markdown(runs))


def to_heading(runs: Sequence[Run]) -> str:
    """The runs as what stands behind the marks of a heading."""
    return _CLOSING_HASHES.sub(r"\\", inline_markdown(without_breaks(runs)))


def to_cell(runs: Sequence[Run]) -> str:
    """The runs as a table's cell."""
    return inline_markdown(without_breaks(runs)).replace("|", r"\|")


def bare(runs: Iterable[Run]) -> list[Run]:
    """The runs without marks and links."""
    return [replace(run, marks="", href="") for run in runs]


def without_breaks(runs: Iterable[Run]) -> list[Run]:
    """The runs in one line."""
    return [run if run.picture else replace(run, text=run.text.replace("\n", " ")) for run in runs]


def _guard(found: re.Match[str]) -> str:
    return f"\\{found[0]}" if found["mark"] else f"{found['number']}\\"


def inline_markdown(runs: Sequence[Run]) -> str:
    """The runs' Markdown, for a place where the beginning of a line means nothing."""
    written = ""
    for href, group in groupby(enumerate(runs), key=lambda one: one[1].href):
        numbers = [number for number, _ in group]
        inner = ""
        for number in numbers:
            inner += _marked(runs, number, inner or ("[" if href else written))
        if href and (label := inner.strip(" ")):
            lead = " " if inner.startswith(" ") else ""
            inner = f"{lead}[{label}](<{href}>){' ' if inner.endswith(' ') else ''}"
        if written.endswith("!") and inner.startswith("["):
            written = f"{written[:-1]}\\!"
        written += inner
    return written


def _marked(runs: Sequence[Run], number: int, before: str) -> str:
    """One run as Markdown; its marks are left off where they would be read as letters."""
    run = runs[number]
    if run.picture:
        return f"![{_escape(run.text)}](<{run.picture}>)"
    text = run.text
    lead, trail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    core = text.strip()
    if not core or not run.marks:
        return _lines(text)
    after = trail or _first(runs, number + 1)
    if "c" in run.marks:
        return f"{lead}{_code(core)}{trail}"
    marks = "".join(_MARKS[mark] for mark in run.marks)
    if _opens(lead or before, core) and _opens(after[::-1], core[::-1]):
        return f"{lead}{marks}{_lines(core)}{marks[::-1]}{trail}"
    return _lines(text)


def _first(runs: Sequence[Run], number: int) -> str:
    """What the run of this number begins with, or a mark where that is what it would begin with."""
    if number >= len(runs):
        return ""
    run = runs[number]
    if run.picture or run.href != runs[number - 1].href:
        return "["
    return "*" if run.marks and not run.text.startswith((" ", _BREAK)) else run.text[:1]


def _opens(before: str, core: str) -> bool:
    """Whether a mark between `before` and `core` is read as one (CommonMark, 6.2: flanking)."""
    neighbour = before[-1:] or " "
    if neighbour in "*~":
        return False
    return not _is_mark(core[0]) or neighbour.isspace() or _is_mark(neighbour)


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "PS"


def _lines(text: str) -> str:
    return _escape(text).replace("\n", "\\\n")


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _code(text: str) -> str:
    text = text.replace("\n", " ")
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"
