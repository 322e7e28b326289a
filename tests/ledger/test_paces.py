from datetime import timedelta

from newsletter.ledger.database import Database
from newsletter.ledger.paces import Paces

from .rows import NOW


def test_senders_share_one_rate(database: Database) -> None:
    paces = Paces(database)
    starts = [paces.reserve("smtp", 10, per_second=5, now=NOW) for _ in range(3)]
    assert starts == [NOW, NOW + timedelta(seconds=2), NOW + timedelta(seconds=4)]
    assert paces.reserve("sendgrid", 10, per_second=5, now=NOW) == NOW


def test_who_comes_late_need_not_wait(database: Database) -> None:
    paces = Paces(database)
    paces.reserve("smtp", 10, per_second=5, now=NOW)
    later = NOW + timedelta(hours=1)
    assert paces.reserve("smtp", 1, per_second=5, now=later) == later


def test_a_clock_that_was_a_day_ahead_holds_nobody_up(database: Database) -> None:
    paces = Paces(database)
    paces.reserve("smtp", 10, per_second=5, now=NOW + timedelta(days=1))
    assert paces.reserve("smtp", 1, per_second=5, now=NOW) == NOW
