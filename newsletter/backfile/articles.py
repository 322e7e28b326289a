"""An item -> articles as an issue has them: title, teaser, citation, DOI and Markdown."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from newsletter.backfile.citations import find_doi, is_citation, without_doi
from newsletter.backfile.dates import month_of_heading
from newsletter.backfile.items import Item
from newsletter.backfile.pieces import Piece
from newsletter.backfile.runs import squeeze
from newsletter.backfile.sections import Section, split_articles
from newsletter.markdown import parse
from newsletter.model.issue import Passage

_MOST_TEASER: Final = 200
_MOST_TITLE: Final = 300
_MOST_LETTERS: Final = 300_000  # an article's file holds a megabyte
_SHORT_SENTENCE: Final = 60
_LONGEST_SENTENCES: Final = 180
_SENTENCE_END: Final = re.compile(
    r"(?<!\bet al\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\bDr\.)(?<!\b[A-Z]\.)(?<=[.!?…])"
    r"[\"'”’»)\]]*(?=\s+[\"'“‘«(\[]*[A-ZÀ-Þ\d])"  # noqa: RUF001
)


@dataclass(frozen=True, slots=True)
class PastArticle:
    """An article ready to be written. `words` is its text as readers see it."""

    title: str
    teaser: str
    markdown: str
    words: str
    slug: str = ""
    citation: str = ""
    doi: str = ""
    author: str = ""
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemText:
    """What an item came to. `intro` is Markdown that stood before the first of several articles."""

    articles: tuple[PastArticle, ...]
    pictures: dict[str, bytes]
    intro: str = ""


class Editor:
    """Makes articles of items; `callout` are the headings that open the practice implications."""

    def __init__(self, callout: Sequence[str]) -> None:
        self._callout = {_fold(name) for name in callout}

    def is_callout(self, piece: Piece) -> bool:
        """Whether a piece is the heading of a call-out, also one that is only set in bold."""
        return not piece.list_marker and _fold(piece.words) in self._callout

    def is_landmark(self, words: str) -> bool:
        """Whether a line opens a month or a call-out."""
        return _fold(words) in self._callout or bool(month_of_heading(words))

    def edit(self, item: Item) -> ItemText:
        """The item's articles. Raises ValueError where it has no text, or none that can be read."""
        around = item.surroundings()
        pieces = self.parted(item.read(around))
        if not any(piece.words for piece in pieces):
            raise ValueError("it has no text")
        if sum(len(piece.markdown) for piece in pieces) > _MOST_LETTERS:
            raise ValueError(f"it has more than {_MOST_LETTERS:,} letters")
        if sum(map(self.is_callout, pieces)) < 2:
            sections, intro = [Section(item.title, pieces)], ""
        else:  # a whole issue in one post
            before, sections = split_articles(pieces, self.is_callout)
            intro = markdown_of(before)
        is_alone = len(sections) == 1
        articles = []
        for number, section in enumerate(sections):
            own = (
                replace(item, title=section.title)
                if is_alone
                else replace(item, title=section.title, slug="", teaser="")
            )
            notes = around.told() if number == 0 else []
            articles.append(self._article(own, section.pieces, notes))
        return ItemText(tuple(articles), around.pictures, intro)

    def parted(self, pieces: Iterable[Piece]) -> list[Piece]:
        """The pieces, where a call-out's heading and its text are one paragraph in two."""
        return [
            part
            for piece in pieces
            for part in (piece.parts if self._opens_in_bold(piece) else (piece,))
        ]

    def _opens_in_bold(self, piece: Piece) -> bool:
        return bool(piece.parts) and self.is_callout(piece.parts[0])

    def _article(self, item: Item, pieces: Sequence[Piece], notes: Sequence[str]) -> PastArticle:
        notes = list(notes)
        if pieces and pieces[0].words == item.title:
            pieces = pieces[1:]
        pieces, citation = self._take_citation(list(pieces))
        text = " ".join(piece.words for piece in pieces if piece.words)
        first = next((p.words for p in pieces if not p.level and p.words), text)
        title = _line(item.title, _MOST_TITLE)
        if not title:
            title = _line(first, 80)
            notes.append("it has no title; its first words stand in")
        doi = find_doi(citation) or find_doi(
            " ".join([citation, text, *(p.markdown for p in pieces)])
        )
        return PastArticle(
            title=title,
            teaser=_teaser(item.teaser, first) or title[:_MOST_TEASER],
            markdown=self._markdown(pieces),
            words=text,
            slug=item.slug,
            citation=without_doi(citation) if doi and find_doi(citation) else citation,
            doi=doi,
            author=_line(item.author, 200),
            labels=item.labels,
            notes=tuple(notes),
        )

    def _take_citation(self, pieces: list[Piece]) -> tuple[list[Piece], str]:
        """The pieces without the source that stands first, last, or last before the call-out."""
        callout = next((at for at, one in enumerate(pieces) if self.is_callout(one)), len(pieces))
        for at in (0, callout - 1, len(pieces) - 1):
            if 0 <= at < len(pieces) and not pieces[at].level and is_citation(pieces[at].words):
                return pieces[:at] + pieces[at + 1 :], pieces[at].words
        return pieces, ""

    def _markdown(self, pieces: Sequence[Piece]) -> str:
        """The Markdown of an article, a call-out's heading being one whatever it was before."""
        levels = [piece.level for piece in pieces if piece.level and not self.is_callout(piece)]
        highest = min(levels, default=2)
        return markdown_of(
            [
                replace(piece, level=highest, markdown=piece.plain)
                if self.is_callout(piece)
                else piece
                for piece in pieces
            ]
        )


