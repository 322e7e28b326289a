"""The CSV exports of other newsletter programs, known by their headers, and what their cells say.

The column names are those of the programs' own exports: Mailchimp (audience export), Substack
(both its exports), Ghost (`members-csv`), Buttondown (OpenAPI, SubscriberType) and listmonk
(`cmd/subscribers.go`). Columns that say nothing about a subscription are passed over.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason

_CONFIRMED: Final = SubscriptionStatus.CONFIRMED
_UNCONFIRMED: Final = SubscriptionStatus.UNCONFIRMED
_UNSUBSCRIBED: Final = SubscriptionStatus.UNSUBSCRIBED
_BOUNCED: Final = SuppressionReason.HARD_BOUNCE
_COMPLAINED: Final = SuppressionReason.COMPLAINT
_BLOCKED: Final = SuppressionReason.MANUAL

Standing = SubscriptionStatus | SuppressionReason  # a reason: must not be mailed, from now on

_COMMA: Final = re.compile(r"(?<!\\),")  # Mailchimp writes a comma within a group's name as '\,'


@dataclass(frozen=True, slots=True)
class ForeignExport:
    """One program's export. Of several columns for one thing, the first that is not empty counts.

    `standing` gets the cells of `standing_columns` and the file's name; it raises ValueError for
    a word that is not known, as nobody is mailed on a guess.
    """

    program: str
    signatures: tuple[frozenset[str], ...]  # columns that no other program's export has together
    standing_columns: tuple[str, ...]
    standing: Callable[[Sequence[str], str], Standing]
    agreed_at: tuple[str, ...]
    tags: tuple[str, ...] = ()
    details: str = ""  # a column of JSON, which may hold a name and tags
    advice: str = ""  # for whoever imports it: what it leaves out

    email: tuple[str, ...] = (
        "email_address",
        "email",
        "e_mail",
        "adresse_e_mail",
        "adresse_email",
        "adresse_courriel",
        "courriel",
    )
    whole_name: tuple[str, ...] = ("name", "full_name", "nom_complet")
    first_name: tuple[str, ...] = ("first_name", "fname", "prénom", "prenom")
    last_name: tuple[str, ...] = ("last_name", "lname", "nom", "nom_de_famille")
    language: tuple[str, ...] = ("language", "langue", "locale")


def recognise(names: Iterable[str]) -> ForeignExport | None:
    """The program that writes a header with these column names, if it is one of those known."""
    present = frozenset(names)
    for export in EXPORTS:
        has_address = not present.isdisjoint(export.email)
        if has_address and any(signature <= present for signature in export.signatures):
            return export
    return None


@lru_cache(maxsize=10_000)
def split_tags(cell: str) -> tuple[str, ...]:
    """The tags of a cell: a JSON list, names in quotation marks, or names between commas."""
    cell = cell.strip()
    if cell.startswith("["):
        listed = _json(cell)
        return tuple(_words(listed)) if isinstance(listed, list) else ()
    if '"' in cell:
        found = next(csv.reader([cell], skipinitialspace=True), [])
    else:
        found = [part.replace("\\,", ",") for part in _COMMA.split(cell)]
    return tuple(tag for tag in map(str.strip, found) if tag)


def name_and_tags(cell: str) -> tuple[str, tuple[str, ...]]:
    """What a column of JSON says of a name and of tags; nothing where it is no JSON object."""
    details = _json(cell)
    if not isinstance(details, dict):
        return "", ()
    lowered = {str(key).casefold(): value for key, value in details.items()}
    parts = [lowered.get("first_name"), lowered.get("last_name")]
    name = lowered.get("name") or " ".join(part for part in parts if isinstance(part, str))
    tags: list[str] = []
    for key in ("tags", "topics", "lists", "segments", "interests"):
        value = lowered.get(key)
        if isinstance(value, list):
            tags += _words(value)
        elif isinstance(value, str):
            tags += split_tags(value)
    return name if isinstance(name, str) else "", tuple(tags)


def _words(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        word = value.get("name") if isinstance(value, dict) else value
        if isinstance(word, str) and word.strip():
            yield word.strip()


def _json(cell: str) -> object:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return None


def _mailchimp(cells: Sequence[str], file: str) -> Standing:
    status, unsubscribed, why, other, cleaned = map(str.strip, cells)
    # The files of an audience: subscribed_…, unsubscribed_…, cleaned_… and nonsubscribed_….
    kind = file.casefold().replace("-", "").partition("_")[0]
    if cleaned or kind == "cleaned":
        return _BOUNCED
    if re.search("spam|abuse|complain", f"{why} {other}", re.IGNORECASE):
        return _COMPLAINED
    if unsubscribed or kind == "unsubscribed":
        return _UNSUBSCRIBED
    if kind == "nonsubscribed":  # customers and the like, who never agreed
        return _UNCONFIRMED
    return _worded(status, "status", _MAILCHIMP_WORDS) if status else _CONFIRMED


def _substack(cells: Sequence[str], _file: str) -> Standing:
    return _UNSUBSCRIBED if _is_true(cells[0], "email_disabled") else _CONFIRMED


def _ghost(cells: Sequence[str], _file: str) -> Standing:
    subscribed, deleted = cells
    if deleted.strip() or not _is_true(subscribed, "subscribed_to_emails"):
        return _UNSUBSCRIBED
    return _CONFIRMED


def _buttondown(cells: Sequence[str], _file: str) -> Standing:
    subscriber_type, kind, unsubscribed = map(str.strip, cells)
    standing = _worded(subscriber_type or kind, "subscriber_type", _BUTTONDOWN_WORDS)
    return _UNSUBSCRIBED if unsubscribed and standing is _CONFIRMED else standing


def _listmonk(cells: Sequence[str], _file: str) -> Standing:
    return _worded(cells[0], "status", _LISTMONK_WORDS)


def _worded(cell: str, column: str, words: dict[str, Standing]) -> Standing:
    try:
        return words[cell.strip().casefold().replace(" ", "_")]
    except KeyError:
        known = ", ".join(words)
        raise ValueError(f"{column}: '{cell.strip()[:40]}' is none of {known}") from None


def _is_true(cell: str, column: str) -> bool:
    word = cell.strip().casefold()
    if word in {"true", "1", "yes"}:
        return True
    if word in {"false", "0", "no", ""}:
        return False
    raise ValueError(f"{column}: '{cell.strip()[:40]}' is neither true nor false")


_MAILCHIMP_WORDS: Final[dict[str, Standing]] = {
    "subscribed": _CONFIRMED,
    "unsubscribed": _UNSUBSCRIBED,
    "archived": _UNSUBSCRIBED,
    "cleaned": _BOUNCED,
    "pending": _UNCONFIRMED,
    "transactional": _UNCONFIRMED,
    "nonsubscribed": _UNCONFIRMED,
    "non-subscribed": _UNCONFIRMED,
}
_BUTTONDOWN_WORDS: Final[dict[str, Standing]] = {
    **dict.fromkeys(
        ("regular", "premium", "trialed", "gifted", "paused", "past_due", "unpaid"), _CONFIRMED
    ),
    **dict.fromkeys(("churning", "churned"), _CONFIRMED),  # they end what they pay for, no more
    "unactivated": _UNCONFIRMED,
    **dict.fromkeys(("unsubscribed", "removed", "spammy"), _UNSUBSCRIBED),
    "undeliverable": _BOUNCED,
    "complained": _COMPLAINED,
    "blocked": _BLOCKED,
}
_LISTMONK_WORDS: Final[dict[str, Standing]] = {
    "enabled": _CONFIRMED,
    "disabled": _UNSUBSCRIBED,
    "blocklisted": _BLOCKED,
}

EXPORTS: Final = (
    ForeignExport(
        "Mailchimp",
        (
            frozenset({"leid", "euid"}),
            frozenset({"member_rating", "optin_time"}),
            frozenset({"optin_time", "confirm_time"}),
        ),
        ("status", "unsub_time", "unsub_reason", "unsub_reason_other", "clean_time"),
        _mailchimp,
        agreed_at=("confirm_time", "optin_time"),
        tags=("tags",),
        advice="Mailchimp exports those who left or bounced in files of their own; import them "
        "too, under the names they came with.",
    ),
    ForeignExport(
        "Ghost",
        (frozenset({"email", "subscribed_to_emails"}),),
        ("subscribed_to_emails", "deleted_at"),
        _ghost,
        agreed_at=("created_at",),
        tags=("labels",),
    ),
    ForeignExport(
        "Substack",
        (
            frozenset({"email", "active_subscription"}),
            frozenset({"email", "email_disabled"}),
            frozenset({"email", "subscription_source_(free)"}),
        ),
        ("email_disabled",),
        _substack,
        agreed_at=("created_at", "start_date"),
        tags=("sections",),
    ),
    ForeignExport(
        "Buttondown",
        (
            frozenset({"subscriber_type", "creation_date"}),
            frozenset({"email_address", "type", "creation_date"}),
            frozenset({"email", "type", "creation_date"}),
        ),
        ("subscriber_type", "type", "unsubscription_date"),
        _buttondown,
        agreed_at=("subscription_date", "creation_date"),
        tags=("tags",),
        details="metadata",
    ),
    ForeignExport(
        "listmonk",
        (frozenset({"uuid", "email", "attributes", "status"}),),
        ("status",),
        _listmonk,
        agreed_at=("created_at",),
        details="attributes",
        advice="listmonk does not export who left a list; leave them out when you export, by its "
        "filter of the subscription status.",
    ),
)
