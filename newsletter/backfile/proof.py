"""Pieces -> Markdown that was read again, so that its words are known to be theirs."""

from collections.abc import Sequence

from newsletter.backfile.pieces import Piece
from newsletter.markdown import parse
from newsletter.model.issue import Passage


def markdown_of(pieces: Sequence[Piece]) -> str:
    """Markdown whose words are those of the pieces; marks that would change them are left off.

    Raises ValueError where there is no such Markdown.
    """
    levels = sorted({piece.level for piece in pieces if piece.level})
    kept = _trimmed(pieces)
    words = " ".join(piece.words for piece in kept if piece.words)
    written = "\n\n".join(_write(piece, piece.markdown, levels) for piece in kept)
    if _reads_as(written, words):
        return written
    written = "\n\n".join(_write(piece, _safe(piece), levels) for piece in kept)
    if not _reads_as(written, words):
        raise ValueError("its words cannot be written down exactly; copy it by hand")
    return written


def _safe(piece: Piece) -> str:
    return piece.markdown if _reads_as(piece.markdown, piece.words) else piece.plain


def _write(piece: Piece, markdown: str, levels: Sequence[int]) -> str:
    return f"{'#' * min(6, 2 + levels.index(piece.level))} {markdown}" if piece.level else markdown


def _reads_as(markdown: str, words: str) -> bool:
    return parse(Passage(markdown, "", 1)).words == words


def _trimmed(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """The pieces without lines across the page at their ends."""
    spoken = [at for at, piece in enumerate(pieces) if piece.words or "![" in piece.markdown]
    return pieces[spoken[0] : spoken[-1] + 1] if spoken else []