def markdown_of(pieces: Sequence[Piece]) -> str:
    """Markdown whose words are those of the pieces; marks that would change them are left off."""
    levels = sorted({piece.level for piece in pieces if piece.level})
    kept = _trimmed(pieces)
    written = "\n\n".join(_write(piece, piece.markdown, levels) for piece in kept)
    if _reads_as(written, " ".join(piece.words for piece in kept if piece.words)):
        return written
    return "\n\n".join(
        _write(
            piece, piece.markdown if _reads_as(piece.markdown, piece.words) else piece.plain, levels
        )
        for piece in kept
    )


def _write(piece: Piece, markdown: str, levels: Sequence[int]) -> str:
    return f"{'#' * min(6, 2 + levels.index(piece.level))} {markdown}" if piece.level else markdown


def _reads_as(markdown: str, words: str) -> bool:
    return parse(Passage(markdown, "", 1)).words == words


def _trimmed(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """The pieces without lines across the page at their ends."""
    spoken = [at for at, piece in enumerate(pieces) if piece.words or "![" in piece.markdown]
    return pieces[spoken[0] : spoken[-1] + 1] if spoken else []


def _teaser(own: str, text: str) -> str:
    """The source's own, or else the first sentences of the text."""
    own = squeeze(own)
    if own and len(own) <= _MOST_TEASER:
        return own
    ends = [found.end() for found in islice(_SENTENCE_END.finditer(text), 2)] + [len(text)]
    first = ends[0]
    if first < _SHORT_SENTENCE and len(ends) > 1 and ends[1] <= _LONGEST_SENTENCES:
        first = ends[1]
    return cut(text[:first], _MOST_TEASER)


def cut(text: str, most: int) -> str:
    """The text, or as many of its words as fit into `most` letters with an ellipsis."""
    if len(text) <= most:
        return text
    head = text[: most - 1]
    return f"{head.rpartition(' ')[0].rstrip(' ,;:–—-') or head}…"  # noqa: RUF001


def _line(text: str, most: int) -> str:
    return cut(squeeze(text), most)


def _fold(name: str) -> str:
    return name.rstrip(":.\xa0 ").casefold()
