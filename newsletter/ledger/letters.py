"""Letters: what was asked for in a form, kept until it is written, and how often one may ask."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, func, select, update

from newsletter.ledger.database import AnyRow, Database, insert_absent, keep_writers_out
from newsletter.ledger.tables import letters, suppressions, to_microseconds
from newsletter.model.letter import Letter, LetterKind

_l = letters.c
_FIRST_PAUSE: Final = timedelta(seconds=30)  # after an attempt; each later one is twice as long
_LAST_ATTEMPT: Final = 13  # some three days after the first


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many letters may be asked for within a time."""

    letters: int
    within: timedelta


class Letters:
    """What is owed to single people; shared by every process that takes forms or writes letters."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self,
        letter: Letter,
        *,
        per_client: Allowance,
        per_address: Allowance,
        once_within: timedelta = timedelta(0),
    ) -> timedelta | None:
        """Commit what a form asks for; where too much was asked, say how long to wait instead.

        Nothing is looked up but what was asked before: whoever the address is, it costs the same.
        The same again, asked `once_within` that time and not yet confirmed, changes nothing.
        """
        with self._database.write() as connection:
            keep_writers_out(connection, letters)
            if once_within and _is_repeated(connection, letter, letter.asked_at - once_within):
                return None
            waits = (
                _wait(connection, _l.client == letter.client, per_client, letter.asked_at),
                _wait(connection, _l.email_key == letter.key, per_address, letter.asked_at),
            )
            if wait := max(waits):
                return wait
            owe(connection, letter)
        return None

    def get(self, letter_id: str) -> Letter | None:
        """The letter of an id; nothing after its person is erased."""
        with self._database.read() as connection:
            row = connection.execute(select(letters).where(_l.id == letter_id)).one_or_none()
        return None if row is None else _letter(row)

    def asked(self, email_key: str) -> list[tuple[LetterKind, datetime]]:
        """What is kept of the letters that were asked for to an address, the oldest first."""
        statement = (
            select(_l.kind, _l.asked_at).where(_l.email_key == email_key).order_by(_l.asked_at)
        )
        with self._database.read() as connection:
            return [(kind, at) for kind, at in connection.execute(statement)]

    def take_due(self, now: datetime) -> Letter | None:
        """The letter that waits longest; it is due again after a pause, unless `settle` comes.

        So a letter is written again where its writer died, and by one writer at a time.
        """
        waiting = (
            select(letters)
            .where(_l.due_at <= now)
            .order_by(_l.due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if self.oldest_due() is None:
            return None
        with self._database.write() as connection:
            row = connection.execute(waiting).one_or_none()
            if row is None:
                return None
            again = None if row.attempts >= _LAST_ATTEMPT else now + _FIRST_PAUSE * 2**row.attempts
            connection.execute(
                update(letters)
                .where(_l.id == row.id)
                .values(due_at=again, attempts=_l.attempts + 1)
            )
        return _letter(row)

    def settle(self, letter_id: str) -> None:
        """Nothing more is to be done about a letter: it left, or must not be written."""
        with self._database.write() as connection:
            connection.execute(update(letters).where(_l.id == letter_id).values(due_at=None))

    def is_suppressed(self, email_key: str) -> bool:
        """Whether an address, stored or not, must not be written to."""
        statement = select(suppressions.c.key).where(suppressions.c.key == email_key)
        with self._database.read() as connection:
            return connection.scalar(statement) is not None

    def oldest_asked(self) -> datetime | None:
        """When the letter was asked for that has waited longest, if one waits."""
        with self._database.read() as connection:
            found: datetime | None = connection.scalar(
                select(func.min(_l.asked_at)).where(_l.due_at.is_not(None))
            )
        return found

    def oldest_due(self) -> datetime | None:
        """When the letter that waits longest was or will be due, if one waits."""
        with self._database.read() as connection:
            found: datetime | None = connection.scalar(select(func.min(_l.due_at)))
        return found


def owe(connection: Connection, letter: Letter) -> None:
    """Write a letter down, due at once."""
    asked_at = to_microseconds(letter.asked_at)
    row = (
        letter.id,
        letter.kind.value,
        letter.email,
        letter.key,
        letter.name,
        ";".join(letter.topics),
        letter.language,
        letter.words,
        letter.source,
        letter.client,
        asked_at,
        asked_at,
        0,
    )
    insert_absent(connection, letters, [row])


def _is_repeated(connection: Connection, letter: Letter, since: datetime) -> bool:
    same = (
        _l.kind == letter.kind,
        _l.email_key == letter.key,
        _l.name == letter.name,
        _l.topics == ";".join(letter.topics),
        _l.language == letter.language,
        _l.words == letter.words,
        _l.source == letter.source,
    )
    statement = select(_l.id).where(*same, _l.asked_at > since, _l.confirmed_at.is_(None)).limit(1)
    return connection.scalar(statement) is not None


def _wait(
    connection: Connection, whose: ColumnElement[bool], allowance: Allowance, now: datetime
) -> timedelta:
    """How long until one more is allowed; nothing where it is now."""
    spent = (
        select(_l.asked_at)
        .where(whose, _l.asked_at > now - allowance.within, _l.kind != LetterKind.WELCOME)
        .order_by(_l.asked_at.desc())
        .limit(allowance.letters)
    )
    asked: list[datetime] = list(connection.scalars(spent))
    if len(asked) < allowance.letters:
        return timedelta(0)
    return asked[-1] + allowance.within - now


def _letter(row: AnyRow) -> Letter:
    return Letter(
        id=row.id,
        kind=row.kind,
        email=row.email,
        key=row.email_key,
        name=row.name,
        topics=tuple(row.topics.split(";")) if row.topics else (),
        language=row.language,
        words=row.words,
        client=row.client,
        asked_at=row.asked_at,
        attempts=row.attempts,
        confirmed_at=row.confirmed_at,
        source=row.source,
    )
