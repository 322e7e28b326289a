"""HTML, however it was made -> pieces. The only file here that knows lxml's HTML parser."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree
from lxml.etree import _Element

from newsletter.backfile.pieces import (
    Piece,
    code_piece,
    heading_pieces,
    list_piece,
    quote_piece,
    rule_piece,
    table_piece,
    text_pieces,
)
from newsletter.backfile.runs import Run, squeeze
from newsletter.backfile.surroundings import Surroundings
from newsletter.backfile.vocabulary import (
    BLOCKS,
    EMBEDDED,
    HEADINGS,
    LOWERED,
    MARKS,
    RAISED,
    UNREAD,
    WIDGETS,
)
from newsletter.textfile import without_control_characters

_DEEPEST: Final = 5  # lists and quotes within each other; the reader takes ten
_WEIGHT: Final = re.compile(r"font-weight:\s*(?:bold|[6-9]00)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _State:
    """What holds for the words below an element."""

    marks: str = ""
    href: str = ""
    depth: int = 0


def read_html(html: str, around: Surroundings) -> list[Piece]:
    """The text's pieces; what has no words of its own is left out and noted in `around`.

    Raises ValueError where the HTML cannot be read to its end.
    """
    root = parse_html(html)
    return list(read_tree(root, around)) if root is not None else []


def read_tree(root: _Element, around: Surroundings) -> Iterator[Piece]:
    """The pieces of a part of a page, one after the other."""
    return _Reader(around).blocks(root, _State())


def parse_html(html: str) -> _Element | None:
    """The tree of a page or a part of one, or nothing where it is empty. Raises ValueError."""
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True
    )
    try:
        root = etree.fromstring(without_control_characters(html).encode(), parser)
    except etree.XMLSyntaxError:  # what holds nothing at all
        return None
    if any(error.type_name == "ERR_RESOURCE_LIMIT" for error in parser.error_log):
        raise ValueError("its HTML is nested more than 256 elements deep")
    return root


class _Reader:
    def __init__(self, around: Surroundings) -> None:
        self._around = around

    def blocks(self, parent: _Element, state: _State) -> Iterator[Piece]:
        """The pieces of an element that may hold blocks, words, or both."""
        runs = [Run(parent.text or "", state.marks, state.href)]
        after = ""
        for child in parent:
            tail = Run(child.tail or "", state.marks, state.href)
            if self._is_unread(child):
                runs.append(tail)
            elif not _holds_blocks(child):
                runs += [*self._words(child, state), tail]
            else:
                yield from text_pieces(runs)
                for piece in self._block(child, state, after):
                    yield piece
                    after = piece.list_marker
                runs = [tail]
                after = "" if tail.text.strip() else after
        yield from text_pieces(runs)

    def _block(self, element: _Element, state: _State, after: str) -> Iterator[Piece]:
        tag = str(element.tag)
        if tag in HEADINGS:
            runs = list(self._words(element, state))
            level = HEADINGS[tag]
            yield from text_pieces(runs) if state.depth else heading_pieces(runs, level)
        elif tag == "pre":
            text = "".join(run.text for run in self._words(element, state))
            yield from [code_piece(text)] if text.strip() else []
        elif tag == "hr":
            yield from [] if state.depth else [rule_piece()]
        elif tag in {"ul", "ol", "menu", "dir"} and state.depth < _DEEPEST:
            yield from self._list(element, _deeper(state), after)
        elif tag == "blockquote" and state.depth < _DEEPEST:
            pieces = list(self.blocks(element, _deeper(state)))
            yield from [quote_piece(pieces)] if pieces else []
        elif tag == "table" and (rows := _data_rows(element)):
            yield self._table(rows, state)
        else:
            yield from self.blocks(element, _marked(element, state))

    def _list(self, element: _Element, state: _State, after: str) -> Iterator[Piece]:
        items: list[list[Piece]] = []

        def add(pieces: list[Piece], *, is_own: bool) -> None:
            if pieces and (is_own or not items):
                items.append(pieces)
            elif pieces:
                items[-1] += pieces

        add(text_pieces([Run(element.text or "", state.marks, state.href)]), is_own=True)
        for child in element:
            if not self._is_unread(child):
                is_item = child.tag == "li"
                pieces = self.blocks(child, state) if is_item else self._loose(child, state)
                add(list(pieces), is_own=is_item)
            add(text_pieces([Run(child.tail or "", state.marks, state.href)]), is_own=False)
        start = _number(element.get("start"), 1) if element.tag == "ol" else None
        yield from [list_piece(items, start, after)] if items else []

    def _loose(self, child: _Element, state: _State) -> Iterator[Piece]:
        """What stands in a list without an item around it, as much HTML has it."""
        if _holds_blocks(child):
            yield from self._block(child, state, "")
        else:
            yield from text_pieces(self._words(child, state))

    def _table(self, rows: Sequence[Sequence[_Element]], state: _State) -> Piece:
        cells = [[list(self._words(cell, state)) for cell in row] for row in rows]
        has_header = any(cell.tag == "th" for cell in rows[0])
        return table_piece(cells[0], cells[1:]) if has_header else table_piece([], cells)

    def _words(self, element: _Element, state: _State) -> Iterator[Run]:
        """The runs of an element without looking for blocks in it."""
        if self._is_unread(element):
            return
        tag = str(element.tag)
        if tag == "br":
            yield Run("\n", state.marks, state.href)
        elif tag == "img":
            yield from self._picture(element, state)
        inner = self._inside(element, state)
        table = {"sup": RAISED, "sub": LOWERED}.get(tag, {}) if len(element) == 0 else {}
        text = element.text or ""
        raised = "".join(map(table.get, text, text)) if set(text) <= set(table) else text
        yield Run(raised, inner.marks, inner.href)
        for child in element:
            gap = [Run(" ")] if child.tag in BLOCKS else []
            yield from [*gap, *self._words(child, inner), *gap]
            yield Run(child.tail or "", inner.marks, inner.href)

    def _inside(self, element: _Element, state: _State) -> _State:
        state = _marked(element, state)
        if element.tag == "a" and (href := element.get("href")):
            # A link around a picture alone mostly leads to the same picture, larger.
            href = self._around.link(href) if all_text(element).strip() else ""
            return _State(state.marks, href, state.depth)
        return state

    def _picture(self, element: _Element, state: _State) -> Iterator[Run]:
        if name := self._around.picture(element.get("src") or element.get("data-src") or ""):
            alt = without_control_characters(element.get("alt") or element.get("title") or "")
            yield Run(squeeze(alt), "", state.href, name)

    def _is_unread(self, element: _Element) -> bool:
        tag = str(element.tag)
        if tag in UNREAD:
            return True
        if tag in EMBEDDED:
            source = element.get("src") or element.get("data") or ""
            self._around.note(
                f"an embedded <{tag}> was left out{f': {source[:80]}' if source else ''}"
            )
            return True
        if WIDGETS & set((element.get("class") or "").split()):
            self._around.note("a button or box for signing up or sharing was left out")
            return True
        return False


def _holds_blocks(element: _Element) -> bool:
    return element.tag in BLOCKS or any(child.tag in BLOCKS for child in element.iter())


def _deeper(state: _State) -> _State:
    return _State(state.marks, state.href, state.depth + 1)


def _marked(element: _Element, state: _State) -> _State:
    mark = MARKS.get(str(element.tag), "")
    if not mark and element.tag == "span" and _WEIGHT.search(element.get("style") or ""):
        mark = "b"
    if not mark or mark in state.marks or "c" in state.marks:
        return state
    if mark == "c":
        return _State(mark, state.href, state.depth)
    return _State("".join(sorted(state.marks + mark)), state.href, state.depth)


def _data_rows(table: _Element) -> list[list[_Element]]:
    """The cells of a table of figures or words; nothing for one that only lays out a page."""
    rows = [[cell for cell in row if cell.tag in {"td", "th"}] for row in table.iter("tr")]
    rows = [row for row in rows if row]
    is_data = len(rows) > 1 and max(map(len, rows)) > 1
    deep = {"table", "ul", "ol", "h1", "h2", "h3", "blockquote"}
    cells = [cell for row in rows for cell in row]
    holds = any(inner.tag in deep for cell in cells for inner in cell.iter())
    within = "".join(map(all_text, cells)).split()
    is_whole = "".join(within) == "".join(all_text(table).split())
    return rows if is_data and is_whole and within and not holds else []


def all_text(element: _Element) -> str:
    """Every letter within an element, its blanks as they are."""
    return "".join(map(str, element.itertext()))


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() and len(text) < 8 else otherwise
