"""What a person does to their own subscription: join, choose, pause, leave and come back."""

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from newsletter.ledger.database import Database, insert_absent, keep_writers_out
from newsletter.ledger.letters import owe
from newsletter.ledger.subscribers import departure, new_ids
from newsletter.ledger.tables import (
    batches,
    consents,
    deliveries,
    letters,
    subscribers,
    suppressions,
    to_microseconds,
)
from newsletter.model.delivery import DeliveryStatus
from newsletter.model.letter import Letter, LetterKind
from newsletter.model.subscriber import Consent, SubscriptionStatus, SuppressionReason

_S = SubscriptionStatus
_s = subscribers.c


class Joining(Enum):
    """What became of a confirmation."""

    JOINED = auto()
    USED_BEFORE = auto()


class Leaving(Enum):
    """What became of a wish to leave."""

    LEFT = auto()
    LEFT_BEFORE = auto()
    UNKNOWN = auto()  # erased, or never there


class PromisedIssue(NamedTuple):
    """An issue promised to somebody, and what became of it; `since` is when that moved last."""

    month: str
    variant: str
    status: DeliveryStatus
    reason: str
    since: datetime


class Memberships:
    """Each change is whole and committed when its call returns; a subscriber is known by an id."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, letter: Letter, *, now: datetime) -> None:
        """Store who signed up as unconfirmed, unless the address is stored already."""
        with self._database.write() as connection:
            _add(connection, letter, now)

    def confirm(
        self,
        letter: Letter,
        consent: Consent,
        welcome: Letter,
        *,
        erased: Collection[str],
        now: datetime,
    ) -> Joining:
        """Subscribe whoever signed up by a letter, as its form said, and owe them a `welcome`.

        It works once for each letter. `erased` are the digests that stood for the address if it
        was erased: the person has come back by their own word.
        """
        with self._database.write() as connection:
            keep_writers_out(connection, subscribers)
            taken = connection.execute(
                update(letters)
                .where(letters.c.id == letter.id, letters.c.confirmed_at.is_(None))
                .values(confirmed_at=now, due_at=None)
            )
            if not taken.rowcount:
                return Joining.USED_BEFORE
            _add(connection, letter, now)
            subscriber_id: str = connection.scalars(
                update(subscribers)
                .where(_s.email_key == letter.key)
                .values(
                    name=letter.name,
                    topics=";".join(letter.topics),
                    language=letter.language,
                    **_joined(now),
                )
                .returning(_s.id)
            ).one()
            record_consent(connection, subscriber_id, consent)
            connection.execute(
                delete(suppressions).where(
                    suppressions.c.key.in_(erased),
                    suppressions.c.reason == SuppressionReason.ERASED,
                )
            )
            owe(connection, welcome)
        return Joining.JOINED

    def forget_asked(self, before: datetime) -> int:
        """Remove the letters asked for before then, and who signed up by one and never confirmed.

        What is still owed stays, and so does who is stored for another reason: a later letter, a
        consent, an import. Gives the number of people who are gone.
        """
        its, asker = letters.c, subscribers.alias().c
        is_old = its.asked_at < before
        by_letter = (
            select(asker.id)
            .join(letters, its.email_key == asker.email_key)
            .where(is_old, its.kind == LetterKind.CONFIRMATION, its.asked_at <= asker.created_at)
        )
        forget = delete(subscribers).where(
            _s.id.in_(by_letter),
            _s.status == _S.UNCONFIRMED,
            _s.email_key.not_in(select(its.email_key).where(~is_old)),
            _s.id.not_in(select(consents.c.subscriber_id)),
        )
        with self._database.read() as connection:
            if connection.scalar(select(its.id).where(is_old).limit(1)) is None:
                return 0
        with self._database.write() as connection:
            keep_writers_out(connection, subscribers)
            gone = connection.execute(forget).rowcount
            connection.execute(delete(letters).where(is_old, its.due_at.is_(None)))
        return gone

    def choose(  # noqa: PLR0913 - a person chooses as much as that
        self,
        subscriber_id: str,
        *,
        name: str | None = None,
        topics: Sequence[str] | None = None,
        language: str | None = None,
        timezone: str | None = None,
        now: datetime,
    ) -> None:
        """Set what somebody gets and how they are called; None leaves it as it is."""
        joined = None if topics is None else ";".join(topics)
        values = {"name": name, "topics": joined, "language": language, "timezone": timezone}
        stated = {column: value for column, value in values.items() if value is not None}
        self._change(subscriber_id, now, **stated)

    def pause(self, subscriber_id: str, until: str | None, *, now: datetime) -> None:
        """Let the issues before the month `until` pass somebody by; None ends a pause."""
        self._change(subscriber_id, now, paused_until=until)

    def leave(self, subscriber_id: str, through: str, *, now: datetime) -> Leaving:
        """Unsubscribe somebody, from the very next claim on."""
        statement = departure(_s.id == subscriber_id, through, now)
        with self._database.write() as connection:
            if connection.execute(statement).rowcount:
                return Leaving.LEFT
            is_there = connection.scalar(select(_s.id).where(_s.id == subscriber_id))
        return Leaving.LEFT_BEFORE if is_there else Leaving.UNKNOWN

    def come_back(self, subscriber_id: str, consent: Consent, *, now: datetime) -> None:
        """Subscribe somebody again who asks for it by a link of their own."""
        statement = (
            update(subscribers)
            .where(_s.id == subscriber_id, _s.status != _S.CONFIRMED)
            .values(**_joined(now))
        )
        with self._database.write() as connection:
            keep_writers_out(connection, subscribers)
            if connection.execute(statement).rowcount:
                record_consent(connection, subscriber_id, consent)

    def deliveries(self, subscriber_id: str) -> list[PromisedIssue]:
        """Each issue promised to somebody, the oldest first."""
        statement = (
            select(
                deliveries.c.month,
                batches.c.variant_id,
                deliveries.c.status,
                deliveries.c.reason,
                deliveries.c.updated_at,
            )
            .join(batches, batches.c.id == deliveries.c.batch_id)
            .where(deliveries.c.subscriber_id == subscriber_id)
            .order_by(deliveries.c.month)
        )
        with self._database.read() as connection:
            return [PromisedIssue(*row) for row in connection.execute(statement)]

    def _change(self, subscriber_id: str, now: datetime, **values: str | None) -> None:
        statement = (
            update(subscribers).where(_s.id == subscriber_id).values(updated_at=now, **values)
        )
        with self._database.write() as connection:
            connection.execute(statement)


def record_consent(connection: Connection, subscriber_id: str, consent: Consent) -> None:
    """Add to the consents of a subscriber; nobody else writes to the subscribers meanwhile."""
    number = select(func.coalesce(func.max(consents.c.number), 0) + 1).where(
        consents.c.subscriber_id == subscriber_id
    )
    connection.execute(
        insert(consents).values(
            subscriber_id=subscriber_id,
            number=number.scalar_subquery(),
            at=consent.at,
            source=consent.source,
            how=consent.how,
            recorded_at=consent.recorded_at,
            words=consent.words,
            version=consent.version,
            client=consent.client,
        )
    )


def _add(connection: Connection, letter: Letter, now: datetime) -> None:
    at = to_microseconds(now)
    topics = ";".join(letter.topics)
    person = (
        next(new_ids(now)),
        letter.email,
        letter.key,
        letter.name,
        topics,
        letter.language,
        _S.UNCONFIRMED.value,
        at,
        at,
    )
    insert_absent(connection, subscribers, [person])


def _joined(now: datetime) -> dict[str, object]:
    return {
        "status": _S.CONFIRMED,
        "unsubscribed_at": None,
        "unsubscribed_through": None,
        "paused_until": None,
        "updated_at": now,
    }
