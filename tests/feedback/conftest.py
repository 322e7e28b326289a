from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.ledger.database import Database

from .world import World


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty one of each kind."""
    url = f"sqlite:///{tmp_path}/newsletter.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgresql")
    with closing(Database.open(url, base=tmp_path)) as database:
        yield database


@pytest.fixture
def world(database: Database) -> World:
    return World(database)
