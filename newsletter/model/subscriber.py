"""The people who get the newsletter, what they agreed to, and who must not be mailed."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from newsletter.model.delivery import SkipReason


class SubscriptionStatus(StrEnum):
    """Where a subscription stands."""

    UNCONFIRMED = "unconfirmed"  # signed up, has not yet confirmed; gets nothing
    CONFIRMED = "confirmed"  # gets every issue
    UNSUBSCRIBED = "unsubscribed"  # has left; gets nothing, and no import changes that


class SuppressionReason(StrEnum):
    """Why an address must not be mailed."""

    HARD_BOUNCE = "hard bounce"
    SOFT_BOUNCES = "soft bounces"  # too many in a row
    COMPLAINT = "complaint"
    MANUAL = "manual"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Consent:
    """When and where a person agreed, as far as anybody stated it, and how we came to know.

    `recorded_at` is when the ledger wrote it down, through `how` ("import", "form", "api" or
    "command"). `words` are those the person agreed to and `version` their digest; `client` is a
    keyed digest of the network address they agreed from. What nobody stated is empty.
    """

    at: datetime | None
    source: str
    how: str = ""
    recorded_at: datetime | None = None
    words: str = ""
    version: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """An address that must not be mailed, and why."""

    reason: SuppressionReason
    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LiftedSuppression:
    """A suppression that somebody took away: who, in their own words why, and when."""

    suppression: Suppression
    by: str
    because: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A person with an address, consent and chosen topics. No topics means every topic.

    `id` is opaque and never reused; `language` and `timezone`, an IANA name, are empty where the
    newsletter's own apply. Issues of months before `paused_until` (`2027-02`) pass them by.
    """

    id: str
    email: str
    name: str = ""
    topics: tuple[str, ...] = ()
    language: str = ""
    status: SubscriptionStatus = SubscriptionStatus.CONFIRMED
    consent: Consent | None = None
    suppression: Suppression | None = None
    paused_until: str = ""
    timezone: str = ""


class SubscriberRow(NamedTuple):
    """A subscriber as an import file states it; `key` is the address as it is compared.

    None is a column the file does not have: it leaves what is stored alone. An empty cell is a
    statement: no name, every topic, the newsletter's own language and time zone. (A tuple, because
    files of a million rows are read: it is made six times as fast as a frozen dataclass.) With a
    `suppression` the row says only that the address must not be mailed, by the word of
    `consent_source`.
    """

    email: str
    key: str
    name: str | None = None
    topics: tuple[str, ...] | None = None
    language: str | None = None
    status: SubscriptionStatus = SubscriptionStatus.CONFIRMED
    consent_at: datetime | None = None
    consent_source: str = ""
    suppression: SuppressionReason | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriberGroup:
    """How many subscribers share topics, language and, where they get nothing, the reason."""

    topics: tuple[str, ...]
    language: str
    skipped: SkipReason | None
    subscribers: int
