"""The requests that give SendGrid its messages (POST /v3/mail/send). Pure.

The content is in a request once, with a tag in the place of each merge field; every recipient
brings the text for each tag. SendGrid puts the same text into both parts, so a field that
stands in both has two tags: one for the HTML part, whose text is escaped, and one for the other.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html import escape
from http import HTTPStatus
from json.encoder import encode_basestring_ascii as quoted
from operator import attrgetter
from typing import Final

from newsletter.model.message import Address, Message, Personalisation, merge_values
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, OpenText

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
_SPECIAL: Final = re.compile("[&<>\"']").search


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
        text, html = message.variant.text, message.variant.html
        # The tags hold a digest of all they stand among, so none of it can look like a tag.
        mark = sha256(repr((text, html)).encode("utf-8", "replace")).hexdigest()[:16]
        self._text_tags = _tags(text, f"{mark}-text")
        self._html_tags = _tags(html, f"{mark}-html")
        self._text_places = [_FIELDS.index(field) for field in self._text_tags]
        self._html_places = [_FIELDS.index(field) for field in self._html_tags]
        self._personalization = _template(
            [*self._text_tags.values(), *self._html_tags.values()], message.own_headers
        )
        self._shared = json.dumps(
            {
                "from": _mailbox(newsletter.sender),
                "reply_to": _mailbox(newsletter.reply_to),
                "subject": message.variant.subject,
                "content": [
                    {"type": f"text/{kind}", "value": content.filled(tags)}
                    for kind, content, tags in (
                        ("plain", text, self._text_tags),
                        ("html", html, self._html_tags),
                    )
                    if content.pieces  # what is empty is refused
                ],
                "headers": dict(message.shared_headers),
                "categories": [newsletter.list_id, message.variant.variant.month],
                "tracking_settings": _NO_TRACKING,
                "mail_settings": {"sandbox_mode": {"enable": is_sandbox}},
            }
        )[1:-1]

    @property
    def size(self) -> int:
        """The octets of a request without recipients, at most."""
        return len(self._shared) + 200

    def personalization(self, message: Message) -> str:
        """One recipient's part of a request: JSON in ASCII.

        Filled in by hand, a thousand to a request, in about half the time that json takes.
        """
        personalisation = message.personalisation
        plain = _VALUES(personalisation)
        in_text = [quoted(value) for value in plain]
        in_html = [
            quoted(escape(value)) if _SPECIAL(value) else written
            for value, written in zip(plain, in_text, strict=True)
        ]
        return self._personalization % (
            _recipient(personalisation.recipient),
            *[in_text[field] for field in self._text_places],
            *[in_html[field] for field in self._html_places],
            *map(quoted, message.own_headers.values()),
            quoted(personalisation.delivery_id),
        )

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
        recipients = ",".join(personalizations)
        return f'{{"personalizations":[{recipients}],{self._shared}{timing}}}'.encode("ascii")


def _tags(text: OpenText, mark: str) -> dict[MergeField, str]:
    fields = (piece for piece in text.pieces if isinstance(piece, MergeField))
    return {field: f"-nl-{mark}-{field}-" for field in dict.fromkeys(fields)}


def _template(tags: Iterable[str], headers: Iterable[str]) -> str:
    """A personalization with a `%s` for the recipient, for each value and for the delivery id."""
    return (
        '{"to":[%s],"substitutions":{'
        + ",".join(f"{quoted(tag)}:%s" for tag in tags)
        + '},"headers":{'
        + ",".join(f"{quoted(name)}:%s" for name in headers)
        + '},"custom_args":{"delivery_id":%s}}'
    )


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
