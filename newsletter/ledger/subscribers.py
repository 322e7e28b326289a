"""The people: imported, found, listed; leaving, suppressed and erased."""

import secrets
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from itertools import count
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Exists,
    Update,
    and_,
    case,
    delete,
    exists,
    func,
    select,
    update,
)

from newsletter.ledger.database import AnyRow, AnySelect, Database, insert_absent, keep_writers_out
from newsletter.ledger.imports import (
    ImportCounts,
    IsErased,
    erased_digests,
    import_rows,
    rehearse_import,
)
from newsletter.ledger.suppressions import forget_lifted
from newsletter.ledger.tables import (
    consents,
    deliveries,
    issues,
    letters,
    subscribers,
    suppressions,
    to_microseconds,
)
from newsletter.model.delivery import SkipReason
from newsletter.model.subscriber import (
    Consent,
    Subscriber,
    SubscriberGroup,
    SubscriberRow,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)

_IS_SUPPRESSED: Final = exists().where(suppressions.c.key == subscribers.c.email_key)

_LAST_CONSENT: Final = (
    select(func.max(consents.c.number))
    .where(consents.c.subscriber_id == subscribers.c.id)
    .correlate(subscribers)
    .scalar_subquery()
)
_PEOPLE: Final = (
    select(
        subscribers,
        consents.c.at.label("consent_at"),
        consents.c.source.label("consent_source"),
        consents.c.how.label("consent_how"),
        consents.c.recorded_at.label("consent_recorded_at"),
        consents.c.words,
        consents.c.version,
        consents.c.client,
        suppressions.c.reason,
        suppressions.c.source.label("suppression_source"),
        suppressions.c.at.label("suppressed_at"),
    )
    .outerjoin(
        consents,
        and_(consents.c.subscriber_id == subscribers.c.id, consents.c.number == _LAST_CONSENT),
    )
    .outerjoin(suppressions, suppressions.c.key == subscribers.c.email_key)
)


def why_skipped(month: str) -> ColumnElement[str | None]:
    """Why somebody stored gets nothing of the month's issue, or NULL."""
    return case(
        (subscribers.c.status == SubscriptionStatus.UNCONFIRMED, SkipReason.UNCONFIRMED.value),
        (subscribers.c.status == SubscriptionStatus.UNSUBSCRIBED, SkipReason.UNSUBSCRIBED.value),
        (_IS_SUPPRESSED, SkipReason.SUPPRESSED.value),
        (subscribers.c.paused_until > month, SkipReason.PAUSED.value),
    )


