"""The requests that give SendGrid its messages (POST /v3/mail/send). Pure.

The content is in a request once, with a tag in the place of each merge field; every recipient
brings the text for each tag. SendGrid puts the same text into both parts, so a field that
stands in both has two tags: one for the HTML part, whose text is escaped, and one for the other.
"""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from html import escape
from http import HTTPStatus
from itertools import repeat
from json.encoder import encode_basestring_ascii as quoted
from operator import attrgetter
from typing import Final

from newsletter.model.message import Address, Message, Personalisation, merge_values
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, OpenText, RenderedVariant

# SendGrid takes messages up to 72 hours ahead. This is long enough to give in a large list and to
# stop it still, and short, as whoever unsubscribes meanwhile gets the issue all the same.
HEAD_START: Final = timedelta(hours=1)
SUBSTITUTIONS_LIMIT: Final = 10_000  # octets, names and values of one recipient together
_LAST_CANCELLATION: Final = timedelta(minutes=11)  # one more than SendGrid promises
_SCHEDULE: Final = re.compile(r"([A-Za-z0-9_-]+)@([0-9]{1,11})")
_NO_TRACKING: Final = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}
# By number and not by name: the hash of an enum's member is computed in Python.
_FIELDS: Final = tuple(MergeField)
_VALUES: Final = attrgetter(*_FIELDS)
_SPECIAL: Final = "&<>\"'"
_Tags = dict[MergeField, str]


@dataclass(frozen=True, slots=True)
class Schedule:
    """The batch that messages belong to, and when they leave unless it is cancelled before."""

    batch_id: str
    send_at: datetime

    def __str__(self) -> str:
        return f"{self.batch_id}@{self.send_at.timestamp():.0f}"

    @classmethod
    def parse(cls, text: str) -> "Schedule | None":
        """What `str()` wrote, or nothing for any other text."""
        found = _SCHEDULE.fullmatch(text)
        return cls(found[1], datetime.fromtimestamp(int(found[2]), UTC)) if found else None

    def can_be_cancelled(self, at: datetime) -> bool:
        """Whether a cancellation answered at this time holds for certain."""
        return at <= self.send_at - _LAST_CANCELLATION


class VariantBody:
    """Writes the requests for one variant.

    `message` is any message of it; all bear the same own headers in the same order.
    """

    def __init__(self, newsletter: Newsletter, message: Message, *, is_sandbox: bool) -> None:
        self.sender: Final = newsletter.sender.email
        # What is only checked is answered 200, and never 202.
        self.success: Final = HTTPStatus.OK if is_sandbox else HTTPStatus.ACCEPTED
        self._text_tags, self._html_tags, content = _content(message.variant)
        self._text_places = [_FIELDS.index(field) for field in self._text_tags]
        self._html_places = [_FIELDS.index(field) for field in self._html_tags]
        self._around = _around(
            [*self._text_tags.values(), *self._html_tags.values()], message.own_headers
        )
        others = json.dumps(
            {
                "from": _mailbox(newsletter.sender),
                "reply_to": _mailbox(newsletter.reply_to),
                "headers": dict(message.shared_headers),
                "categories": [newsletter.list_id, message.variant.variant.month],
                "tracking_settings": _NO_TRACKING,
                "mail_settings": {"sandbox_mode": {"enable": is_sandbox}},
            }
        )
        self._shared = f"{others[1:-1]},{content}"

    @property
    def size(self) -> int:
        """The octets of a request without recipients, at most."""
        return len(self._shared) + 200

    def personalizations(self, messages: Sequence[Message]) -> list[str]:
        """Each recipient's part of a request: JSON in ASCII.

        Written column by column, in less than half of the time that json takes.
        """
        readers = [message.personalisation for message in messages]
        plain = list(zip(*map(_VALUES, readers), strict=True))
        in_text = [list(map(quoted, column)) for column in plain]
        in_html = [_as_html(*columns) for columns in zip(plain, in_text, strict=True)]
        headers = zip(*(message.own_headers.values() for message in messages), strict=True)
        columns: list[Iterable[str]] = [
            [_recipient(reader.recipient) for reader in readers],
            *[in_text[field] for field in self._text_places],
            *[in_html[field] for field in self._html_places],
            *[map(quoted, column) for column in headers],
            [quoted(reader.delivery_id) for reader in readers],
        ]
        first, *others = self._around
        pieces: list[Iterable[str]] = [repeat(first)]
        for column, literal in zip(columns, others, strict=True):
            pieces += [column, repeat(literal)]
        return list(map("".join, zip(*pieces)))  # noqa: B905 - `repeat` has no end

    def has_room_for(self, personalisation: Personalisation) -> bool:
        """Whether the recipient's substitutions are within SendGrid's limit."""
        plain = merge_values(personalisation, escaped=False)
        escaped = merge_values(personalisation, escaped=True)
        substitutes = [
            *(tag + plain[field] for field, tag in self._text_tags.items()),
            *(tag + escaped[field] for field, tag in self._html_tags.items()),
        ]
        return len("".join(substitutes).encode()) <= SUBSTITUTIONS_LIMIT

    def request(self, personalizations: Iterable[str], schedule: Schedule | None) -> bytes:
        """The whole body; without a schedule the messages leave at once."""
        timing = ""
        if schedule:
            seconds = f"{schedule.send_at.timestamp():.0f}"
            timing = f',"batch_id":{quoted(schedule.batch_id)},"send_at":{seconds}'
        pieces = list(personalizations)
        pieces[0] = f'{{"personalizations":[{pieces[0]}'
        pieces[-1] += f"],{self._shared}{timing}}}"
        return ",".join(pieces).encode("ascii")


