"""Pieces that follow each other on a page -> months, and a month's pieces -> articles."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from newsletter.backfile.citations import is_citation
from newsletter.backfile.dates import month_of_heading
from newsletter.backfile.pieces import Piece

IsCallout = Callable[[Piece], bool]

_LONGEST_TITLE: Final = 200
_LONG_TEXT: Final = 200  # letters; what stands below a title is longer
_SENTENCE_END: Final = re.compile(r"[.;:,…]\W*$")
_NOT_A_TITLE: Final = re.compile(r"[•*–—-]\s|\d+[.)]\s|https?://")  # noqa: RUF001


@dataclass(frozen=True, slots=True)
class Section:
    """An article's title and the pieces below it."""

    title: str
    pieces: Sequence[Piece]


def split_months(pieces: Sequence[Piece]) -> tuple[Sequence[Piece], dict[str, list[Piece]]]:
    """What stands before the first month, and the pieces of each."""
    starts = [at for at, piece in enumerate(pieces) if month_of(piece)]
    months: dict[str, list[Piece]] = {}
    for start, end in pairwise([*starts, len(pieces)]):
        months.setdefault(month_of(pieces[start]), []).extend(pieces[start + 1 : end])
    return pieces[: starts[0]] if starts else pieces, months


def split_articles(
    pieces: Sequence[Piece], is_callout: IsCallout
) -> tuple[Sequence[Piece], list[Section]]:
    """What stands before the first title, and the articles.

    Titles are the highest headings, or else labels, or else lines of text that look like one.
    """
    headings = [piece.level for piece in pieces if piece.level and not is_callout(piece)]
    if headings:
        starts = [
            at
            for at, piece in enumerate(pieces)
            if piece.level == min(headings) and not is_callout(piece)
        ]
    else:
        starts = _find_titles(pieces, is_callout)
    sections = [
        Section(pieces[start].words, pieces[start + 1 : end])
        for start, end in pairwise([*starts, len(pieces)])
    ]
    return pieces[: starts[0]] if starts else pieces, sections


def month_of(piece: Piece) -> str:
    """The month that a piece names and nothing else; else nothing."""
    return "" if piece.list_marker else month_of_heading(piece.words)


def _find_titles(pieces: Sequence[Piece], is_callout: IsCallout) -> list[int]:
    """The titles among pieces without headings: one before each call-out, after that before it."""
    callouts = [at for at, piece in enumerate(pieces) if is_callout(piece)]
    has_labels = any(piece.is_label for at, piece in enumerate(pieces) if at not in callouts)

    def may_be_title(at: int) -> bool:
        piece = pieces[at]
        return at not in callouts and (piece.is_label if has_labels else _looks_like_title(piece))

    def is_cited(at: int) -> bool:
        return at + 1 < len(pieces) and is_citation(pieces[at + 1].words)

    def opens_text(at: int) -> bool:
        below = pieces[at + 1].words if at + 1 < len(pieces) else ""
        return is_cited(at) or (len(below) >= _LONG_TEXT and at + 1 not in callouts)

    titles: list[int] = []
    for before, callout in pairwise([-2, *callouts]):
        possible = [at for at in range(before + 2, callout - 1) if may_be_title(at)]
        best = [at for at in possible if is_cited(at)] or [at for at in possible if opens_text(at)]
        titles += (best or possible)[:1]
    after = callouts[-1] + 2 if callouts else 0
    is_title = is_cited if callouts else opens_text
    return titles + [at for at in range(after, len(pieces)) if may_be_title(at) and is_title(at)]


def _looks_like_title(piece: Piece) -> bool:
    words = piece.words
    return (
        0 < len(words) <= _LONGEST_TITLE
        and not piece.list_marker
        and not _SENTENCE_END.search(words)
        and not _NOT_A_TITLE.match(words)
        and not is_citation(words)
    )
