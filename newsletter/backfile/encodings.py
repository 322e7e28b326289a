"""Bytes that any program may have saved -> text."""

import codecs
import re
from typing import Final

from newsletter.errors import NewsletterError
from newsletter.textfile import without_control_characters

READ_AS_WINDOWS: Final = "it is not UTF-8 and was read as Windows-1252; look at its accents"

_BOMS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_DECLARED: Final = re.compile(
    rb"""^\s*<\?xml[^>]{0,200}?encoding=["']([\w.:-]+)|<meta[^>]{0,200}?charset=["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
_BEGINNING: Final = 4096
# What web pages call Latin-1 or ASCII is read as Windows-1252 by every browser.
_LATIN: Final = frozenset({"iso8859-1", "ascii", "cp1252"})
_MULTIBYTE: Final = re.compile(
    rb"[\xc3-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)


def decode(data: bytes, shown: str) -> tuple[str, list[str]]:
    """The text with LF line ends and without control characters, and what is to be told of it.

    Raises NewsletterError where no encoding fits.
    """
    notes: list[str] = []
    encoding = _stated(data)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if len(_MULTIBYTE.findall(data)) > 2:  # it is UTF-8, but damaged
            line = data.count(b"\n", 0, error.start) + 1
            what = f"byte 0x{data[error.start]:02x} is not {encoding.upper()}; save it as UTF-8"
            raise NewsletterError(what, where=f"{shown}:{line}") from None
        text = _from_windows(data, shown)
        notes.append(READ_AS_WINDOWS)
    if text.count("\0") > len(text) // 100:
        raise NewsletterError("it is no text", where=shown)
    return without_control_characters(text), notes


def _stated(data: bytes) -> str:
    """The encoding that the data states itself, else UTF-8."""
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return encoding
    found = _DECLARED.search(data[:_BEGINNING])
    try:
        name = codecs.lookup((found[1] or found[2]).decode() if found else "utf-8").name
        "".encode(name)  # a codec of bytes, such as zip, makes no text
    except (LookupError, TypeError, ValueError):
        return "utf-8"
    return "cp1252" if name in _LATIN else name


def _from_windows(data: bytes, shown: str) -> str:
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{data[error.start]:02x} is neither UTF-8 nor Windows-1252; save it as UTF-8"
        raise NewsletterError(what, where=f"{shown}:{line}") from None
