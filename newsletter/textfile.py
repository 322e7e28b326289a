"""Bytes a person saved -> text that every later step can trust, or the line where they are not."""

import re
from pathlib import Path
from typing import Final

from newsletter.model.problem import Problem

# C0 but tab and newline, DEL, C1, lone surrogates and two non-characters: none is text, and
# XML-minded tools downstream refuse or lose them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# str.splitlines(), and so the email package, breaks lines at these two as well.
_LINE_BREAK: Final = re.compile(r"[\n\u2028\u2029]")


def has_control_characters(text: str) -> bool:
    """Whether `text` holds a control character; a line break counts, a tab does not."""
    return bool(_CONTROL.search(text) or _LINE_BREAK.search(text))


def without_control_characters(text: str) -> str:
    """The text without what `decode` would report; its line breaks are LF."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def control_character_problems(text: str, path: str, first_line: int = 1) -> list[Problem]:
    """A problem for each control character of a text of any number of lines."""
    return [
        Problem(
            path,
            first_line + text.count("\n", 0, found.start()),
            f"control character U+{ord(found[0]):04X}; remove it",
        )
        for found in _CONTROL.finditer(text)
    ]


def read_bytes(path: Path, shown: str, *, limit: int) -> bytes | Problem:
    """The content of a regular file of at most `limit` bytes, or why it cannot be had."""
    try:
        if not path.exists():
            return Problem(shown, 1, "there is no such file")
        if not path.is_file():
            return Problem(shown, 1, "this is not a file")
        if (size := path.stat().st_size) > limit:
            message = f"{size // 1000:,} kB is too large; {limit // 1000:,} kB is the most"
            return Problem(shown, 1, message)
        return path.read_bytes()
    except OSError as error:
        return Problem(shown, 1, f"cannot be read: {error.strerror or error}")


def decode(data: bytes, path: str) -> tuple[str, list[Problem]]:
    """UTF-8 text with LF line ends and without a byte order mark.

    Bytes that are not UTF-8 give no text and one problem; each control character is a problem
    and reads as U+FFFD.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The codec counts from behind the byte order mark; its own copy of the data does too.
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        return "", [Problem(path, line, f"not UTF-8 text (byte 0x{byte:02x}); save it as UTF-8")]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    problems = control_character_problems(text, path)
    return _CONTROL.sub("\ufffd", text) if problems else text, problems
