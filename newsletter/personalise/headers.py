"""A message's header lines (RFC 5322), written so that no value can become another header.

A writer of our own: the email package takes milliseconds a message, encodes a long
List-Unsubscribe, and lets a subject that looks encoded smuggle in a header.
"""

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from newsletter.model.message import Address, Personalisation
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import RenderedVariant, Variant

_WIDTH: Final = 76  # RFC 2047's for a line with an encoded word, within RFC 5322's 78
_GAPS: Final = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WORDS: Final = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*")
_ATOMS: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]+", re.ASCII)


def variant_headers(
    newsletter: Newsletter, rendered: RenderedVariant, shared: Mapping[str, str]
) -> bytes:
    """The lines that all readers of a variant share, but for its date and its MIME structure."""
    lines = [
        address_header("From", newsletter.sender),
        address_header("Reply-To", newsletter.reply_to),
        text_header("Subject", rendered.subject),
    ]
    for name, value in shared.items():
        lines.append(_header(name, *value.split(" ")))
    return b"".join(lines)


def personal_headers(recipient: Address, own: Mapping[str, str]) -> bytes:
    """The lines that differ for each recipient. List-Unsubscribe is never folded or encoded."""
    lines = "".join([f"{name}: {value}\r\n" for name, value in own.items()])
    return address_header("To", recipient) + lines.encode()


def shared_headers(newsletter: Newsletter, variant: Variant) -> dict[str, str]:
    """What makes a message a list's, the same for all readers of a variant; each on one line."""
    list_id = newsletter.list_id
    return {
        "List-Id": " ".join([*_phrase("List-Id", newsletter.name), f"<{list_id}>"]),
        "List-Archive": f"<{newsletter.base_url}/>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": _feedback_id(list_id, variant),
    }


def own_headers(list_id: str, personalisation: Personalisation) -> dict[str, str]:
    """What makes a message this reader's; each on one line."""
    return {
        **message_id(list_id, personalisation),
        "List-Unsubscribe": f"<{personalisation.unsubscribe_url}>",
    }


def letter_headers() -> dict[str, str]:
    """What marks a message that a program wrote to one person, which nothing answers (RFC 3834)."""
    return {"Auto-Submitted": "auto-generated"}


def message_id(list_id: str, personalisation: Personalisation) -> dict[str, str]:
    """The one header of a letter that is this reader's."""
    return {"Message-ID": f"<{personalisation.delivery_id}@{list_id}>"}


def date_header(at: datetime) -> bytes:
    """The Date line for an aware time."""
    return _header("Date", format_datetime(at))


def text_header(name: str, value: str) -> bytes:
    """An unstructured header that decodes to exactly the `value`.

    Runs of blanks, line breaks and control characters count as one blank, at the ends as none.
    """
    line = _one_line(value)
    return _header(name, *(line.split(" ") if _is_plain(line) else _encoded_words(name, line)))


def address_header(name: str, address: Address) -> bytes:
    """A header of one mailbox; its display name decodes to exactly the name, on one line."""
    email = _one_line(address.wire_email)
    phrase = _phrase(name, address.name)
    return _header(name, *phrase, f"<{email}>") if phrase else _header(name, email)


def _phrase(header: str, text: str) -> list[str]:
    """A display name as words between which a line may be folded."""
    line = _one_line(text)
    if not line:
        return []
    written = line
    if not _ATOMS.fullmatch(line):
        written = '"{}"'.format(line.replace("\\", "\\\\").replace('"', '\\"'))
    return written.split(" ") if _is_plain(written) else list(_encoded_words(header, line))


def _one_line(text: str) -> str:
    is_clean = text.isprintable() and "  " not in text
    return (text if is_clean else _GAPS.sub(" ", text)).strip()


def _is_plain(line: str) -> bool:
    """Whether ASCII words can stand as they are; what looks like an encoded word cannot."""
    return "=?" not in line and (not line or _WORDS.fullmatch(line) is not None)


def _encoded_words(header: str, line: str) -> Iterator[str]:
    """RFC 2047 words of whole characters, each short enough to stand beside the header's name."""
    room = (_WIDTH - len(f"{header}: =?utf-8?b??=")) // 4 * 3
    octets = line.encode()
    start = 0
    while start < len(octets):
        end = min(start + room, len(octets))
        while end < len(octets) and octets[end] & 0xC0 == 0x80:
            end -= 1
        yield f"=?utf-8?b?{b2a_base64(octets[start:end], newline=False).decode()}?="
        start = end


def _header(name: str, *words: str) -> bytes:
    """The header with as many words to a line as fit; the first always stands beside its name."""
    whole = f"{name}: {' '.join(words)}"
    return f"{whole if len(whole) <= _WIDTH else _folded(name, words)}\r\n".encode()


def _folded(name: str, words: Sequence[str]) -> str:
    first, *others = words
    lines = [f"{name}: {first}"]
    for word in others:
        if len(lines[-1]) + 1 + len(word) <= _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "\r\n".join(lines)


def _feedback_id(list_id: str, variant: Variant) -> str:
    """Gmail's `a:b:c:SenderId`: groups of messages, and 5 to 15 stable characters for the list."""
    sender_id = hashlib.sha256(list_id.encode()).hexdigest()[:12]
    return f"{variant.month}:{variant.language}:newsletter:{sender_id}"
