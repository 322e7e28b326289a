"""What a newsletter is set to do, one frozen value per section of config.toml."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from newsletter.calendar import Schedule
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import WhenNothingMatches
from newsletter.secrets import Secrets


class TransportName(StrEnum):
    """The ways out."""

    OUTBOX = "outbox"  # files in a folder; nothing leaves this machine
    SMTP = "smtp"
    SENDGRID = "sendgrid"


class Security(StrEnum):
    """How a connection to an SMTP server is protected; each with its usual port."""

    STARTTLS = "starttls"  # begun in clear, then TLS or nothing (RFC 3207), port 587
    TLS = "tls"  # TLS from the first byte (RFC 8314), port 465
    NONE = "none"  # in clear, port 25


class Region(StrEnum):
    """Where SendGrid keeps an account's data; each has an address of its own."""

    GLOBAL = "global"
    EU = "eu"


class SendIn(StrEnum):
    """By whose clock an issue leaves."""

    NEWSLETTER = "newsletter"
    SUBSCRIBER = "subscriber"


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things are, as absolute paths."""

    issues: Path
    templates: Path
    subscribers: Path
    archive: Path


@dataclass(frozen=True, slots=True)
class ContentSettings:
    """What an article must look like: the headings that open its call-out."""

    callout: tuple[str, ...]
    callout_required: bool


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """SQLAlchemy's address of the ledger; it may hold a password and is never shown."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonalisationSettings:
    """What somebody gets whose topics match nothing."""

    when_nothing_matches: WhenNothingMatches


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Who hears of trouble, and the address that is asked for while all is well."""

    to: tuple[str, ...]
    heartbeat_url: str | None


@dataclass(frozen=True, slots=True)
class OutboxSettings:
    """The folder that messages are written to."""

    path: Path


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The relay. `host` is empty only where this transport is not in use.

    `envelope_sender` may hold `{token}`, the place of the delivery's id (VERP).
    """

    host: str
    port: int
    security: Security
    username: str | None
    connections: int
    messages_per_second: float | None
    timeout_seconds: float
    envelope_sender: str


@dataclass(frozen=True, slots=True)
class SendgridSettings:
    """SendGrid's API."""

    base_url: str
    messages_per_second: float | None
    timeout_seconds: float
    region: Region


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """The way out that is in use, and what each one needs."""

    use: TransportName
    outbox: OutboxSettings
    smtp: SmtpSettings
    sendgrid: SendgridSettings


@dataclass(frozen=True, slots=True)
class SubscriberSettings:
    """The domains of which somebody is warned that their addresses last minutes."""

    throwaway_domains: frozenset[str]


@dataclass(frozen=True, slots=True)
class ImapSettings:
    """The account that failed mail returns to; `host` is empty where there is none."""

    host: str
    port: int
    security: Security
    username: str
    folder: str
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class BounceSettings:
    """Where failed mail returns to, and how many issues in a row may before an address is left."""

    soft_bounces: int
    maildir: Path | None
    imap: ImapSettings


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where the public pages listen, and the proxies before them, as addresses or networks."""

    host: str
    port: int
    trusted_proxies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """Everything the newsletter is set to, section by section; `path` is the file it came from."""

    path: Path
    newsletter: Newsletter
    paths: Paths
    content: ContentSettings
    database: DatabaseSettings
    personalisation: PersonalisationSettings
    schedule: Schedule
    alerts: AlertSettings
    transport: TransportSettings
    subscribers: SubscriberSettings
    bounces: BounceSettings
    web: WebSettings
    secrets: Secrets
