from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.subscribers import Subscribers

from .rows import begin


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database: each test that needs one is about both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/var/newsletter.db"
    url: str = request.getfixturevalue("postgresql")
    return url


@pytest.fixture
def database(database_url: str, tmp_path: Path) -> Iterator[Database]:
    with closing(Database.open(database_url, base=tmp_path)) as database:
        yield database


@pytest.fixture
def subscribers(database: Database) -> Subscribers:
    return Subscribers(database)


@pytest.fixture
def deliveries(database: Database) -> Deliveries:
    """The deliveries, with the sending of one issue begun."""
    deliveries = Deliveries(database)
    begin(deliveries)
    return deliveries
