import pytest

from tests.chaos.trial import WAYS_OUT, try_way_out


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> str | None:
    """The address of a server to make databases at; None for files."""
    if request.param == "sqlite":
        return None
    return str(request.getfixturevalue("postgresql_server").fresh())


@pytest.mark.parametrize("name", WAYS_OUT)
def test_whatever_is_killed_nobody_is_lost_and_nobody_gets_two(
    name: str, server: str | None
) -> None:
    """What is in doubt was in flight at a kill, or its answer was lost; in the outbox nothing."""
    tally = try_way_out(name, seed=1, kills=3, readers=400, server=server)
    assert tally.kills >= 3
    assert tally.is_clean, tally
