"""Bytes a person saved -> text that every later step can trust, or the line where they are not."""

import re
from typing import Final

from newsletter.model.problem import Problem

# C0 but tab and newline, DEL, C1, the two non-characters and lone surrogates: none is text, and
# XML-minded tools downstream refuse or lose them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")


def has_control_characters(text: str) -> bool:
    """Whether `text` holds a control character; a line break counts, a tab does not."""
    return "\n" in text or _CONTROL.search(text) is not None


def decode(data: bytes, path: str) -> tuple[str, list[Problem]]:
    """UTF-8 text with LF line ends, without a byte order mark; what cannot be read is replaced."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        return "", [Problem(path, line, f"not UTF-8 text (byte 0x{byte:02x}); save it as UTF-8")]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    problems = [
        Problem(
            path,
            text.count("\n", 0, found.start()) + 1,
            f"control character U+{ord(found[0]):04X}; remove it",
        )
        for found in _CONTROL.finditer(text)
    ]
    return _CONTROL.sub("\ufffd", text), problems
