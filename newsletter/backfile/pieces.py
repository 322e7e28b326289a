"""The pieces of a text: its blocks, each as Markdown and as the words that a reader sees."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from newsletter.backfile.runs import (
    Run,
    bare,
    paragraphs,
    squeeze,
    to_cell,
    to_heading,
    to_markdown,
    words_of,
)
from newsletter.textfile import without_control_characters

_TICKS: Final = re.compile(r"`{3,}")

Row = Sequence[Sequence[Run]]


@dataclass(frozen=True, slots=True)
class Piece:
    """One block; `plain` is its Markdown without emphasis and links.

    Of a heading, `level` is 1 to 6 and the Markdown what stands behind its marks. A label is a
    paragraph all in bold, which many take for a heading; `parts` are a paragraph that begins in
    bold, parted where that ends.
    """

    markdown: str
    plain: str
    words: str
    level: int = 0
    is_label: bool = False
    list_marker: str = ""
    parts: "tuple[Piece, ...]" = ()


def text_pieces(runs: Iterable[Run]) -> list[Piece]:
    """The runs as paragraphs."""
    return [_paragraph(part) for part in paragraphs(runs)]


def _paragraph(runs: Sequence[Run]) -> Piece:
    lead = list(takewhile(lambda run: "b" in run.marks or not run.text.strip(), runs))
    rest = paragraphs(runs[len(lead) :]) if lead else [runs]
    is_begun = bool(words_of(lead)) and bool(rest)
    return Piece(
        to_markdown(runs),
        to_markdown(bare(runs)),
        words_of(runs),
        is_label=not rest,
        parts=tuple(map(_paragraph, (*paragraphs(lead), *rest))) if is_begun else (),
    )


def heading_pieces(runs: Iterable[Run], level: int) -> list[Piece]:
    """The runs as a heading, or nothing where they have no words."""
    joined = _one_line(runs)
    if not words_of(joined):
        return []
    return [Piece(to_heading(joined), to_heading(bare(joined)), words_of(joined), level)]


def code_piece(text: str) -> Piece:
    """Text that keeps its lines and blanks."""
    text = without_control_characters(text)
    fence = "`" * max([3, *(len(ticks) + 1 for ticks in _TICKS.findall(text))])
    written = f"{fence}\n{text.strip(chr(10))}\n{fence}"
    return Piece(written, written, squeeze(text))


def rule_piece() -> Piece:
    """A line across the text."""
    return Piece("* * *", "* * *", "")


def quote_piece(pieces: Sequence[Piece]) -> Piece:
    """The pieces as a quotation."""
    return _contain([(pieces, "> ", "> ")], "\n\n")


def list_piece(items: Sequence[Sequence[Piece]], start: int | None, after: str) -> Piece:
    """A list, numbered from `start` where that is given; `after` is the marker of a list before it.

    Its own marker is another one then, as two lists with one marker are one list.
    """
    marker = ("-" if after != "-" else "*") if start is None else ("." if after != "." else ")")
    rows = []
    for number, pieces in enumerate(items, start=start or 0):
        first = f"{marker} " if start is None else f"{number}{marker} "
        rows.append((pieces, first, " " * len(first)))
    is_tight = all(sum(not piece.list_marker for piece in pieces) <= 1 for pieces in items)
    made = _contain(rows, "\n" if is_tight else "\n\n")
    return Piece(made.markdown, made.plain, made.words, list_marker=marker)


def table_piece(header: Row, rows: Sequence[Row]) -> Piece:
    """A table; cells that a row lacks are empty."""
    every = [[_one_line(cell) for cell in row] for row in (header, *rows)]
    width = max(len(row) for row in every)
    plain = [[bare(cell) for cell in row] for row in every]
    words = " ".join(filter(None, (words_of(cell) for row in every for cell in row)))
    return Piece(_table(every, width), _table(plain, width), words)


def _one_line(runs: Iterable[Run]) -> list[Run]:
    return [run for part in paragraphs(runs) for run in (*part, Run(" "))][:-1]


def _table(rows: Sequence[Row], width: int) -> str:
    lines = [
        "| " + " | ".join([to_cell(cell) for cell in row] + [""] * (width - len(row))) + " |"
        for row in rows
    ]
    return "\n".join([lines[0], "| " + " | ".join(["---"] * width) + " |", *lines[1:]])


def _contain(rows: Sequence[tuple[Sequence[Piece], str, str]], gap: str) -> Piece:
    """The rows' pieces behind what stands before the first line of each row and before the rest."""
    marked = gap.join(
        _prefixed([p.markdown for p in row], gap, one, more) for row, one, more in rows
    )
    plain = gap.join(_prefixed([p.plain for p in row], gap, one, more) for row, one, more in rows)
    words = " ".join(piece.words for row, _, _ in rows for piece in row if piece.words)
    return Piece(marked, plain, words)


def _prefixed(texts: Sequence[str], gap: str, first: str, rest: str) -> str:
    head, *lines = gap.join(texts).split("\n")
    return "\n".join(
        [f"{first}{head}", *(f"{rest}{line}" if line else rest.rstrip() for line in lines)]
    )
