"""A message's header lines (RFC 5322), written so that no value can become another header.

A writer of our own: the email package takes milliseconds a message, encodes a long
List-Unsubscribe, and lets a subject that looks encoded smuggle in a header.
"""

import hashlib
import re
from binascii import b2a_base64
from collections.abc import Iterator
from datetime import datetime
from email.utils import format_datetime
from typing import Final

from newsletter.model.message import Address, Personalisation
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import RenderedVariant

_WIDTH: Final = 76  # RFC 2047's for a line with an encoded word, within RFC 5322's 78
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WORDS: Final = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*")
_ATOMS: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]+", re.ASCII)


def variant_headers(newsletter: Newsletter, rendered: RenderedVariant) -> bytes:
    """The lines that all readers of a variant share, but for its date and its MIME structure."""
    variant = rendered.variant
    return b"".join(
        (
            address_header("From", newsletter.sender),
            address_header("Reply-To", newsletter.reply_to),
            text_header("Subject", rendered.subject),
            _header("List-Id", *_phrase("List-Id", newsletter.name), f"<{newsletter.list_id}>"),
            _header("List-Archive", f"<{newsletter.base_url}/>"),
            _header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            _header("Feedback-ID", _feedback_id(newsletter.list_id, variant.month, variant.language)),
        )
    )


def personal_headers(list_id: str, personalisation: Personalisation) -> bytes:
    """The lines that differ for each recipient. List-Unsubscribe is never folded or encoded."""
    lines = (
        f"Message-ID: <{personalisation.delivery_id}@{list_id}>\r\n"
        f"List-Unsubscribe: <{personalisation.unsubscribe_url}>\r\n"
    )
    return address_header("To", personalisation.recipient) + lines.encode()


def date_header(at: datetime) -> bytes:
    """The Date line for an aware time."""
    return _header("Date", format_datetime(at))


def text_header(name: str, value: str) -> bytes:
    """An unstructured header that decodes to exactly the `value`.

    Control characters and line breaks become one blank, blanks at either end are dropped.
    """
    line = _one_line(value)
    return _header(name, *(line.split(" ") if _is_plain(line) else _encoded_words(name, line)))


def address_header(name: str, address: Address) -> bytes:
    """A header of one mailbox; its display name decodes to exactly the name, on one line."""
    email = wire_address(address.email)
    phrase = _phrase(name, address.name)
    return _header(name, *phrase, f"<{email}>") if phrase else _header(name, email)


def wire_address(email: str) -> str:
    """The address with its domain in ASCII (RFC 5891), given one that email-validator normalised.

    If it still is not ASCII its local part is not, and it travels by SMTPUTF8 alone (RFC 6531).
    """
    if email.isascii():
        return _one_line(email)
    local, _, domain = _one_line(email).rpartition("@")
    labels = (
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
        for label in domain.split(".")
    )
    return f"{local}@{'.'.join(labels)}"


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
    return (text if text.isprintable() else _CONTROLS.sub(" ", text)).strip(" ")


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
    first, *others = words
    lines = [f"{name}: {first}"]
    for word in others:
        if len(lines[-1]) + 1 + len(word) <= _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append(f" {word}")
    return "\r\n".join([*lines, ""]).encode()


def _feedback_id(list_id: str, month: str, language: str) -> str:
    """Gmail's `a:b:c:SenderId`; none names a person, SenderId is 5 to 15 characters and stable."""
    sender = hashlib.sha256(list_id.encode()).hexdigest()[:12]
    return f"{month}:{language}:newsletter:{sender}"
