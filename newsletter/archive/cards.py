"""The picture that stands for an issue where its address is shared (ogp.me): 1200 x 630 pixels.

Set in Newsreader (`fonts/`, SIL Open Font License), so that it is the same on every machine.
"""

from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import Z_RLE

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

WIDTH: Final = 1200
HEIGHT: Final = 630
_MARGIN: Final = 96
_LEVELS: Final = 16  # shades from paper to ink, which make a small file
_FONTS: Final = Path(__file__).parent / "fonts"
_ROMAN: Final = "newsreader.ttf"
_ITALIC: Final = "newsreader-italic.ttf"
_MOST_LINES: Final = 3


def draw_card(name: str, month: str, subject: str, *, paper: str, ink: str) -> bytes:
    """A PNG of the newsletter's name, the month and the subject; colours are `#rrggbb`.

    A line with a letter that the typeface lacks is left out.
    """
    from PIL import ImageDraw  # noqa: PLC0415 - 40 ms that a build without news saves

    canvas = _masthead(name).copy()
    draw = ImageDraw.Draw(canvas)
    if _can_set(month):
        draw.text((_MARGIN, 198), month, fill=255, font=_font(_ROMAN, 104))
    if _can_set(subject):
        for number, line in enumerate(_lines(subject)):
            draw.text((_MARGIN, 392 + 58 * number), line, fill=225, font=_font(_ITALIC, 46))
    return _png(canvas, paper, ink)


@lru_cache(maxsize=4)
def _masthead(name: str) -> "Image":
    from PIL import Image, ImageDraw  # noqa: PLC0415 - as above

    canvas = Image.new("L", (WIDTH, HEIGHT))
    draw = ImageDraw.Draw(canvas)
    font = _font(_ROMAN, 30)
    room = float(WIDTH - _MARGIN)
    place = float(_MARGIN)
    for letter in name.upper() if _can_set(name.upper()) else "":
        if place + font.getlength(letter) > room:
            break
        draw.text((place, 92), letter, fill=255, font=font)
        place += font.getlength(letter) + 5
    draw.rectangle((_MARGIN, 356, WIDTH - _MARGIN, 357), fill=70)
    return canvas


def _lines(text: str) -> list[str]:
    font = _font(_ITALIC, 46)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if font.getlength(longer) <= WIDTH - 2 * _MARGIN or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    if len(lines) > _MOST_LINES:
        lines = [*lines[: _MOST_LINES - 1], f"{lines[_MOST_LINES - 1]} …"]
    return lines


def _png(canvas: "Image", paper: str, ink: str) -> bytes:
    card = canvas.point([round(value * (_LEVELS - 1) / 255) for value in range(256)])
    light, dark = bytes.fromhex(paper[1:]), bytes.fromhex(ink[1:])
    card.putpalette(
        bytes(
            round(a + (b - a) * level / (_LEVELS - 1))
            for level in range(_LEVELS)
            for a, b in zip(light, dark, strict=True)
        )
    )
    file = BytesIO()
    card.save(file, "PNG", bits=4, compress_type=Z_RLE)  # flat as it is, quick and small
    return file.getvalue()


@cache
def _font(name: str, size: int) -> "FreeTypeFont":
    from PIL import ImageFont  # noqa: PLC0415 - as above

    # The basic layout is in every Pillow, so that the same text is the same picture.
    return ImageFont.truetype(_FONTS / name, size, layout_engine=ImageFont.Layout.BASIC)


def _can_set(text: str) -> bool:
    return all(letter == " " or _has(letter) for letter in text)


@cache
def _has(letter: str) -> bool:
    font = _font(_ROMAN, 30)
    return bytes(font.getmask(letter)) != bytes(font.getmask("\uffff"))
