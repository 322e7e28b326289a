"""What a server brings with it: others beside us, a password, and its going away."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from newsletter.errors import LedgerError
from newsletter.ledger.appointments import Appointments
from newsletter.ledger.database import Database, insert_absent
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.lock import OwnerLocks
from newsletter.ledger.paces import Paces
from newsletter.ledger.restoration import Restoration
from newsletter.ledger.subscribers import Subscribers
from newsletter.ledger.tables import issues
from newsletter.model.delivery import Batch, DeliveryStatus, Outcome
from tests.fakes.postgresql_server import PostgresqlServer

from .rows import MONTH, NOW, promises, receipts, rows


@pytest.fixture
def database_url(postgresql: str) -> str:
    return postgresql


@pytest.fixture
def planned(subscribers: Subscribers, deliveries: Deliveries) -> Deliveries:
    """A thousand readers in a hundred batches."""
    subscribers.import_rows(rows(1000), now=NOW, is_erased=None)
    deliveries.plan(MONTH, promises(subscribers), now=NOW, batch_size=10)
    return deliveries


def at_once(*acts: Callable[[], object]) -> None:
    """Do all of them in threads; what one raises is raised here."""
    raised: list[BaseException] = []

    def run(act: Callable[[], object]) -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - passed on
            raised.append(error)

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


def send(deliveries: Deliveries, owner: str, limit: int | None = None) -> Iterator[Batch]:
    while batch := deliveries.claim(MONTH, owner, now=NOW, limit=limit):
        ids = [delivery.id for delivery in batch.deliveries]
        deliveries.record(batch, receipts(ids, Outcome.ACCEPTED), now=NOW)
        yield batch


def test_a_batch_is_claimed_beside_one_that_is_just_being_claimed(
    database: Database, planned: Deliveries
) -> None:
    with database.write() as connection:
        held = connection.execute(
            text("SELECT id FROM batches WHERE status = 'planned' ORDER BY id LIMIT 1 FOR UPDATE")
        ).scalar_one()
        batch = planned.claim(MONTH, "another", now=NOW)
    assert batch is not None
    assert batch.id != held


def test_senders_that_split_batches_while_an_editor_cancels_do_not_block_each_other(
    planned: Deliveries,
) -> None:
    sent: list[Batch] = []

    def send_some(owner: str) -> None:
        for batch in send(planned, owner, limit=3):
            sent.append(batch)
            if len(sent) == 60:
                planned.cancel(MONTH, now=NOW)

    at_once(*[lambda owner=f"sender {n}": send_some(owner) for n in range(4)])
    ids = [delivery.id for batch in sent for delivery in batch.deliveries]
    assert len(set(ids)) == len(ids)
    assert planned.counts(MONTH) == {
        DeliveryStatus.ACCEPTED: len(ids),
        DeliveryStatus.CANCELLED: 1000 - len(ids),
    }


@pytest.mark.usefixtures("planned")
@pytest.mark.parametrize(
    "change",
    [
        lambda database: Deliveries(database).hurry(MONTH),
        lambda database: Deliveries(database).resolve(MONTH, Outcome.RETRY, now=NOW),
        lambda database: Restoration(database).lose_sight(MONTH, "lost", now=NOW),
        lambda database: Appointments(database).appoint(MONTH, NOW),
        lambda database: Appointments(database).begin_recall(MONTH, "b-1", "me"),
        lambda database: Appointments(database).end_recall(
            MONTH, "b-1", "me", is_back=True, now=NOW
        ),
    ],
)
def test_whoever_changes_several_batches_takes_none_before_it_has_the_issue(
    database: Database, change: Callable[[Database], object]
) -> None:
    """Two that take the same batches in different orders would wait for each other."""
    waiting = text("SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))")
    changing = threading.Thread(target=change, args=(database,))
    with database.write() as connection:
        connection.execute(text("SELECT * FROM issues FOR UPDATE"))
        changing.start()
        while changing.is_alive() and not connection.execute(waiting).rowcount:
            pass
        assert changing.is_alive()
        connection.execute(text("SELECT * FROM batches FOR UPDATE NOWAIT"))
    changing.join()


def test_the_same_list_may_be_imported_by_several_at_once(subscribers: Subscribers) -> None:
    files = [list(rows(2000)), list(rows(2000))[::-1], list(rows(2000))]
    at_once(
        *[
            lambda file=file: subscribers.import_rows(file, now=NOW, is_erased=None)
            for file in files
        ],
        *[
            lambda n=n: subscribers.erase(f"reader{n}@clinic.example", f"{n}", now=NOW)
            for n in range(5)
        ],
    )
    people = list(subscribers.iterate())
    assert len({person.email for person in people}) == len(people)
    assert all(len(subscribers.history(person.id)) == 1 for person in people[:20])


def test_several_senders_keep_to_one_pace_from_the_first_message_on(database: Database) -> None:
    begins = []

    def reserve() -> None:
        begins.append(Paces(database).reserve("smtp", 10, per_second=1, now=NOW))

    at_once(*[reserve] * 5)
    assert sorted((at - NOW).total_seconds() for at in begins) == [0, 10, 20, 30, 40]


def test_keys_are_in_the_order_of_their_bytes_whatever_the_server_s_own_order_is(
    database: Database,
) -> None:
    """A page of rows begins after the last key of the one before, by this order."""
    keys = text(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND collation_name = 'C'"
    )
    with database.read() as connection:
        assert set(connection.execute(keys).all()) == {
            ("subscribers", "id"),
            ("subscribers", "email_key"),
            ("subscribers", "paused_until"),
            ("api_tokens", "id"),
            ("letters", "id"),
            ("letters", "email_key"),
            ("lifted_suppressions", "key"),
            ("delivery_events", "delivery_id"),
            ("consents", "subscriber_id"),
            ("suppressions", "key"),
            ("deliveries", "id"),
            ("deliveries", "subscriber_id"),
        }


def test_several_programs_may_bring_a_new_database_up_to_date_at_once(
    postgresql_server: PostgresqlServer,
) -> None:
    url = postgresql_server.fresh()
    at_once(*[lambda: Database.open(url, base=Path()).close()] * 4)


def test_a_database_that_is_not_for_unicode_is_refused(postgresql_server: PostgresqlServer) -> None:
    url = postgresql_server.fresh("TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(LedgerError, match="made for texts in LATIN1; make one for UTF8"):
        Database.open(url, base=Path())


# The server goes away


def test_a_server_that_was_away_is_found_again_by_the_next_statement(
    postgresql_server: PostgresqlServer, postgresql: str, planned: Deliveries
) -> None:
    first = planned.claim(MONTH, "me", now=NOW)
    assert first is not None
    postgresql_server.cut_off(postgresql)
    answers = receipts([delivery.id for delivery in first.deliveries], Outcome.ACCEPTED)
    planned.record(first, answers, now=NOW)
    assert planned.counts(MONTH)[DeliveryStatus.ACCEPTED] == 10


def test_a_connection_cut_in_the_middle_is_one_clear_line_and_leaves_nothing(
    postgresql_server: PostgresqlServer, postgresql: str, database: Database
) -> None:
    def cut_off() -> None:
        with database.write() as connection:
            insert_absent(connection, issues, [(MONTH, "sending", "", "", 0)])
            postgresql_server.cut_off(postgresql)
            insert_absent(connection, issues, [("2022-12", "sending", "", "", 0)])

    with pytest.raises(LedgerError, match="the server was stopped") as raised:
        cut_off()
    assert len(raised.value.lines) == 1
    assert Deliveries(database).months() == []


def test_a_sender_whose_lock_s_session_was_cut_ends_without_a_fault(
    postgresql_server: PostgresqlServer, postgresql: str, database: Database
) -> None:
    locks = OwnerLocks(database)
    with locks.hold("me"):
        postgresql_server.cut_off(postgresql)
        assert not locks.is_alive("me")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?host=127.0.0.1&port=1&password=secret", "Connection refused"),
        ("?host=nowhere.invalid", "nowhere.invalid"),
        ("?hots=db.example", 'invalid connection option "hots"'),
    ],
)
def test_a_server_that_cannot_be_reached_is_one_line_without_the_password(
    query: str, words: str
) -> None:
    with pytest.raises(LedgerError, match=words) as raised:
        Database.open(f"postgresql+psycopg://news:secret@/newsletter{query}", base=Path())
    assert "secret" not in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_whoever_waits_too_long_for_another_s_lock_is_told_that_the_database_is_busy(
    postgresql: str, planned: Deliveries, database: Database
) -> None:
    impatient = f"{postgresql}&options=-c%20lock_timeout%3D50ms"
    with closing(Database.open(impatient, base=Path())) as second, database.write() as connection:
        connection.execute(text("SELECT * FROM issues FOR UPDATE"))
        with pytest.raises(LedgerError, match="the database is busy"):
            Deliveries(second).cancel(MONTH, now=NOW)


def test_a_user_without_rights_is_told_so(database: Database, postgresql: str) -> None:
    with database.write() as connection:
        connection.execute(text("DROP ROLE IF EXISTS guest"))
        connection.execute(text("CREATE ROLE guest LOGIN"))
        connection.execute(text("GRANT SELECT ON alembic_version TO guest"))
    guest = postgresql.replace("//postgres", "//guest")
    with (
        closing(Database.open(guest, base=Path())) as second,
        pytest.raises(LedgerError, match="lacks the rights"),
    ):
        Deliveries(second).months()
