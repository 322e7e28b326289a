from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.fakes.postgresql_server import PostgresqlServer, running

pytest_plugins = ["tests.browser"]

# A busy machine must not fail a test; speed is measured by `make bench`.
settings.register_profile("newsletter", deadline=None)
settings.load_profile("newsletter")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    with running() as server:
        yield server


@pytest.fixture
def postgresql(postgresql_server: PostgresqlServer) -> str:
    """The address of an empty database on a server."""
    return postgresql_server.empty()
