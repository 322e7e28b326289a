"""An import: each piece of it staged in a temporary table, then merged set by set.

Row by row in Python the same takes twice as long.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Final, Self

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.schema import CreateTable

from newsletter.ledger.database import Database, insert_absent, keep_writers_out
from newsletter.ledger.rehearsal import rehearsal
from newsletter.ledger.tables import (
    Instant,
    consents,
    key_text,
    subscribers,
    suppressions,
    to_microseconds,
)
from newsletter.model.subscriber import SubscriberRow, SubscriptionStatus, SuppressionReason

_PIECE: Final = 20_000

IsErased = Callable[[frozenset[str], str], bool]  # (digests of erased addresses, a row's key)

_CONFIRMED: Final = SubscriptionStatus.CONFIRMED
_UNCONFIRMED: Final = SubscriptionStatus.UNCONFIRMED
_UNSUBSCRIBED: Final = SubscriptionStatus.UNSUBSCRIBED


@dataclass(frozen=True, slots=True)
class ImportCounts:
    """What became of the rows of an import; each row is counted once."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    kept_out: int = 0  # unsubscribed, suppressed or erased: left exactly as they were
    suppressed: int = 0  # whom no provider could reach, or who complained: not to be mailed

    def __add__(self, other: Self) -> "ImportCounts":
        return ImportCounts(
            self.added + other.added,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.kept_out + other.kept_out,
            self.suppressed + other.suppressed,
        )


# The rows being merged, no address twice; NULL is a column that the file does not have.
_rows: Final = Table(
    "import_rows",
    MetaData(),
    Column("new_id", key_text(32)),  # used where the address is new
    Column("email", Text),
    Column("email_key", key_text()),
    Column("name", Text),
    Column("topics", Text),
    Column("language", Text),
    Column("status", subscribers.c.status.type),
    Column("at", Instant),
    Column("source", Text),
    Column("timezone", Text),
    Column("known_id", key_text(32)),  # the rest is found out: whose address it is
    Column("is_left", Boolean),  # whether that person unsubscribed before this import
    Column("agrees", Boolean),  # whether the row brings a consent not yet on record
    Column("differs", Boolean),  # whether it says anything but what is stored
    prefixes=["TEMPORARY"],
)
_row, _person = _rows.c, subscribers.c
_now: Final = bindparam("now", type_=Instant)
_how: Final = literal("import")

_states_consent: Final = or_(_row.at.is_not(None), _row.source != "")
_is_on_record: Final = exists().where(
    consents.c.subscriber_id == _person.id,
    consents.c.at.is_not_distinct_from(_row.at),
    consents.c.source == _row.source,
)
# Of two rows for an address that nobody knew before, the later says how it stands.
_is_added_now: Final = _person.created_at == _now
_merged: Final = {
    _person.email: _row.email,
    _person.name: func.coalesce(_row.name, _person.name),
    _person.topics: func.coalesce(_row.topics, _person.topics),
    _person.language: func.coalesce(_row.language, _person.language),
    _person.timezone: func.coalesce(_row.timezone, _person.timezone),
    _person.status: case(
        (and_(_row.status == _UNCONFIRMED, ~_is_added_now), _person.status),
        else_=_row.status,
    ),
}

_RECOGNISE: Final = (
    update(_rows)
    .where(_row.email_key == _person.email_key)
    .values(
        known_id=_person.id,
        is_left=and_(
            _person.status == _UNSUBSCRIBED,
            ~and_(_is_added_now, _person.unsubscribed_through == _how),
        ),
        agrees=or_(
            and_(_row.status == _CONFIRMED, _person.status != _CONFIRMED),
            and_(_states_consent, ~_is_on_record),
        ),
        differs=or_(*(new != old for old, new in _merged.items())),
    )
)
_KEEP_OUT: Final = delete(_rows).where(
    or_(_row.is_left, exists().where(suppressions.c.key == _row.email_key))
)
_ADD: Final = (
    insert(subscribers)
    .execution_options(preserve_rowcount=True)
    .from_select(
        [column.name for column in subscribers.columns if column is not _person.paused_until],
        select(
            _row.new_id,
            _row.email,
            _row.email_key,
            func.coalesce(_row.name, ""),
            func.coalesce(_row.topics, ""),
            func.coalesce(_row.language, ""),
            _row.status,
            _now,
            _now,
            case((_row.status == _UNSUBSCRIBED, _now)),
            case((_row.status == _UNSUBSCRIBED, _how)),
            func.coalesce(_row.timezone, ""),
        ).where(_row.known_id.is_(None)),
    )
)
_CHANGE: Final = (
    update(subscribers)
    .where(_person.id == _row.known_id, or_(_row.agrees, _row.differs))
    .values(
        {
            **_merged,
            _person.updated_at: _now,
            _person.unsubscribed_at: case((_row.status == _UNSUBSCRIBED, _now)),
            _person.unsubscribed_through: case((_row.status == _UNSUBSCRIBED, _how)),
        }
    )
)
_consent_columns: Final = ["subscriber_id", "number", "at", "source", "how", "recorded_at"]
_CONSENT_OF_NEW: Final = insert(consents).from_select(
    _consent_columns,
    select(_row.new_id, literal(1), _row.at, _row.source, _how, _now).where(
        _row.known_id.is_(None), or_(_row.status == _CONFIRMED, _states_consent)
    ),
)
_CONSENT_OF_KNOWN: Final = insert(consents).from_select(
    _consent_columns,
    select(
        _row.known_id,
        select(func.coalesce(func.max(consents.c.number), 0) + 1)
        .where(consents.c.subscriber_id == _row.known_id)
        .scalar_subquery(),
        _row.at,
        _row.source,
        _how,
        _now,
    ).where(_row.agrees),
)


