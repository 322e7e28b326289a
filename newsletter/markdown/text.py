"""Markdown tokens -> plain text that is a pleasure to read in a terminal."""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from textwrap import TextWrapper
from typing import Final

from markdown_it.token import Token

_NARROWEST: Final = 24  # columns left to text, however deep it is indented
_MARKS: Final = {"em": "_", "strong": "*", "s": "~"}


@dataclass(slots=True)
class _Container:
    """A quote or list item around the text: what stands before its first line and the others."""

    first: str
    rest: str
    is_begun: bool = False

    def begin(self) -> str:
        """The prefix of the next line."""
        prefix = self.rest if self.is_begun else self.first
        self.is_begun = True
        return prefix


@dataclass(slots=True)
class _List:
    """A list around the text: the next item's number, or nothing where it has none."""

    number: int | None

    def next_marker(self) -> str:
        """What the next item begins with."""
        if self.number is None:
            return "- "
        self.number += 1
        return f"{self.number - 1}. "


class _Writer:
    """Writes block after block, each behind the prefixes of what it stands in."""

    def __init__(self, width: int) -> None:
        self.lines: list[str] = []
        self._width = width
        self._containers: list[_Container] = []
        self._lists: list[_List] = []
        self._is_tight = False  # the latest block was an item without blank lines around it

    def write(self, tokens: Sequence[Token]) -> None:
        """Write everything that the block tokens hold."""
        stream = iter(tokens)
        for token in stream:
            lines = _block_lines(token, stream, self._room())
            if lines is None:
                self._enter_or_leave(token)
            else:
                self._block(lines, is_tight=token.hidden)

    def _enter_or_leave(self, token: Token) -> None:
        match token.type:
            case "blockquote_open":
                self._containers.append(_Container("> ", "> "))
            case "bullet_list_open":
                self._lists.append(_List(None))
            case "ordered_list_open":
                self._lists.append(_List(int(token.attrs.get("start", 1))))
            case "list_item_open":
                marker = self._lists[-1].next_marker()
                self._containers.append(_Container(marker, " " * len(marker)))
            case "blockquote_close" | "list_item_close":
                if not self._containers[-1].is_begun:  # an empty item still shows its marker
                    self._block([""], is_tight=True)
                self._containers.pop()
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
                self._is_tight = self._is_tight and bool(self._lists)

    def _room(self) -> int:
        indent = sum(len(one.rest) for one in self._containers)
        return max(self._width - indent, min(_NARROWEST, self._width))

    def _block(self, lines: Sequence[str], *, is_tight: bool = False) -> None:
        if self.lines and not (is_tight and self._is_tight):
            self._write_line("".join(one.rest for one in self._containers if one.is_begun))
        for line in lines:
            self._write_line("".join([one.begin() for one in self._containers]) + line)
        self._is_tight = is_tight

    def _write_line(self, line: str) -> None:
        self.lines.append(line.rstrip(" "))


def render_text(tokens: Sequence[Token], width: int) -> str:
    """Plain text without a newline at its end; see `Document.to_text`."""
    writer = _Writer(width)
    writer.write(tokens)
    return "\n".join(writer.lines)


def _block_lines(token: Token, stream: Iterator[Token], width: int) -> list[str] | None:
    """The lines of the block that `token` begins, read on from `stream`; nothing if it is none."""
    match token.type:
        case "paragraph_open":
            return _wrap(_inline(next(stream)), width)
        case "heading_open":
            lines = _wrap(_inline(next(stream)), width)
            return [*lines, "-" * max(map(_columns, lines))]
        case "table_open":
            return _table(stream, width)
        case "fence" | "code_block":
            return [f"    {line}" for line in token.content.rstrip("\n").split("\n")]
        case "hr":
            return ["* * *"]
        case _:
            return None


def _inline(token: Token) -> str:
    """The words of an inline token, its marks readable; a newline is a line break."""
    pieces: list[str] = []
    link_starts: list[tuple[int, str]] = []
    for child in token.children or ():
        match child.type:
            case "softbreak":
                pieces.append(" ")
            case "hardbreak":
                pieces.append("\n")
            case "code_inline":
                pieces.append(f"`{child.content}`")
            case "image":
                pieces.append(f"[{child.attrs['alt']}]")
            case "link_open":
                link_starts.append((len(pieces), str(child.attrs["href"])))
            case "link_close":
                start, href = link_starts.pop()
                pieces[start:] = [_link("".join(pieces[start:]), href)]
            case _:
                pieces.append(_MARKS.get(child.tag, child.content))
    return "".join(pieces)


def _link(text: str, href: str) -> str:
    address = href.removeprefix("mailto:") if "?" not in href else href
    return text if text in {href, address} else f"{text} ({address})".lstrip()


def _wrap(text: str, width: int) -> list[str]:
    wrapper = TextWrapper(max(1, width), break_long_words=False, break_on_hyphens=False)
    paragraphs = (" ".join(filter(None, line.split(" "))) for line in text.split("\n"))
    return [line for one in paragraphs for line in wrapper.wrap(one) or [""]]


def _table(stream: Iterator[Token], width: int) -> list[str]:
    """The table that has just been opened: side by side where there is room, else row by row."""
    rows: list[list[str]] = []
    aligns: list[str] = []
    for token in takewhile(lambda one: one.type != "table_close", stream):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "th_open":
            aligns.append(str(token.attrs.get("align", "left")))
        elif token.type == "inline":
            rows[-1].append(_inline(token))
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > width:
        return _records(rows, width)
    rows.insert(1, ["-" * width for width in widths])
    return ["  ".join(map(_pad, row, widths, aligns)) for row in rows]


def _records(rows: list[list[str]], width: int) -> list[str]:
    """Each row as lines `heading: cell`, with a blank line between rows."""
    lines: list[str] = []
    header, *body = rows
    for row in body:
        for heading, cell in zip(header, row, strict=True):
            first, *more = _wrap(f"{heading}: {cell}" if heading else cell, width - 2)
            lines += [first, *(f"  {line}" for line in more)]
        lines.append("")
    return lines[:-1] or _wrap(", ".join(header), width)


def _pad(cell: str, width: int, align: str) -> str:
    blanks = width - _columns(cell)
    left = {"right": blanks, "center": blanks // 2}.get(align, 0)
    return " " * left + cell + " " * (blanks - left)


def _columns(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    return len(text) if text.isascii() else sum(map(_column, text))


def _column(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
