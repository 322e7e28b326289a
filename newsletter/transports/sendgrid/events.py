"""SendGrid's signed event webhook: a request's body -> delivery events.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

import json
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newsletter.errors import ConfigError
from newsletter.model.feedback import DeliveryEvent, EventKind, is_hard, plain_words

SIGNATURE_HEADER: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER: Final = "X-Twilio-Email-Event-Webhook-Timestamp"

_OLDEST: Final = timedelta(days=1)
_CLOCKS_DIFFER: Final = timedelta(seconds=10)
_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999
_is_delivery_id: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch

_KINDS: Final = {
    "processed": EventKind.ACCEPTED,
    "delivered": EventKind.DELIVERED,
    "deferred": EventKind.DEFERRED,
    "bounce": EventKind.HARD_BOUNCE,  # unless its type or status says otherwise
    "dropped": EventKind.DROPPED,
    "spamreport": EventKind.COMPLAINT,
    "unsubscribe": EventKind.UNSUBSCRIBED,
    "group_unsubscribe": EventKind.UNSUBSCRIBED,
}
_PLAIN: Final = (EventKind.ACCEPTED, EventKind.DELIVERED)  # nearly all, and without a reason
# Of no use here. Whoever left comes back through our own sign-up alone, where they agree anew.
_IGNORED: Final = frozenset({"open", "click", "group_resubscribe"})
# A drop for one of these reasons is news of the address: it stands on a list of SendGrid's.
_LISTED: Final = {
    "bounced address": EventKind.HARD_BOUNCE,
    "invalid": EventKind.HARD_BOUNCE,
    "spam reporting address": EventKind.COMPLAINT,
    "unsubscribed address": EventKind.UNSUBSCRIBED,
}


class EventsRefused(Exception):
    """A request that is not to be believed, or not to be read; `str()` says why in a few words."""


@dataclass(slots=True)
class ParsedEvents:
    """The events of one request. What is not among `events` is counted, never an error."""

    events: list[DeliveryEvent] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)  # of no use here, by type: open, click
    unknown: int = 0  # of a type that this program does not know
    malformed: int = 0  # no event at all, or without a type or a time
    foreign: int = 0  # about no delivery: a test copy, a confirmation


def verify(public_key: str, signature: str, timestamp: str, body: bytes, *, now: datetime) -> None:
    """Raise EventsRefused unless SendGrid signed this body, and within the last day.

    `public_key` is base64 of DER, as SendGrid shows it; `signature` (base64 of an ECDSA signature
    in DER) and `timestamp` (unix seconds) are the values of the two headers, empty if absent; the
    signature is over the timestamp and the body as it came. Raises ConfigError for a key that is
    none.
    """
    key = _key(public_key)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise EventsRefused("no timestamp")
    age = timedelta(seconds=now.timestamp() - int(timestamp))
    if not -_CLOCKS_DIFFER <= age <= _OLDEST:
        raise EventsRefused("its timestamp is too old" if age > _OLDEST else "it is of the future")
    try:
        signed = b64decode(signature, validate=True)
        key.verify(signed, timestamp.encode() + body, ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        raise EventsRefused("its signature is not SendGrid's") from None


def parse_events(body: bytes, list_id: str = "") -> ParsedEvents:
    """The events of a request's body; those of the list's issues name their month.

    Raises EventsRefused where it is no JSON list.
    """
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        raise EventsRefused("its body is no JSON") from None
    if not isinstance(listed, list):
        raise EventsRefused("its body is no list of events")
    parsed = ParsedEvents()
    for entry in listed:
        _parse(entry, parsed, list_id)
    return parsed


@lru_cache(maxsize=4)
def _key(public_key: str) -> EllipticCurvePublicKey:
    try:
        key = load_der_public_key(b64decode(public_key, validate=True))
    except ValueError:
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise ConfigError(
            "this is no public key of SendGrid's; copy the one that its page on the signed event "
            "webhook shows",
            where="SENDGRID_WEBHOOK_KEY",
        )
    return key


def _parse(entry: object, parsed: ParsedEvents, list_id: str) -> None:
    if not isinstance(entry, dict):
        parsed.malformed += 1
        return
    type_, seconds = entry.get("event"), entry.get("timestamp")
    if type(type_) is not str or type(seconds) is not int or not 0 < seconds <= _LAST_SECOND:
        parsed.malformed += 1
        return
    kind = _KINDS.get(type_)
    if kind is None:
        if type_ in _IGNORED:
            parsed.ignored[type_] += 1
        else:
            parsed.unknown += 1
        return
    delivery_id = entry.get("delivery_id") or _apart(entry)
    if type(delivery_id) is not str or not _is_delivery_id(delivery_id):
        parsed.foreign += 1
    elif kind in _PLAIN:
        month = _month(entry.get("category"), list_id)
        parsed.events.append(DeliveryEvent(delivery_id, kind, _at(seconds), month=month))
    else:
        reason, at = _reason(entry), _at(seconds)
        parsed.events += (
            DeliveryEvent(delivery_id, told, at, reason) for told in _told(kind, entry)
        )


@lru_cache(maxsize=1024)  # a thousand events share some seconds
def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _apart(entry: Mapping[str, Any]) -> object:
    """The delivery's id where an event keeps our custom_args apart from its own properties."""
    custom_args = entry.get("custom_args")
    return custom_args.get("delivery_id") if isinstance(custom_args, dict) else None


def _month(categories: object, list_id: str) -> str:
    """The issue's month where the categories are those that we give the list's messages."""
    if type(categories) is not list or len(categories) != 2 or categories[0] != list_id:
        return ""
    return categories[1] if type(categories[1]) is str else ""


def _told(kind: EventKind, entry: Mapping[str, Any]) -> Iterator[EventKind]:
    """What an event says, which may be two things at once."""
    if kind is EventKind.HARD_BOUNCE:
        status = str(entry.get("status") or "5")
        is_soft = entry.get("type") == "blocked" or not is_hard(status)
        yield EventKind.SOFT_BOUNCE if is_soft else kind
        return
    yield kind
    if kind is EventKind.DROPPED:
        listed = _LISTED.get(str(entry.get("reason")).casefold())
        if listed:
            yield listed


def _reason(entry: Mapping[str, Any]) -> str:
    """The code and the words of the reader's server, or SendGrid's own."""
    words = entry.get("reason") or entry.get("response")
    status = entry.get("status")
    said = words if isinstance(words, str) else ""
    if isinstance(status, str) and status not in said:
        said = f"{status} {said}"
    return plain_words(said)
