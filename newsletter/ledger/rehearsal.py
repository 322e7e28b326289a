"""Changes made to copies of tables, to see what they would do; nobody waits for them meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Table, UniqueConstraint

from newsletter.ledger.database import Database


@contextmanager
def rehearsal(database: Database, *tables: Table) -> Iterator[Connection]:
    """A connection on which `tables` are copies, by the same names, until the end of the block.

    Temporary tables go before others of their name, in SQLite and PostgreSQL alike; what writes
    to them locks nobody out.
    """
    # SQLite lets a reader make temporary tables, and writing would keep every writer waiting; a
    # server's readers may make none, and its writers keep nobody waiting.
    with database.read() if database.file else database.write() as connection:
        for table in tables:
            _shadow(connection, table, is_server=database.file is None)
        yield connection
        connection.rollback()


def _shadow(connection: Connection, table: Table, *, is_server: bool) -> None:
    name, schema = table.name, "" if is_server else "temp."
    end = "ON COMMIT DROP" if is_server else ""
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE {name} {end} AS SELECT * FROM {name}"  # noqa: S608 - ours
    )
    unique = [one.columns for one in table.constraints if isinstance(one, UniqueConstraint)]
    for number, key in enumerate([table.primary_key.columns, *unique]):
        columns = ", ".join(column.name for column in key)
        connection.exec_driver_sql(
            f"CREATE UNIQUE INDEX {schema}{name}_{number} ON {name} ({columns})"
        )
