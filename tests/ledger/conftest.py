from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.subscribers import Subscribers

from .rows import begin


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.open("sqlite:///var/newsletter.db", base=tmp_path)) as database:
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
