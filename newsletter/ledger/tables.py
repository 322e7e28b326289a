"""The tables, for SQLite and PostgreSQL alike.

A change here is a new file in `migrations/versions` and a new `SCHEMA_VERSION`.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    Enum,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)

from newsletter.model.alert import AlertKind
from newsletter.model.delivery import DeliveryStatus, IssueState
from newsletter.model.feedback import EventKind
from newsletter.model.letter import LetterKind
from newsletter.model.subscriber import SubscriptionStatus, SuppressionReason

SCHEMA_VERSION: Final = "0003"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_microseconds(at: datetime) -> int:
    """A time as the tables keep it: microseconds since 1970 in UTC, exactly."""
    return (at - _EPOCH) // _MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware time in UTC, kept as a number: the same on every database, and quick to write."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Microseconds since 1970."""
        return None if value is None else to_microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The time in UTC."""
        return None if value is None else _EPOCH + value * _MICROSECOND


# Numbers, so that a row keeps its length when its status moves: SQLite then rewrites it in place,
# which halves the cost of claiming and finishing a batch. It stores 0 and 1 in no bytes at all,
# so they are left out. A number once given is never given to another status.
STATUS_CODES: Final = {
    DeliveryStatus.PLANNED: 2,
    DeliveryStatus.SENDING: 3,
    DeliveryStatus.ACCEPTED: 4,
    DeliveryStatus.DELIVERED: 5,
    DeliveryStatus.DEFERRED: 6,
    DeliveryStatus.BOUNCED: 7,
    DeliveryStatus.DROPPED: 8,
    DeliveryStatus.COMPLAINED: 9,
    DeliveryStatus.REFUSED: 10,
    DeliveryStatus.FAILED: 11,
    DeliveryStatus.UNCERTAIN: 12,
    DeliveryStatus.SKIPPED: 13,
    DeliveryStatus.CANCELLED: 14,
}
_STATUSES: Final = {code: status for status, code in STATUS_CODES.items()}


class StatusCode(TypeDecorator[DeliveryStatus]):
    """A delivery's status as its number in `STATUS_CODES`."""

    impl = SmallInteger
    cache_ok = True

    def process_bind_param(self, value: DeliveryStatus | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """The number of the status."""
        return None if value is None else STATUS_CODES[value]

    def process_result_value(self, value: int | None, dialect: Dialect) -> DeliveryStatus | None:  # noqa: ARG002
        """The status of the number."""
        return None if value is None else _STATUSES[value]


class BatchStatus(StrEnum):
    """Where a batch stands; its deliveries say what became of each."""

    PLANNED = "planned"  # has deliveries to send, nobody holds it
    SENDING = "sending"  # `owner` holds it under `fence`
    RECALLING = "recalling"  # `owner` is calling back whatever of it was accepted
    DONE = "done"  # nothing of it is left to send


def key_text(length: int | None = None) -> String:
    """Text that rows are found by or put in order of: everywhere in the order of its bytes.

    Each column that is compared with another of these must be one as well, or PostgreSQL does not
    know by whose order to compare them.
    """
    plain = String(length) if length else Text()
    return plain.with_variant(type(plain)(length, collation="C"), "postgresql")


def _words(kind: type[StrEnum]) -> Enum:
    return Enum(
        kind,
        native_enum=False,
        length=16,
        values_callable=lambda members: [member.value for member in members],
    )


metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Without a rowid SQLite keeps the rows in the order of their primary key, in one tree instead of
# two; ids grow with time, so new rows lie together.
subscribers: Final = Table(
    "subscribers",
    metadata,
    Column("id", key_text(32), primary_key=True),  # opaque hex, ordered by time, never given again
    Column("email", Text, nullable=False),  # as last written by the person or the file
    Column("email_key", key_text(), nullable=False, unique=True),  # as addresses are compared
    Column("name", Text, nullable=False),
    Column("topics", Text, nullable=False),  # slugs joined by ';'; empty: every topic
    Column("language", Text, nullable=False),  # empty: the newsletter's own
    Column("status", _words(SubscriptionStatus), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("unsubscribed_at", Instant),
    Column("unsubscribed_through", Text),  # how they left: an import, a link, an editor
    Column("paused_until", key_text(7)),  # the month of the first issue they want again
    Column("timezone", Text, nullable=False, server_default=""),  # empty: the newsletter's own
    sqlite_with_rowid=False,
)

# Rows are added and, at erasure alone, removed; never changed, which a trigger refuses.
consents: Final = Table(
    "consents",
    metadata,
    Column("subscriber_id", ForeignKey(subscribers.c.id), primary_key=True),
    Column("number", SmallInteger, primary_key=True, autoincrement=False),  # the person's nth
    Column("at", Instant),  # when the person agreed, where somebody stated it
    Column("source", Text, nullable=False),  # where they agreed, in the words of who stated it
    Column(
        "how", Text, nullable=False
    ),  # the way it came to us: "import", "form", "api", "command"
    Column("recorded_at", Instant, nullable=False),  # when it came to us
    Column("words", Text, nullable=False, server_default=""),  # what they agreed to, as shown
    Column("version", Text, nullable=False, server_default=""),  # a digest of those words
    Column("client", Text, nullable=False, server_default=""),  # one, keyed, of their network's
    sqlite_with_rowid=False,
)

# What is owed to one person: a confirmation, a welcome, a link. Of a confirmation the row holds
# what the form said, which is nobody's subscription before they confirm.
letters: Final = Table(
    "letters",
    metadata,
    Column("id", key_text(32), primary_key=True),  # opaque hex, which its link carries, signed
    Column("kind", _words(LetterKind), nullable=False),
    Column("email", Text, nullable=False),
    Column("email_key", key_text(), nullable=False),
    Column("name", Text, nullable=False),
    Column("topics", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("words", Text, nullable=False),  # what the form asked them to agree to
    Column("source", Text, nullable=False),  # whose form it was; empty: our own
    Column("client", Text, nullable=False),  # a keyed digest of the network it came from
    Column("asked_at", Instant, nullable=False),
    Column("due_at", Instant, index=True),  # not to be written before; NULL: nothing more to do
    Column("attempts", SmallInteger, nullable=False),
    Column("confirmed_at", Instant),
    Index(None, "email_key", "asked_at"),
    Index(None, "client", "asked_at"),
    sqlite_with_rowid=False,
)

# What other programs show to be let in. A revoked one stays.
api_tokens: Final = Table(
    "api_tokens",
    metadata,
    Column("id", key_text(12), primary_key=True),  # hex, the public part of the token
    Column("name", Text, nullable=False),  # who holds it
    Column("scopes", Text, nullable=False),  # what it allows, between blanks
    Column("digest", Text, nullable=False),  # SHA-256 of its secret part, in hex
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),  # to the hour
    Column("revoked_at", Instant),
    sqlite_with_rowid=False,
)

suppressions: Final = Table(
    "suppressions",
    metadata,
    # The address as compared; of an erased one nothing but a keyed digest, which has no '@'.
    Column("key", key_text(), primary_key=True),
    Column("reason", _words(SuppressionReason), nullable=False),
    Column("source", Text, nullable=False),
    Column("at", Instant, nullable=False),
    sqlite_with_rowid=False,
)

# Rows are added and, at erasure alone, removed; never changed, which a trigger refuses.
lifted_suppressions: Final = Table(
    "lifted_suppressions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("key", key_text(), nullable=False, index=True),
    Column("reason", _words(SuppressionReason), nullable=False),  # these three: what was lifted
    Column("source", Text, nullable=False),
    Column("suppressed_at", Instant, nullable=False),
    Column("lifted_by", Text, nullable=False),  # who, and in their words why
    Column("lifted_because", Text, nullable=False),
    Column("lifted_at", Instant, nullable=False),
)

issues: Final = Table(
    "issues",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("state", _words(IssueState), nullable=False),  # sending, paused, cancelled, finished
    Column("digests", Text, nullable=False),  # JSON: file -> SHA-256 when sending began
    Column("content", Text, nullable=False),  # the rendering that everybody gets
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("due_at", Instant),  # what the plan was made for; without one it leaves at once
    Column("paused_because", Text),  # where nobody paused it but the program
)

batches: Final = Table(
    "batches",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("month", ForeignKey(issues.c.month), nullable=False),
    Column("variant_id", Text, nullable=False),
    Column("status", _words(BatchStatus), nullable=False),
    Column("owner", Text),  # who holds it while it is sending
    Column("fence", Integer, nullable=False),  # how often it was claimed; a write names its own
    Column("claimed_at", Instant),
    Column("next_attempt_at", Instant),  # not to be claimed before
    Column("transport", Text),  # the way out it was last claimed for
    Column("provider_batch_id", Text),  # under which a provider can call it back
    Column("leaves_at", Instant),  # none of it is to leave before
    Index(None, "month", "status"),
)

# How fast a way out may go, shared by all senders.
paces: Final = Table(
    "paces",
    metadata,
    Column("transport", Text, primary_key=True),
    Column("free_at", Instant, nullable=False),  # no message may leave by it before
    sqlite_with_rowid=False,
)

# What was told of an issue to the people behind the newsletter.
alerts: Final = Table(
    "alerts",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("kind", _words(AlertKind), primary_key=True),
    Column("recipient", Text, primary_key=True),  # an address of the settings; a monitor has none
    Column("taken_at", Instant, nullable=False),  # when somebody was last about to send it
    Column("sent_at", Instant),
    Column("occurrence", Integer, nullable=False, server_default="1"),  # of what it tells
    Column("over_at", Instant),  # since when it is so no more: what comes then is told anew
    sqlite_with_rowid=False,
)

# `subscriber_id` has no foreign key: the row stays when its person is erased. On PostgreSQL half of
# each page is free, which the migration alone says: here it would have SQLAlchemy load all that it
# knows of PostgreSQL at every start.
deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("id", key_text(36), primary_key=True),  # UUIDv5 of month and subscriber
    Column("month", String(7), nullable=False),
    Column("subscriber_id", key_text(32), nullable=False),
    Column("batch_id", ForeignKey(batches.c.id), nullable=False, index=True),
    Column("status", StatusCode, nullable=False),
    Column("reason", Text, nullable=False),  # the server's code or words, or ours
    Column("attempts", SmallInteger, nullable=False),  # how often a transport answered for it
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("month", "subscriber_id"),
)

# The news that has effects beyond the delivery's status, so that what is told twice has them once.
# An event is known by its delivery, kind and time; rows are never changed.
delivery_events: Final = Table(
    "delivery_events",
    metadata,
    Column("delivery_id", key_text(36), primary_key=True),
    Column("kind", _words(EventKind), primary_key=True),
    Column("at", Instant, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
