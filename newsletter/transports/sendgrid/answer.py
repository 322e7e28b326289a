"""What SendGrid's API answers, and whom it means. Pure."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPMessage
from typing import Final

from newsletter.errors import TransportError

_BATCH_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST: Final = 300  # characters of the API's words that a person is shown
# The parts of a personalization that are the recipient's own; we wrote the others, for everybody.
_PERSONAL: Final = re.compile(r"personalizations\.(\d+)(?:\.(?:to|substitutions)(?:\..*)?)?")
_UNNAMED: Final = re.compile(r"(?:null|personalizations(?:\.(?:to|substitutions)(?:\..*)?)?)?")


@dataclass(frozen=True, slots=True)
class ApiError:
    """One complaint; `field` is the place in the body, such as `personalizations.3.to`."""

    message: str
    field: str


@dataclass(frozen=True, slots=True)
class Blame:
    """Whom a refused request (400) complains of.

    `recipients` maps the places of personalizations to the API's words. `is_common`: it is not
    about a recipient at all. With neither it may be one of them, or everybody.
    """

    recipients: Mapping[int, str]
    is_common: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it came."""

    status: int
    content: bytes
    headers: HTTPMessage

    @property
    def at(self) -> datetime:
        """When the API answered by its own clock, which also decides when messages leave.

        Ours, if it does not say; to the second.
        """
        try:
            at = parsedate_to_datetime(self.headers.get("Date") or "")
        except ValueError:
            return datetime.now(UTC).replace(microsecond=0)
        return at if at.tzinfo else at.replace(tzinfo=UTC)

    @property
    def seconds_to_reset(self) -> float | None:
        """How long to wait after a 429 (`X-RateLimit-Reset`, unix seconds), if it says."""
        reset = self.headers.get("X-RateLimit-Reset") or ""
        return max(0.0, int(reset) - self.at.timestamp()) if reset.isdecimal() else None

    @property
    def document(self) -> object:
        """The content read as JSON; None if it is something else, such as a page of HTML."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None

    @property
    def batch_id(self) -> str:
        """The id of a new batch, or nothing. It is safe in a path."""
        found = self.document.get("batch_id") if isinstance(self.document, dict) else None
        return found if isinstance(found, str) and _BATCH_ID.fullmatch(found) else ""

    @property
    def has_cancellation(self) -> bool:
        """Whether a list of what was asked for a batch holds its cancellation."""
        listed = self.document
        return isinstance(listed, list) and any(
            isinstance(entry, dict) and entry.get("status") == "cancel" for entry in listed
        )

    @property
    def scopes(self) -> frozenset[str]:
        """What a key may do, such as `mail.send`."""
        found = self.document.get("scopes") if isinstance(self.document, dict) else None
        return frozenset(map(str, found)) if isinstance(found, list) else frozenset()

    @property
    def errors(self) -> tuple[ApiError, ...]:
        """The complaints it holds."""
        document = self.document
        listed = document.get("errors") if isinstance(document, dict) else None
        return tuple(_errors(listed)) if isinstance(listed, list) else ()

    @property
    def words(self) -> str:
        """The status and the API's own words, on one line."""
        said = "; ".join(dict.fromkeys(error.message for error in self.errors))
        return f"{self.status} {said or _phrase(self.status)}"[:_LONGEST]

    def blame(self, recipients: int) -> Blame:
        """Whom a 400 to a request of so many personalizations complains of."""
        blamed: dict[int, str] = {}
        for error in self.errors:
            found = _PERSONAL.fullmatch(error.field)
            if found and int(found[1]) < recipients:
                blamed.setdefault(int(found[1]), f"{self.status} {error.message}"[:_LONGEST])
            elif not _UNNAMED.fullmatch(error.field):
                return Blame({}, is_common=True)
        return Blame(blamed, is_common=False)


def closed(answer: Answer, sender: str) -> TransportError:
    """What to tell a person of an answer that is about us, or not SendGrid's at all."""
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return TransportError(f"SendGrid answers {answer.words}", where="SENDGRID_API_KEY")
    if answer.status == HTTPStatus.FORBIDDEN:
        return TransportError(
            f'SendGrid answers {answer.words}; the key in SENDGRID_API_KEY needs "Mail Send" and '
            f'"Scheduled Sends", and {sender} must be a verified sender'
        )
    if answer.errors:
        return TransportError(f"SendGrid answers {answer.words}")
    return TransportError(
        f"answers {answer.words}, which SendGrid never does", where="[transport.sendgrid] base_url"
    )


def _errors(listed: list[object]) -> Iterator[ApiError]:
    for entry in listed:
        if isinstance(entry, dict):
            message, field = entry.get("message"), entry.get("field")
            yield ApiError(" ".join(str(message or "").split()), str(field or ""))


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
