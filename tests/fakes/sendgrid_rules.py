"""What SendGrid refuses in a POST /v3/mail/send, and what it makes of one it took.

After its OpenAPI description (twilio/sendgrid-oai, tsg_mail_v3.json) and its pages on errors and
limitations, and stricter than the former, where the service is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

RESERVED_HEADERS: Final = {
    *("to", "from", "cc", "bcc", "subject", "reply-to", "received", "dkim-signature"),
    *("content-type", "content-transfer-encoding", "x-sg-id", "x-sg-eid"),
}
_KEYS: Final = {
    *("personalizations", "from", "reply_to", "reply_to_list", "subject", "content"),
    *("attachments", "template_id", "headers", "categories", "custom_args", "send_at"),
    *("batch_id", "asm", "ip_pool_name", "mail_settings", "tracking_settings"),
}
_PERSONAL_KEYS: Final = {
    *("from", "to", "cc", "bcc", "subject", "headers", "substitutions"),
    *("dynamic_template_data", "custom_args", "send_at"),
}
_TRACKING: Final = {"click_tracking", "open_tracking", "subscription_tracking", "ganalytics"}
_EMAIL: Final = re.compile(r"[^\s@<>,;]+@[^\s@<>,;.]+(?:\.[^\s@<>,;.]+)+")
_HEADER: Final = re.compile(r"[!-9;-~]+")  # RFC 5322, field-name
_OCTETS: Final = 10_000  # of substitutions or custom_args, for each recipient

Fault = tuple[str, str]  # the field and what is wrong with it


@dataclass(frozen=True, slots=True)
class Email:
    """One message as its reader got it; `headers` are those of the request alone."""

    to: str
    name: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    custom_args: Mapping[str, str]
    batch_id: str


def faults(body: object, now: float) -> Iterator[Fault]:
    """Everything that SendGrid would complain of; `now` is unix seconds."""
    if not isinstance(body, dict):
        yield "", "Bad Request"
        return
    for key in body.keys() - _KEYS:
        yield key, "Additional property is not allowed"
    yield from _sender_faults(body)
    yield from _content_faults(body)
    yield from _setting_faults(body, now)
    people = body.get("personalizations")
    if not isinstance(people, list) or not 1 <= len(people) <= 1000:
        yield "personalizations", "There must be 1 to 1000 personalizations"
        return
    seen: set[str] = set()
    for number, person in enumerate(people):
        yield from _personal_faults(f"personalizations.{number}", person, seen)


def emails(body: Mapping[str, Any]) -> Iterator[Email]:
    """What leaves for the readers of a request that was taken.

    Without the one whose display name would have been read as an address, and those whose
    address is not ASCII: both are dropped after the 202.
    """
    content = {part["type"]: part["value"] for part in body["content"]}
    for person in body["personalizations"]:
        recipient = person["to"][0]
        name = recipient.get("name", "")
        if not recipient["email"].isascii() or re.fullmatch(r'[^"].*[,;].*', name):
            continue
        yield Email(
            to=recipient["email"],
            name=name,
            subject=_substituted(body["subject"], person),
            text=_substituted(content.get("text/plain", ""), person),
            html=_substituted(content.get("text/html", ""), person),
            headers={**body.get("headers", {}), **person.get("headers", {})},
            custom_args=person.get("custom_args", {}),
            batch_id=body.get("batch_id", ""),
        )


def _substituted(text: str, person: Mapping[str, Any]) -> str:
    """One tag after the other: what one brings in is searched for the next."""
    for tag, value in person.get("substitutions", {}).items():
        text = text.replace(tag, value)
    return text


def _sender_faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    if not _is_mailbox(body.get("from")):
        yield "from", "The from object must be provided for every email send."
    if "reply_to" in body and not _is_mailbox(body["reply_to"]):
        yield "reply_to", "The reply_to email does not contain a valid address."


def _content_faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    if not isinstance(body.get("subject"), str) or not body["subject"]:
        yield "subject", "The subject is required."
    content = body.get("content")
    if not isinstance(content, list) or not content:
        yield "content", "Unless a valid template_id is provided, the content is required."
        return
    for number, part in enumerate(content):
        if not isinstance(part.get("value"), str) or not part["value"]:
            yield f"content.{number}.value", "The content value must be a string."
    if [part.get("type") for part in content] not in (
        ["text/plain", "text/html"],
        ["text/plain"],
        ["text/html"],
    ):
        yield "content", "text/plain must come first, followed by text/html."


def _setting_faults(body: Mapping[str, Any], now: float) -> Iterator[Fault]:
    if "custom_args" in body and not _are_strings(body["custom_args"]):
        yield "custom_args", "custom_args must be strings."
    yield from _header_faults("headers", body.get("headers", {}))
    categories = body.get("categories", [])
    if len(categories) > 10 or len(set(categories)) < len(categories):
        yield "categories", "There may be ten different categories."
    if not all(isinstance(name, str) and 0 < len(name) <= 255 for name in categories):
        yield "categories", "A category is a string of at most 255 characters."
    send_at = body.get("send_at", 0)
    if not isinstance(send_at, int) or send_at > now + 72 * 3600:
        yield "send_at", "send_at is an integer, at most 72 hours ahead."
    tracking = body.get("tracking_settings", {})
    if tracking.keys() - _TRACKING or not all(
        isinstance(setting.get("enable"), bool) for setting in tracking.values()
    ):
        yield "tracking_settings", "A tracking setting has enable, a boolean."


def _personal_faults(field: str, person: object, seen: set[str]) -> Iterator[Fault]:
    if not isinstance(person, dict) or person.keys() - _PERSONAL_KEYS:
        yield field, "Additional property is not allowed"
        return
    recipients = person.get("to")
    if not isinstance(recipients, list) or not recipients:
        yield f"{field}.to", "The to array is required for all personalization objects."
        return
    for number, recipient in enumerate(recipients):
        if not _is_mailbox(recipient):
            yield f"{field}.to.{number}.email", "Does not contain a valid address."
        elif (email := recipient["email"].lower()) in seen:
            yield f"{field}.to", f"Each email address should be unique; {email} is not."
        else:
            seen.add(email)
    yield from _header_faults(f"{field}.headers", person.get("headers", {}))
    for key in ("substitutions", "custom_args"):
        values = person.get(key, {})
        if not _are_strings(values):
            yield f"{field}.{key}", f"{key} must be strings."
        elif sum(len((name + value).encode()) for name, value in values.items()) > _OCTETS:
            yield f"{field}.{key}", f"{key} may not exceed 10000 bytes."


def _header_faults(field: str, headers: object) -> Iterator[Fault]:
    if not _are_strings(headers):
        yield field, "Headers must be strings."
        return
    for name, value in headers.items():
        if name.lower() in RESERVED_HEADERS or not _HEADER.fullmatch(name):
            yield field, f"{name} may not be set."
        if not (value.isascii() and value.isprintable()):
            yield field, f"{name} is not encoded."


def _is_mailbox(value: object) -> bool:
    if not isinstance(value, dict) or value.keys() - {"email", "name"}:
        return False
    email, name = value.get("email"), value.get("name", "")
    return isinstance(email, str) and isinstance(name, str) and bool(_EMAIL.fullmatch(email))


def _are_strings(values: object) -> TypeGuard[dict[str, str]]:
    return isinstance(values, dict) and all(isinstance(value, str) for value in values.values())