def import_rows(
    database: Database,
    rows: Iterable[SubscriberRow],
    ids: Iterator[str],
    now: datetime,
    is_erased: IsErased | None,
) -> ImportCounts:
    """Merge rows into what is stored, piece by piece; `ids` are for new people."""
    counts = ImportCounts()
    for piece in _pieces(rows):
        with database.write() as connection:
            counts += _merge(connection, piece, ids, now, is_erased)
    return counts


def rehearse_import(
    database: Database,
    rows: Iterable[SubscriberRow],
    ids: Iterator[str],
    now: datetime,
    is_erased: IsErased | None,
) -> ImportCounts:
    """The same, done to copies that are gone afterwards."""
    counts = ImportCounts()
    with rehearsal(database, subscribers, consents, suppressions) as connection:
        for piece in _pieces(rows):
            counts += _merge(connection, piece, ids, now, is_erased)
    return counts


def erased_digests(connection: Connection) -> frozenset[str]:
    """The digests of all erased addresses."""
    erased = suppressions.c.reason == SuppressionReason.ERASED
    return frozenset(connection.scalars(select(suppressions.c.key).where(erased)))


def _pieces(rows: Iterable[SubscriberRow]) -> Iterator[list[SubscriberRow]]:
    remaining = iter(rows)
    while piece := list(islice(remaining, _PIECE)):
        yield piece


def _merge(
    connection: Connection,
    piece: list[SubscriberRow],
    ids: Iterator[str],
    now: datetime,
    is_erased: IsErased | None,
) -> ImportCounts:
    """Merge rows into what is stored, as if one after another."""
    keep_writers_out(connection, subscribers)
    rows = piece
    # Asked only now: whoever is erased while a list is read must not come back with its rest.
    if is_erased and (digests := erased_digests(connection)):
        rows = [row for row in piece if not is_erased(digests, row.key)]
    counts = ImportCounts(kept_out=len(piece) - len(rows))
    for distinct in _layers(rows):
        unwelcome = [row for row in distinct if row.suppression]
        counts += _suppress(connection, unwelcome, now)
        welcome = [row for row in distinct if not row.suppression] if unwelcome else distinct
        connection.execute(CreateTable(_rows, if_not_exists=True))
        insert_absent(connection, _rows, _staged(welcome, ids))
        counts += _merge_staged(connection, len(welcome), now)
        connection.execute(delete(_rows))
    return counts


def _suppress(connection: Connection, rows: Sequence[SubscriberRow], now: datetime) -> ImportCounts:
    at = to_microseconds(now)
    suppressed = insert_absent(
        connection,
        suppressions,
        [(row.key, str(row.suppression), row.consent_source, at) for row in rows],
    )
    return ImportCounts(suppressed=suppressed, kept_out=len(rows) - suppressed)


def _layers(rows: Sequence[SubscriberRow]) -> Iterator[Sequence[SubscriberRow]]:
    """The rows without repeated addresses, then their repetitions, and so on."""
    while len({row.key for row in rows}) < len(rows):
        seen: set[str] = set()
        first: list[SubscriberRow] = []
        later: list[SubscriberRow] = []
        for row in rows:
            (later if row.key in seen else first).append(row)
            seen.add(row.key)
        yield first
        rows = later
    yield rows


def _staged(
    rows: Sequence[SubscriberRow], ids: Iterator[str]
) -> list[tuple[str | int | None, ...]]:
    return [
        (
            next(ids),
            email,
            key,
            name,
            None if topics is None else ";".join(topics),
            language,
            str(status),
            None if at is None else to_microseconds(at),
            source,
            timezone,
        )
        for email, key, name, topics, language, status, at, source, _, timezone in rows
    ]


def _merge_staged(connection: Connection, staged: int, now: datetime) -> ImportCounts:
    at = {"now": now}
    connection.execute(_RECOGNISE, at)
    kept_out = connection.execute(_KEEP_OUT).rowcount
    # Before the changes: a consent is news in the light of the status that was.
    connection.execute(_CONSENT_OF_KNOWN, at)
    changed = connection.execute(_CHANGE, at).rowcount
    added = connection.execute(_ADD, at).rowcount
    connection.execute(_CONSENT_OF_NEW, at)
    return ImportCounts(added, changed, staged - kept_out - changed - added, kept_out)
