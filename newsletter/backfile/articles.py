"""An item -> articles as an issue has them: title, teaser, citation, DOI and Markdown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from newsletter.backfile.citations import find_doi, is_citation, without_doi
from newsletter.backfile.dates import month_of_heading
from newsletter.backfile.items import Item
from newsletter.backfile.pieces import Piece
from newsletter.backfile.proof import markdown_of
from newsletter.backfile.sections import Section, split_articles
from newsletter.backfile.wording import line_of, teaser_of

_MOST_TITLE: Final = 300
_MOST_CITATION: Final = 1000
_MOST_OF_TEXT: Final = 80  # letters of a text that stand in for a title
_MOST_LETTERS: Final = 300_000  # an article's file holds a megabyte


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
    """What an item came to. `subject` is the title of a post that was a whole issue."""

    articles: tuple[PastArticle, ...]
    pictures: dict[str, bytes]
    subject: str
    intro: str


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
        intro, sections = item.intro, [Section(item.title, pieces)]
        if sum(map(self.is_callout, pieces)) > 1:
            before, several = split_articles(pieces, self.is_callout)
            intro, sections = (before, several) if several else (intro, sections)
        title = line_of(item.title, _MOST_TITLE) if len(sections) > 1 else ""
        if title:  # a whole issue in one post
            item = replace(item, slug="", teaser="")
        articles = [self._article(replace(item, title=s.title), s.pieces) for s in sections]
        articles[0] = replace(articles[0], notes=(*articles[0].notes, *around.told()))
        return ItemText(tuple(articles), around.pictures, title, markdown_of(intro))

    def parted(self, pieces: Iterable[Piece]) -> list[Piece]:
        """The pieces, where a call-out's heading and its text are one paragraph in two."""
        return [
            part
            for piece in pieces
            for part in (piece.parts if self._opens_in_bold(piece) else (piece,))
        ]

    def _opens_in_bold(self, piece: Piece) -> bool:
        return bool(piece.parts) and self.is_callout(piece.parts[0])

    def _article(self, item: Item, pieces: Sequence[Piece]) -> PastArticle:
        if pieces and pieces[0].words == item.title:
            pieces = pieces[1:]
        pieces, citation = self._take_citation(list(pieces))
        text = " ".join(piece.words for piece in pieces if piece.words)
        first = next((piece.words for piece in pieces if _is_spoken(piece)), text)
        title = line_of(item.title, _MOST_TITLE)
        doi = find_doi(citation) or find_doi(
            " ".join([citation, text, *(p.markdown for p in pieces)])
        )
        return PastArticle(
            title=title or line_of(first, _MOST_OF_TEXT),
            teaser=teaser_of(item.teaser, first or title),
            markdown=self._markdown(pieces),
            words=text,
            slug=item.slug,
            citation=without_doi(citation) if find_doi(citation) else citation,
            doi=doi,
            author=line_of(item.author, _MOST_TITLE),
            labels=item.labels,
            notes=() if title else ("it has no title; its first words stand in",),
        )

    def _take_citation(self, pieces: list[Piece]) -> tuple[list[Piece], str]:
        """The pieces without the source that stands first, last, or last before the call-out."""
        callout = next((at for at, one in enumerate(pieces) if self.is_callout(one)), len(pieces))
        for at in (0, callout - 1, len(pieces) - 1):
            if 0 <= at < len(pieces) and not pieces[at].level and is_citation(pieces[at].words):
                return pieces[:at] + pieces[at + 1 :], line_of(pieces[at].words, _MOST_CITATION)
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


def _is_spoken(piece: Piece) -> bool:
    """Whether a piece is text: no heading, and no picture with its description."""
    return bool(piece.words) and not piece.level and not piece.plain.startswith("![")


def _fold(name: str) -> str:
    return name.rstrip(":.\xa0 ").casefold()
