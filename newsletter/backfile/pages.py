"""One page that holds months of articles, as text or as HTML -> items."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import Final

from newsletter.backfile.articles import Editor
from newsletter.backfile.items import Item, LeftOut, PastArchive
from newsletter.backfile.markup import parse_html, read_tree
from newsletter.backfile.page_frame import own_address, within_frame
from newsletter.backfile.pieces import Piece, list_piece, text_pieces
from newsletter.backfile.runs import Run, squeeze
from newsletter.backfile.sections import Section, month_of, split_articles, split_months
from newsletter.backfile.surroundings import FindFile, Surroundings
from newsletter.errors import NewsletterError

_BULLET: Final = re.compile(r"[-*•·]\s+")
_NARROWEST: Final = 50  # letters of a line to which programs wrap a text
_WIDEST: Final = 100
_SLACK: Final = 5
_NO_MONTH: Final = (
    "no month stands in it as a line or heading of its own, such as 'November 2022'; a page of "
    "past issues has one above each month's articles"
)


def read_text_page(text: str, shown: str, editor: Editor) -> PastArchive:
    """The months of a page's text, where each heading and paragraph is a line.

    Raises NewsletterError where there is no month.
    """
    return _read(
        "a page's text", list(_text_pieces(text, editor.is_landmark)), shown, editor, Surroundings()
    )


def read_html_page(html: str, shown: str, editor: Editor, find: FindFile) -> PastArchive:
    """The months of a page in HTML. Raises NewsletterError."""
    try:
        root = parse_html(html)
    except ValueError as fault:
        raise NewsletterError(str(fault), where=shown) from None
    if root is None:
        raise NewsletterError(_NO_MONTH, where=shown)
    around = Surroundings(own_address(root), find)
    within, outside = within_frame(root, editor.is_landmark)
    pieces: list[Piece] = []
    is_begun = False
    for piece in read_tree(within, around):
        if not is_begun and month_of(piece):
            is_begun = True
            around.forget()  # of what stands above the first month
        pieces.append(piece)
    archive = _read("a web page", pieces, shown, editor, around)
    if not outside:
        return archive
    left = LeftOut("around the months", "", f"{outside:,} words of the site, not of its articles")
    return replace(archive, left_out=(left, *archive.left_out))


def _read(
    kind: str, pieces: Sequence[Piece], shown: str, editor: Editor, around: Surroundings
) -> PastArchive:
    before, months = split_months(editor.parted(pieces))
    if not months:
        raise NewsletterError(_NO_MONTH, where=shown)
    found: list[Item | LeftOut] = [*_preface(before)]
    for month, below in months.items():
        intro, sections = split_articles(below, editor.is_callout)
        if not sections:
            found.append(LeftOut(month, "", "no article could be told in it", is_amiss=True))
        for number, section in enumerate(sections, start=1):
            item = _item(month, number, section, around.pictures)
            found.append(replace(item, intro=intro) if number == 1 else item)
    return PastArchive.of(kind, found, around.told())


def _item(month: str, number: int, section: Section, pictures: Mapping[str, bytes]) -> Item:
    def read(around: Surroundings) -> Sequence[Piece]:
        text = "".join(piece.plain for piece in section.pieces)
        around.pictures |= {name: data for name, data in pictures.items() if name in text}
        return section.pieces

    return Item(f"{month}, article {number}", month, section.title, read, order=f"{number:04}")


def _preface(pieces: Sequence[Piece]) -> Iterator[LeftOut]:
    spoken = [piece.words for piece in pieces if piece.words]
    if spoken:
        blocks = "1 block" if len(spoken) == 1 else f"{len(spoken)} blocks"
        yield LeftOut("above the first month", spoken[0], f"{blocks} that belong to no month")


def _text_pieces(text: str, is_landmark: Callable[[str], bool]) -> Iterator[Piece]:
    lines = filter(None, map(squeeze, _unwrapped(text, is_landmark)))
    for is_list, group in groupby(lines, key=lambda line: bool(_BULLET.match(line))):
        if is_list:
            items = [text_pieces([Run(_BULLET.sub("", line, count=1))]) for line in group]
            yield list_piece(items, None, "")
        else:
            for line in group:
                yield from text_pieces([Run(line)])


def _unwrapped(text: str, is_landmark: Callable[[str], bool]) -> list[str]:
    """The lines of a text; of one that was wrapped at a width, its paragraphs."""
    lines = [line.rstrip() for line in text.split("\n")]
    width = max(map(len, lines))
    if not _NARROWEST <= width <= _WIDEST:
        return lines
    joined: list[str] = []
    for before, line in pairwise(["", *lines]):
        word = "" if _BULLET.match(line.lstrip()) else line.strip().partition(" ")[0]
        had_no_room = before and word and len(before) + len(word) >= width - _SLACK
        if had_no_room and not is_landmark(before) and not is_landmark(line):
            joined[-1] += f" {line}"
        else:
            joined.append(line)
    return joined