@lru_cache(maxsize=64)
def _content(variant: RenderedVariant) -> tuple[_Tags, _Tags, str]:
    """The tags of the text and of the HTML part, and what both say: for many requests alike."""
    text, html = variant.text, variant.html
    # The tags hold a digest of all they stand among, so none of it can look like a tag.
    mark = sha256(repr((text, html)).encode("utf-8", "replace")).hexdigest()[:16]
    text_tags, html_tags = _tags(text, f"{mark}-text"), _tags(html, f"{mark}-html")
    parts = [("plain", text, text_tags), ("html", html, html_tags)]
    content = {
        "subject": variant.subject,
        "content": [
            {"type": f"text/{kind}", "value": part.filled(tags)}
            for kind, part, tags in parts
            if part.pieces  # what is empty is refused
        ],
    }
    return text_tags, html_tags, json.dumps(content)[1:-1]


def _tags(text: OpenText, mark: str) -> _Tags:
    fields = (piece for piece in text.pieces if isinstance(piece, MergeField))
    return {field: f"-nl-{mark}-{field}-" for field in dict.fromkeys(fields)}


def _around(tags: Iterable[str], headers: Iterable[str]) -> list[str]:
    """What stands in a personalization before, between and behind its values.

    Those are the recipient, the text for each tag, each header, and the delivery id.
    """
    gap = "\n"  # never within what `quoted` writes
    written = (
        f'{{"to":[{gap}],"substitutions":{{'
        + ",".join(f"{quoted(tag)}:{gap}" for tag in tags)
        + '},"headers":{'
        + ",".join(f"{quoted(name)}:{gap}" for name in headers)
        + f'}},"custom_args":{{"delivery_id":{gap}}}}}'
    )
    return written.split(gap)


def _as_html(plain: Sequence[str], written: list[str]) -> list[str]:
    """A column of merge values for the HTML part; `written` is the same for the text part."""
    joined = "".join(plain)
    if not any(character in joined for character in _SPECIAL):
        return written
    return [quoted(escape(value)) for value in plain]


def _mailbox(address: Address) -> dict[str, str]:
    email = {"email": address.wire_email}
    return email | {"name": address.name} if address.name else email


def _recipient(address: Address) -> str:
    email = quoted(address.wire_email)
    name = address.name
    if not name:
        return f'{{"email":{email}}}'
    # Unquoted, what stands before the comma becomes the address, and the message is dropped
    # (sendgrid/sendgrid-python#291).
    if "," in name or ";" in name:
        name = '"{}"'.format(name.replace("\\", "\\\\").replace('"', '\\"'))
    return f'{{"email":{email},"name":{quoted(name)}}}'
