"""A server that goes away while messages leave: one line, nobody gets two, and it goes on."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from newsletter.errors import LedgerError
from newsletter.model.delivery import DeliveryStatus as Status
from newsletter.model.delivery import Outcome
from tests.fakes.postgresql_server import MortalServer, running_alone

from .sender import Carrier, Sender


@pytest.fixture(scope="module")
def mortal() -> Iterator[MortalServer]:
    with running_alone() as server:
        yield server


@pytest.fixture
def on_server(mortal: MortalServer, tmp_path: Path) -> Iterator[Sender]:
    sender = Sender(tmp_path, mortal.server.fresh())
    with closing(sender.database):
        yield sender


def test_a_server_that_stops_in_mid_batch_ends_it_in_one_line_and_nobody_is_in_doubt(
    on_server: Sender, mortal: MortalServer
) -> None:
    """The answers of one batch cannot be kept: the next `send` finds them in this one's notes."""
    ids = on_server.promise(30, batch_size=10)

    def answer(_: str) -> Outcome:
        if len(carrier.given) == 14:
            mortal.stop()
        return Outcome.ACCEPTED

    carrier = Carrier(answer)
    with pytest.raises(LedgerError) as raised:
        on_server.send(carrier)
    assert len(str(raised.value).splitlines()) == 1
    with pytest.raises(LedgerError):
        on_server.send(carrier)

    mortal.start()
    on_server.send(carrier)
    assert sorted(carrier.given) == sorted(ids)
    assert on_server.counts() == {Status.ACCEPTED: 30}


def test_a_server_that_restarts_in_mid_batch_is_found_again_and_nothing_is_in_doubt(
    on_server: Sender, mortal: MortalServer
) -> None:
    ids = on_server.promise(30, batch_size=10)

    def answer(_: str) -> Outcome:
        if len(carrier.given) == 14:
            mortal.stop()
            mortal.start()
        return Outcome.ACCEPTED

    carrier = Carrier(answer)
    on_server.send(carrier)
    assert sorted(carrier.given) == sorted(ids)
    assert on_server.counts() == {Status.ACCEPTED: 30}
