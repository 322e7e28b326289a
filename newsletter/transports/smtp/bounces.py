"""What comes back to the envelope's sender: delivery reports, complaints, answers. Pure.

Delivery status notifications (RFC 3464), feedback reports (RFC 5965), and what older servers
write instead, which flufl.bounce knows: this is the only file that does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message
from email.utils import parseaddr, parsedate_to_datetime
from enum import Enum, auto
from itertools import islice
from typing import Final

from flufl.bounce import all_failures

from newsletter.model.feedback import EventKind, is_hard, plain_words

LONGEST: Final = 256 * 1024  # octets of a message that are read: a report's own parts come first
_MOST_PARTS: Final = 100
_LONGEST_SAYING: Final = 4000  # characters, before which a server has said what is wrong

# What the email package, and so flufl.bounce, raises at hostile mail.
_PARSER_FAULTS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MessageError,
    RecursionError,
    TypeError,
    ValueError,
)

_UUID: Final = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_RECIPIENT_HEADERS: Final = (
    "Delivered-To",
    "X-Original-To",
    "Envelope-To",
    "X-Envelope-To",
    "To",
)
_REFERENCES: Final = ("Message-ID", "In-Reply-To", "References", "Return-Path", "X-Original-To")

_ENHANCED: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_BASIC: Final = re.compile(r"(?<![\d.-])([245]\d\d)(?![\d.])")
_MAILER: Final = re.compile(
    r"mailer-daemon|postmaster|mail[-.]?daemon|mail delivery (?:sub)?system", re.IGNORECASE
)
_COMPLAINTS: Final = {
    "abuse": EventKind.COMPLAINT,
    "fraud": EventKind.COMPLAINT,
    "opt-out": EventKind.UNSUBSCRIBED,
}
# What a report of delivery may say of one recipient, the weightiest first.
_ACTIONS: Final = ("failed", "delayed", "delivered")


class Post(Enum):
    """What is no report."""

    AUTOMATIC = auto()  # an answering machine, a receipt, a report of no consequence
    LETTER = auto()  # something a person may want to read


@dataclass(frozen=True, slots=True)
class Report:
    """What a message reports, of the delivery it names or, if that is empty, of an address.

    `address` is as the report writes it: in no way checked, and anybody may have written it.
    """

    kind: EventKind
    at: datetime
    reason: str
    delivery_id: str
    address: str


class Returns:
    """How our own messages are known again in what comes back."""

    def __init__(self, list_id: str, envelope_sender: str = "") -> None:
        """`envelope_sender` may hold `{token}`, the place of the delivery's id (VERP)."""
        before, token, after = envelope_sender.partition("{token}")
        verp = f"{re.escape(before)}{_UUID}{re.escape(after)}" if token else r"(?!)"
        self._verp = re.compile(verp, re.IGNORECASE)
        self._message_id = re.compile(rf"{_UUID}@{re.escape(list_id)}(?![\w.-])", re.IGNORECASE)

    def delivery_id(self, message: Message) -> str:
        """The delivery that a report is about; empty where it does not say."""
        for text in _mentions(message):
            if found := self._verp.search(text) or self._message_id.search(text):
                return found[1].lower()
        return ""

    def read(self, raw: bytes, *, received_at: datetime) -> Report | Post:
        """What a message says. Nothing in it is trusted, and none makes this raise."""
        try:
            message = message_from_bytes(raw[:LONGEST])
            return self._read(message, received_at)
        except _PARSER_FAULTS:
            return Post.LETTER

    def _read(self, message: Message, received_at: datetime) -> Report | Post:
        parts = list(islice(message.walk(), _MOST_PARTS))
        told = _feedback(parts) or _status(parts)
        if told is None and _is_from_mailer(message):
            told = _older(message)
        if told is None:
            return Post.AUTOMATIC if _is_automatic(message, parts) else Post.LETTER
        if told.kind is None:
            return Post.AUTOMATIC
        at = _date(message, received_at)
        return Report(told.kind, at, told.reason, self.delivery_id(message), told.address)


@dataclass(frozen=True, slots=True)
class _Told:
    kind: EventKind | None  # nothing of consequence
    reason: str = ""
    address: str = ""


def _feedback(parts: list[Message]) -> _Told | None:
    """What a feedback report says (RFC 5965)."""
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            fields = next(iter(_blocks(part)), part)
            type_ = _text(fields, "Feedback-Type").strip().lower()
            address = _text(fields, "Original-Rcpt-To") or _text(fields, "Removal-Recipient")
            words = plain_words(f"reported as {type_} through {_text(fields, 'User-Agent')}")
            return _Told(_COMPLAINTS.get(type_), words, _address(address))
    return None


