"""An alert leaves once, whoever else is about to send it and whenever somebody dies over it."""

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.ledger.alerts import Alerts
from newsletter.ledger.database import Database
from newsletter.model.alert import AlertKind

NOW = datetime(2026, 11, 3, 14, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EDITOR = "editor@digest.example"


@pytest.fixture
def alerts(database: Database) -> Alerts:
    return Alerts(database)


def test_one_of_two_takes_it(alerts: Alerts) -> None:
    assert alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW)
    assert not alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW + MINUTE)
    assert alerts.take("2026-11", AlertKind.BEGUN, EDITOR, now=NOW)
    assert alerts.take("2026-11", AlertKind.MISSED, "other@digest.example", now=NOW)
    assert alerts.take("2026-12", AlertKind.MISSED, EDITOR, now=NOW)


def test_what_has_left_never_leaves_again(alerts: Alerts) -> None:
    alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW)
    alerts.settle("2026-11", AlertKind.MISSED, EDITOR, now=NOW)
    for later in (MINUTE, timedelta(days=30), -timedelta(days=1)):
        assert not alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW + later)


def test_what_nobody_sent_is_taken_again(alerts: Alerts) -> None:
    alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW)
    assert alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW + 6 * MINUTE)
    assert not alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW + 7 * MINUTE)


def test_a_clock_that_was_wrong_holds_no_alert_back(alerts: Alerts) -> None:
    alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW + timedelta(days=365))
    assert alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW)


def test_what_comes_again_after_its_end_is_told_again_once(alerts: Alerts) -> None:
    def take(minutes: int) -> int:
        return alerts.take("2026-11", AlertKind.BROKEN, EDITOR, now=NOW + minutes * MINUTE)

    for occurrence in (1, 2, 3):
        assert take(10 * occurrence) == occurrence
        alerts.settle("2026-11", AlertKind.BROKEN, EDITOR, now=NOW)
        assert not take(10 * occurrence + 7)
        alerts.end("2026-11", {AlertKind.BROKEN, AlertKind.MISSED}, now=NOW)
        alerts.end("2026-11", {AlertKind.BROKEN}, now=NOW)


def test_the_end_of_one_alert_is_not_that_of_another(alerts: Alerts) -> None:
    alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW)
    alerts.end("2026-11", {AlertKind.BROKEN}, now=NOW)
    alerts.end("2026-12", {AlertKind.MISSED}, now=NOW)
    assert not alerts.take("2026-11", AlertKind.MISSED, EDITOR, now=NOW + MINUTE)