class Subscribers:
    """Everybody stored. An `email_key` is an address as addresses are compared."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def import_rows(
        self, rows: Iterable[SubscriberRow], *, now: datetime, is_erased: IsErased | None
    ) -> ImportCounts:
        """Upsert by `key`, some thousand rows to a transaction; of two rows the later wins.

        Who unsubscribed, is suppressed or erased is left exactly as they are. An unconfirmed row
        demotes nobody. Whom this import itself added is as the later row says, whatever it is. A
        consent is recorded for everybody a row confirms, and where a row states one that is not on
        record; its time is the stated one or none. A row with a suppression suppresses the address
        and changes nothing else.
        """
        return import_rows(self._database, rows, new_ids(now), now, is_erased)

    def rehearse_import(
        self, rows: Iterable[SubscriberRow], *, now: datetime, is_erased: IsErased | None
    ) -> ImportCounts:
        """What `import_rows` would do now; nothing is changed and nobody has to wait."""
        return rehearse_import(self._database, rows, new_ids(now), now, is_erased)

    def find(self, email_key: str) -> Subscriber | None:
        """The subscriber of an address."""
        return self._one(_PEOPLE.where(subscribers.c.email_key == email_key))

    def get(self, subscriber_id: str) -> Subscriber | None:
        """The subscriber of an id; nobody after erasure."""
        return self._one(_PEOPLE.where(subscribers.c.id == subscriber_id))

    def iterate(self) -> Iterator[Subscriber]:
        """Everybody stored, in the order of their addresses as compared."""
        return map(_subscriber, self._database.pages(_PEOPLE, subscribers.c.email_key))

    def history(self, subscriber_id: str) -> list[Consent]:
        """Every consent on record, oldest first."""
        statement = (
            select(
                consents.c.at,
                consents.c.source,
                consents.c.how,
                consents.c.recorded_at,
                consents.c.words,
                consents.c.version,
                consents.c.client,
            )
            .where(consents.c.subscriber_id == subscriber_id)
            .order_by(consents.c.number)
        )
        with self._database.read() as connection:
            return [Consent(*row) for row in connection.execute(statement)]

    def unsubscribe(self, email_key: str, source: str, *, now: datetime) -> bool:
        """Let a subscriber leave; False where the address is unknown or has left before."""
        statement = departure(subscribers.c.email_key == email_key, source, now)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1

    def suppress(
        self, email_key: str, reason: SuppressionReason, source: str, *, now: datetime
    ) -> bool:
        """Never mail an address again, stored or not; False where that was so before."""
        row = (email_key, reason.value, source, to_microseconds(now))
        with self._database.write() as connection:
            return insert_absent(connection, suppressions, [row]) == 1

    def erase(self, email_key: str, digest: str, *, now: datetime) -> bool:
        """Forget a person, but that `digest`, a keyed one of the address, must not be mailed.

        Their deliveries stay, under an id that no longer leads anywhere. False where nobody of
        that address was stored; the digest is kept all the same.
        """
        person = select(subscribers.c.id).where(subscribers.c.email_key == email_key)
        erased = (digest, SuppressionReason.ERASED.value, "", to_microseconds(now))
        with self._database.write() as connection:
            keep_writers_out(connection, subscribers)
            subscriber_id = connection.scalar(person)
            if subscriber_id is not None:
                theirs = (deliveries.c.subscriber_id == subscriber_id) & deliveries.c.month.in_(
                    select(issues.c.month)
                )
                # Locked first, so that the answer of a sender who is just recording is seen.
                connection.execute(select(deliveries.c.id).where(theirs).with_for_update())
                connection.execute(
                    update(deliveries)
                    .where(theirs, deliveries.c.reason.contains("@"))
                    .values(reason="")
                )
                connection.execute(
                    delete(consents).where(consents.c.subscriber_id == subscriber_id)
                )
                connection.execute(delete(subscribers).where(subscribers.c.id == subscriber_id))
            connection.execute(delete(letters).where(letters.c.email_key == email_key))
            connection.execute(delete(suppressions).where(suppressions.c.key == email_key))
            forget_lifted(connection, email_key)
            insert_absent(connection, suppressions, [erased])
        self._database.forget_deleted()
        return subscriber_id is not None

    def erased_digests(self) -> frozenset[str]:
        """The digests of all erased addresses."""
        with self._database.read() as connection:
            return erased_digests(connection)

    def groups(self, month: str, *, unplanned_alone: bool = False) -> list[SubscriberGroup]:
        """Everybody stored, counted by topics, language and why they get nothing of `month`.

        With `unplanned_alone` those who have no delivery of it yet.
        """
        statement = select(
            subscribers.c.topics,
            subscribers.c.language,
            why_skipped(month).label("skipped"),
            func.count(),
        ).group_by(subscribers.c.topics, subscribers.c.language, "skipped")
        if unplanned_alone:
            statement = statement.where(~_has_delivery(month))
        with self._database.read() as connection:
            return [
                SubscriberGroup(
                    _topics(topics), language, SkipReason(skipped) if skipped else None, number
                )
                for topics, language, skipped, number in connection.execute(statement)
            ]

    def unplanned(self, month: str) -> Iterator[tuple[str, tuple[str, ...], str, str]]:
        """Id, topics, language and time zone of each who may be mailed and lacks a delivery.

        In the order of their ids; others may write meanwhile.
        """
        statement = (
            select(
                subscribers.c.id,
                subscribers.c.topics,
                subscribers.c.language,
                subscribers.c.timezone,
            )
            .where(why_skipped(month).is_(None))
            .where(~_has_delivery(month))
        )
        for its_id, topics, language, timezone in self._database.pages(statement, subscribers.c.id):
            yield its_id, _topics(topics), language, timezone

    def has_timezones(self) -> bool:
        """Whether anybody has a time zone of their own."""
        with self._database.read() as connection:
            return bool(connection.scalar(select(exists().where(subscribers.c.timezone != ""))))

    def _one(self, statement: AnySelect) -> Subscriber | None:
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else _subscriber(row)


def _has_delivery(month: str) -> Exists:
    return exists().where(
        deliveries.c.month == month, deliveries.c.subscriber_id == subscribers.c.id
    )


def departure(whose: ColumnElement[bool], through: str, now: datetime) -> Update:
    """What lets those subscribers leave who have not yet, on record with the way they took."""
    return (
        update(subscribers)
        .where(whose, subscribers.c.status != SubscriptionStatus.UNSUBSCRIBED)
        .values(
            status=SubscriptionStatus.UNSUBSCRIBED,
            unsubscribed_at=now,
            unsubscribed_through=through,
            updated_at=now,
        )
    )


def new_ids(now: datetime) -> Iterator[str]:
    """Ids in growing order, so that new rows lie together; random, so that none comes twice.

    Like UUIDv7 (RFC 9562): 48 bits of milliseconds, 48 random bits, here before a counter.
    """
    stem = f"{to_microseconds(now) // 1000:012x}{secrets.token_hex(6)}"
    return (f"{stem}{number:08x}" for number in count())


@cache
def _topics(joined: str) -> tuple[str, ...]:
    return tuple(joined.split(";")) if joined else ()


def _subscriber(row: AnyRow) -> Subscriber:
    consent = None
    if row.consent_recorded_at is not None:
        consent = Consent(
            row.consent_at,
            row.consent_source,
            row.consent_how,
            row.consent_recorded_at,
            row.words,
            row.version,
            row.client,
        )
    suppression = None
    if row.reason is not None:
        suppression = Suppression(row.reason, row.suppression_source, row.suppressed_at)
    return Subscriber(
        row.id,
        row.email,
        row.name,
        _topics(row.topics),
        row.language,
        row.status,
        consent,
        suppression,
        row.paused_until or "",
        row.timezone,
    )