def _blocks(part: Message) -> list[Message]:
    """The groups of fields that are a part's content, each as headers."""
    content = part.get_payload()
    if isinstance(content, list):
        return [block for block in content[:_MOST_PARTS] if isinstance(block, Message)]
    return [message_from_bytes(_decoded(part))]


def _status(parts: list[Message]) -> _Told | None:
    """What a delivery status notification says (RFC 3464)."""
    for part in parts:
        if part.get_content_type() == "message/delivery-status":
            recipients = {
                _text(block, "Action").strip().lower(): block
                for block in reversed(_blocks(part))
                if "Final-Recipient" in block or "Original-Recipient" in block
            }
            for action in _ACTIONS:
                if action in recipients:
                    return _recipient(action, recipients[action])
            return _Told(None)
    return None


def _recipient(action: str, block: Message) -> _Told:
    diagnostic = _text(block, "Diagnostic-Code").partition(";")[2]
    status = _precise(_text(block, "Status"), diagnostic)
    kind = {
        "failed": EventKind.HARD_BOUNCE if is_hard(status or "5") else EventKind.SOFT_BOUNCE,
        "delayed": EventKind.DEFERRED,
        "delivered": EventKind.DELIVERED,
    }[action]
    address = _text(block, "Original-Recipient") or _text(block, "Final-Recipient")
    reason = "" if action == "delivered" else f"{status} {diagnostic}"
    return _Told(kind, plain_words(reason), _address(address.partition(";")[2]))


def _precise(status: str, diagnostic: str) -> str:
    """The enhanced status code (RFC 3463), from the server's own words where ours is vague."""
    stated = _ENHANCED.search(status)
    if stated and not stated[1].endswith(".0.0"):
        return stated[1]
    said = _ENHANCED.search(diagnostic)
    if said:
        return said[1]
    basic = _BASIC.search(diagnostic)
    if basic and basic[1] == "552":  # RFC 5321: storage exceeded
        return "5.2.2"
    return stated[1] if stated else basic[1] if basic else ""


def _older(message: Message) -> _Told | None:
    """What flufl.bounce makes of a message of a mail server's that is no notification."""
    temporary, permanent = all_failures(message)
    if not temporary and not permanent:
        return None
    address = min(permanent or temporary).decode("utf-8", "replace")
    words = next(_texts(message), "")[:_LONGEST_SAYING]
    status = _precise("", words) or ("5" if permanent else "4")
    is_gone = bool(permanent) and is_hard(status)
    said = _around(words, status)
    return _Told(EventKind.HARD_BOUNCE if is_gone else EventKind.SOFT_BOUNCE, said, address)


def _around(words: str, status: str) -> str:
    """The line of a server's words that holds the status."""
    lines = (line for line in words.splitlines() if status in line)
    return plain_words(next(lines, ""))


def _is_from_mailer(message: Message) -> bool:
    return _MAILER.search(_text(message, "From")) is not None


def _is_automatic(message: Message, parts: list[Message]) -> bool:
    """Whether nobody wrote it (RFC 3834; RFC 8098 for receipts; and older habits)."""
    return (
        _text(message, "Auto-Submitted").strip().lower() not in {"", "no"}
        or _text(message, "Precedence").strip().lower() in {"auto_reply", "bulk", "junk"}
        or any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response"))
        or any(part.get_content_type() == "message/disposition-notification" for part in parts)
    )


def _mentions(message: Message) -> Iterator[str]:
    """Where a report may name the message that it is about, the surest place first."""
    for name in _RECIPIENT_HEADERS:
        yield from map(str, message.get_all(name, ()))
    for part in islice(message.walk(), _MOST_PARTS):
        for name in _REFERENCES:
            yield from map(str, part.get_all(name, ()))
    yield from _texts(message)


def _texts(message: Message) -> Iterator[str]:
    """The text of a message's parts, the returned message's headers among them."""
    for part in islice(message.walk(), _MOST_PARTS):
        if part.get_content_maintype() == "text" or part.get_content_subtype() in {
            "feedback-report",
            "delivery-status",
        }:
            yield _decoded(part).decode("utf-8", "replace")


def _decoded(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _text(message: Message, name: str) -> str:
    return str(message.get(name, ""))


def _address(text: str) -> str:
    return parseaddr(text.strip())[1]


def _date(message: Message, received_at: datetime) -> datetime:
    """When it was written, as far as that can be: the same whenever it is read again."""
    try:
        at = parsedate_to_datetime(_text(message, "Date"))
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return received_at
    return min(at, received_at)
