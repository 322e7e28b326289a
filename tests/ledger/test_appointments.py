"""What leaves at a time to come is not claimed before, and comes back whole or not at all."""

from datetime import timedelta

from newsletter.ledger.appointments import Appointments
from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.delivery import DeliveryStatus, IssueState, Outcome

from .rows import MONTH, NOW, promises, receipts, rows

HOUR = timedelta(hours=1)
DUE = NOW + HOUR


def give_in(subscribers: Subscribers, deliveries: Deliveries) -> None:
    """Two variants for ten readers, given in under one name an hour before they leave."""
    subscribers.import_rows(rows(10), now=NOW, is_erased=None)
    planned = [each._replace(leaves_at=DUE) for each in promises(subscribers, variants=2)]
    deliveries.plan(MONTH, planned, now=NOW)
    assert deliveries.claim(MONTH, "a", now=NOW) is None
    while batch := deliveries.claim(MONTH, "a", transport="sendgrid", head_start=HOUR, now=NOW):
        assert batch.leaves_at == DUE
        deliveries.commit(batch, "b-1")
        ids = [each.id for each in batch.deliveries]
        deliveries.record(batch, receipts(ids, Outcome.ACCEPTED), now=NOW)


def test_all_of_one_name_comes_back_and_is_planned_again(
    database: Database, subscribers: Subscribers, deliveries: Deliveries
) -> None:
    appointments = Appointments(database)
    give_in(subscribers, deliveries)
    assert not deliveries.finish_if_done(MONTH, now=NOW)
    assert not appointments.is_out(MONTH, now=NOW)
    assert appointments.names(MONTH, "sendgrid", now=NOW) == ["b-1"]
    assert appointments.begin_recall(MONTH, "b-1", "me")
    assert deliveries.counts(MONTH) == {DeliveryStatus.ACCEPTED: 10}
    assert deliveries.claim(MONTH, "a", head_start=HOUR, now=NOW) is None
    assert appointments.end_recall(MONTH, "b-1", "me", is_back=True, now=NOW) == 10
    assert deliveries.counts(MONTH) == {DeliveryStatus.PLANNED: 10}
    assert appointments.names(MONTH, "sendgrid", now=NOW) == []
    assert deliveries.thaw(MONTH)


def test_what_does_not_come_back_stays_accepted_and_leaves(
    database: Database, subscribers: Subscribers, deliveries: Deliveries
) -> None:
    appointments = Appointments(database)
    give_in(subscribers, deliveries)
    deliveries.set_state(MONTH, IssueState.PAUSED, now=NOW)
    appointments.begin_recall(MONTH, "b-1", "me")
    assert appointments.end_recall(MONTH, "b-1", "me", is_back=False, now=NOW) == 0
    assert deliveries.counts(MONTH) == {DeliveryStatus.ACCEPTED: 10}
    assert appointments.is_out(MONTH, now=DUE)
    assert deliveries.finish_if_done(MONTH, now=DUE)
