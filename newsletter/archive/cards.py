"""The picture that stands for an issue where its address is shared (ogp.me): 1200 x 630 pixels.

Set in Newsreader (`fonts/`, SIL Open Font License), so that it is the same on every machine. It is
made of bands, as wide as the picture: a band without new words is made once for all the cards.
"""

import math
import struct
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import DEFLATED, MAX_WBITS, Z_FULL_FLUSH, Z_RLE, adler32, compressobj, crc32

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

WIDTH: Final = 1200
HEIGHT: Final = 630
_MARGIN: Final = 96
_ROOM: Final = WIDTH - 2 * _MARGIN
_INK: Final = 15  # of 16 shades from paper on, which make a small file
_SOFT: Final = 13  # of the subject
_FAINT: Final = 4  # of the rule
_FILTER: Final = 2  # pixels before each row: as a byte, PNG's "no filter" (its section 7.3)
_ROW: Final = (_FILTER + WIDTH) // 2  # bytes
_FONTS: Final = Path(__file__).parent / "fonts"  # with a program of nothing, so never hinted
_MOST_LINES: Final = 3
_MASTHEAD_ROWS: Final = 196
_MONTH_ROWS: Final = 112
_RULE_ROWS: Final = 84
_LINE_ROWS: Final = 58


class _Face(NamedTuple):
    file: str
    size: int


_NAME: Final = _Face("newsreader.ttf", 30)
_TITLE: Final = _Face("newsreader.ttf", 104)
_TEXT: Final = _Face("newsreader-italic.ttf", 46)


class _Band(NamedTuple):
    """Rows of the picture, as they are and as a part of a deflated stream."""

    rows: bytes
    deflated: bytes


def draw_card(name: str, month: str, subject: str, *, paper: str, ink: str) -> bytes:
    """A PNG of the newsletter's name, the month and the subject; colours are `#rrggbb`.

    A line with a letter that the typeface lacks is left out.
    """
    bands = [_masthead(name), _month(month), _rule(), _subject(subject)]
    missing = HEIGHT - sum(len(band.rows) for band in bands) // _ROW
    return _png([*bands, _blank(missing)], paper, ink)


@lru_cache(maxsize=4)
def _masthead(name: str) -> _Band:
    canvas = _canvas(_MASTHEAD_ROWS)
    place = 0.0
    for letter in name.upper() if _can_set(name.upper()) else "":
        width = _width(letter, _NAME)
        if place + width > _ROOM:
            break
        _write(canvas, (place, 92), letter, _NAME, _INK)
        place += width + 5
    return _band(canvas)


def _month(month: str) -> _Band:
    canvas = _canvas(_MONTH_ROWS)
    _write(canvas, (0, 2), month, _TITLE, _INK)
    return _band(canvas)


@cache
def _rule() -> _Band:
    canvas = _canvas(_RULE_ROWS)
    canvas.paste(_FAINT, (_FILTER + _MARGIN, 48, _FILTER + WIDTH - _MARGIN, 50))
    return _band(canvas)


def _subject(subject: str) -> _Band:
    lines = _lines(subject)
    canvas = _canvas(_LINE_ROWS * len(lines) + 16)
    for number, line in enumerate(lines):
        _write(canvas, (0, _LINE_ROWS * number), line, _TEXT, _SOFT)
    return _band(canvas)


@cache
def _blank(rows: int) -> _Band:
    return _band(_canvas(rows))


def _lines(text: str) -> list[str]:
    lines, room = [""], float(_ROOM)
    for word in text.split():
        width = _width(f"{word} ", _TEXT)
        if width > room and lines[-1]:
            lines.append("")
            room = float(_ROOM)
        lines[-1] = f"{lines[-1]} {word}".lstrip()
        room -= width
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"{lines[_MOST_LINES - 1]} …"]
    return lines


def _canvas(rows: int) -> "Image":
    """Blank rows of shades, not yet of colours."""
    from PIL import Image  # noqa: PLC0415 - 40 ms that a build without news saves

    return Image.new("L", (_FILTER + WIDTH, rows))


def _write(canvas: "Image", place: tuple[float, float], text: str, face: _Face, shade: int) -> None:
    left, top = place
    for word in text.split(" ") if _can_set(text) else ():
        stamp, overhang = _stamp(word, face)
        corner = round(_FILTER + _MARGIN + left + overhang), round(top)
        canvas.paste(shade, corner, stamp)
        left += _width(f"{word} ", face)


@lru_cache(maxsize=1024)
def _stamp(word: str, face: _Face) -> "tuple[Image, float]":
    """The word as a mask, and how far from its place it begins; issues share many words."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - as above

    font = _font(face)
    left, _, right, bottom = font.getbbox(word)
    stamp = Image.new("L", (math.ceil(right - left) or 1, math.ceil(bottom) or 1))
    ImageDraw.Draw(stamp).text((-left, 0), word, fill=255, font=font)
    return stamp, left


@lru_cache(maxsize=1024)
def _width(text: str, face: _Face) -> float:
    return _font(face).getlength(text)


def _band(canvas: "Image") -> _Band:
    canvas.putpalette(b"")  # makes of the shades a palette's places, two to a byte
    rows = canvas.tobytes("raw", "P;4")
    flat = compressobj(1, DEFLATED, -MAX_WBITS, strategy=Z_RLE)  # flat as it is, quick and small
    return _Band(rows, flat.compress(rows) + flat.flush(Z_FULL_FLUSH))


def _png(bands: Sequence[_Band], paper: str, ink: str) -> bytes:
    """The bands below one another as a PNG with a palette (w3.org/TR/png), in RFC 1950's stream."""
    light, dark = bytes.fromhex(paper[1:]), bytes.fromhex(ink[1:])
    palette = bytes(
        round(a + (b - a) * level / _INK)
        for level in range(_INK + 1)
        for a, b in zip(light, dark, strict=True)
    )
    checksum = 1
    for band in bands:
        checksum = adler32(band.rows, checksum)
    deflated = b"".join(band.deflated for band in bands)
    stream = b"\x78\x01" + deflated + b"\x03\x00" + struct.pack(">I", checksum)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 4, 3, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", stream), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))
        for kind, data in chunks
    )


@cache
def _font(face: _Face) -> "FreeTypeFont":
    from PIL import ImageFont  # noqa: PLC0415 - as above

    # The basic layout is in every Pillow, so that the same text is the same picture.
    basic = ImageFont.Layout.BASIC
    return ImageFont.truetype(_FONTS / face.file, face.size, layout_engine=basic)


def _can_set(text: str) -> bool:
    return all(letter == " " or _has(letter) for letter in text)


@cache
def _has(letter: str) -> bool:
    font = _font(_NAME)
    return bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))
