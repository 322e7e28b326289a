import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from newsletter.dispatch.dispatcher import DispatchReport, Manners, StopReason
from newsletter.dispatch.pacing import Patience
from newsletter.errors import NewsletterError, TransportError
from newsletter.ledger.deliveries import Deliveries
from newsletter.model.delivery import DeliveryStatus, IssueState, Outcome
from newsletter.model.delivery import DeliveryStatus as Status
from newsletter.model.message import Personalisation
from newsletter.transports.outbox import Outbox

from .sender import MONTH, NOW, Carrier, Sender, in_outbox

SHORT = Patience(first=timedelta(milliseconds=200))


def accept_slowly(_: str) -> Outcome:
    """Nine messages a second: a batch of twenty is looked at twice."""
    time.sleep(0.11)
    return Outcome.ACCEPTED


def test_everybody_is_sent_to_once_and_not_again(sender: Sender, tmp_path: Path) -> None:
    ids = sender.promise(25, batch_size=10)
    seen: list[int] = []
    outbox = Outbox(tmp_path / "outbox")
    report = sender.send(outbox, progress=lambda report: seen.append(report.done))
    assert report == DispatchReport(25, 0, 0, 0, StopReason.NOTHING_LEFT)
    assert seen == [10, 20, 25]
    assert in_outbox(tmp_path / "outbox") == sorted(ids)
    assert sender.counts() == {Status.ACCEPTED: 25}
    assert sender.send(outbox).done == 0


def test_a_limit_is_kept_and_the_next_run_goes_on(sender: Sender, tmp_path: Path) -> None:
    ids = sender.promise(25, batch_size=10)
    outbox = Outbox(tmp_path / "outbox")
    report = sender.send(outbox, limit=13)
    assert (report.done, report.stopped_because) == (13, StopReason.LIMITED)
    assert sender.counts() == {Status.ACCEPTED: 13, Status.PLANNED: 12}
    assert sender.send(outbox, limit=100).done == 12
    assert in_outbox(tmp_path / "outbox") == sorted(ids)


def test_a_request_to_stop_is_heard_between_two_messages(sender: Sender) -> None:
    sender.promise(25, batch_size=10)
    stop = Event()

    def answer(_: str) -> Outcome:
        if len(carrier.given) == 14:
            stop.set()
        return Outcome.ACCEPTED

    carrier = Carrier(answer)
    report = sender.send(carrier, stop=stop)
    assert (report.done, report.stopped_because) == (14, StopReason.ASKED)
    assert sender.counts() == {Status.ACCEPTED: 14, Status.PLANNED: 11}
    assert sender.send(carrier).done == 11
    assert len(set(carrier.given)) == len(carrier.given) == 25


@pytest.mark.parametrize(
    ("intervene", "because", "left"),
    [
        (partial(Deliveries.set_state, state=IssueState.PAUSED), StopReason.PAUSED, Status.PLANNED),
        (Deliveries.cancel, StopReason.CANCELLED, Status.CANCELLED),
    ],
)
def test_a_pause_or_cancel_is_heard_in_the_middle_of_a_long_batch(
    sender: Sender,
    intervene: Callable[..., object],
    because: StopReason,
    left: DeliveryStatus,
) -> None:
    sender.promise(20)
    seen: list[int] = []

    def watch(report: DispatchReport) -> None:
        seen.append(report.accepted)
        assert sender.counts()[Status.ACCEPTED] == report.accepted
        intervene(sender.deliveries, month=MONTH, now=NOW)

    report = sender.send(Carrier(accept_slowly), progress=watch)
    assert report.stopped_because is because
    assert 0 < seen[0] == report.accepted < 20
    assert sender.counts() == {Status.ACCEPTED: report.accepted, left: 20 - report.accepted}


def test_each_answer_is_recorded_with_the_servers_words(sender: Sender) -> None:
    ids = sender.promise(4)
    outcomes = dict(zip(ids, Outcome, strict=True))
    report = sender.send(Carrier(outcomes.__getitem__))
    assert report == DispatchReport(1, 1, 1, 1, StopReason.NOTHING_LEFT)
    assert {(problem.status, problem.reason) for problem in sender.deliveries.problems(MONTH)} == {
        (Status.REFUSED, f"said of {ids[1]}"),
        (Status.UNCERTAIN, f"said of {ids[3]}"),
    }


def test_a_temporary_refusal_is_tried_again_by_each_send_but_not_for_ever(sender: Sender) -> None:
    sender.promise(1)
    carrier = Carrier(lambda _: Outcome.RETRY)
    attempts = []
    for minute in range(7):
        sender.send(carrier, now=NOW + timedelta(minutes=minute))
        attempts.append(len(carrier.given))
    assert attempts == [1, 2, 3, 4, 5, 5, 5]
    assert sender.counts() == {Status.FAILED: 1}


def test_a_send_waits_for_another_attempt_that_is_near(sender: Sender) -> None:
    sender.promise(3)
    answers = iter([Outcome.RETRY, Outcome.ACCEPTED, Outcome.RETRY, *[Outcome.ACCEPTED] * 2])
    carrier = Carrier(lambda _: next(answers))
    report = sender.send(carrier, manners=Manners(patience=SHORT), clock=lambda: datetime.now(UTC))
    assert (report.accepted, report.retried) == (3, 2)
    assert sender.counts() == {Status.ACCEPTED: 3}


def test_messages_leave_no_faster_than_the_pace_that_all_senders_share(sender: Sender) -> None:
    sender.promise(30)
    begun = time.monotonic()
    manners = Manners(per_second=20)
    sender.send(
        Carrier(lambda _: Outcome.ACCEPTED), manners=manners, clock=lambda: datetime.now(UTC)
    )
    assert time.monotonic() - begun >= 1


def test_refusals_that_all_say_the_same_stop_the_send_and_write_nobody_off(sender: Sender) -> None:
    sender.promise(30)
    carrier = Carrier(lambda _: Outcome.REFUSED, words="554 5.7.1 <{}@reader.example> no relaying")
    with pytest.raises(TransportError, match="no relaying"):
        sender.send(carrier)
    assert len(carrier.given) == 20
    assert sender.counts() == {Status.PLANNED: 30}


def test_unknown_mailboxes_are_refused_one_by_one_however_many_they_are(sender: Sender) -> None:
    sender.promise(30)
    sender.send(Carrier(lambda _: Outcome.REFUSED, words="550 5.1.1 no such user"))
    assert sender.counts() == {Status.REFUSED: 30}


def test_what_was_called_back_is_sent_again_and_the_rest_is_uncertain(sender: Sender) -> None:
    """A provider that takes a batch under a name, dies on us, and can or cannot call it back."""
    ids = sender.promise(4)
    carrier = Carrier(lambda _: Outcome.ACCEPTED, is_repeatable=True, commits="b-1")

    def break_off(delivery_id: str) -> Outcome:
        if delivery_id == ids[2]:
            raise RuntimeError
        return Outcome.ACCEPTED

    with pytest.raises(RuntimeError):
        sender.send(Carrier(break_off, is_repeatable=True, commits="b-0"))
    assert sender.counts() == {Status.PLANNED: 4}
    sender.send(carrier)
    assert sender.counts() == {Status.ACCEPTED: 4}


@pytest.mark.parametrize("is_repeatable", [True, False])
def test_a_closed_way_keeps_the_answers_got_and_writes_nobody_off(
    sender: Sender, *, is_repeatable: bool
) -> None:
    sender.promise(10)

    def answer(_: str) -> Outcome:
        if len(carrier.given) == 4:
            raise TransportError("unreachable", where="mail.example:587")
        return Outcome.ACCEPTED

    carrier = Carrier(answer, is_repeatable=is_repeatable)
    with pytest.raises(TransportError, match="unreachable"):
        sender.send(carrier)
    assert sender.counts() == {Status.ACCEPTED: 3, Status.PLANNED: 7}
    assert sender.send(carrier).done == 7


@pytest.mark.parametrize(
    ("is_repeatable", "counts"),
    [
        (True, {Status.ACCEPTED: 3, Status.PLANNED: 7}),
        (False, {Status.ACCEPTED: 3, Status.UNCERTAIN: 1, Status.PLANNED: 6}),
    ],
)
@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt])
def test_a_fault_in_mid_message_leaves_in_doubt_at_most_that_message(
    sender: Sender,
    *,
    is_repeatable: bool,
    counts: dict[DeliveryStatus, int],
    fault: type[BaseException],
) -> None:
    sender.promise(10)

    def answer(_: str) -> Outcome:
        if len(carrier.given) == 4:
            raise fault
        return Outcome.ACCEPTED

    carrier = Carrier(answer, is_repeatable=is_repeatable)
    with pytest.raises(fault):
        sender.send(carrier)
    assert sender.counts() == counts


def test_a_fault_elsewhere_loses_no_answer(sender: Sender) -> None:
    """The progress, which also publishes the archive, fails while a message is on its way."""
    sender.promise(20)

    def fail(_: DispatchReport) -> None:
        raise NewsletterError("the archive cannot be written")

    carrier = Carrier(accept_slowly)
    with pytest.raises(NewsletterError, match="archive"):
        sender.send(carrier, progress=fail)
    left = 20 - len(carrier.given)
    assert sender.counts() == {Status.ACCEPTED: len(carrier.given), Status.PLANNED: left}


def test_a_message_that_cannot_be_written_leaves_nothing_in_flight(
    sender: Sender, tmp_path: Path
) -> None:
    sender.promise(3)

    def fail(_: Personalisation) -> list[bytes]:
        raise NewsletterError("no such merge field")

    with pytest.raises(NewsletterError):
        sender.send(Outbox(tmp_path / "outbox"), encode=fail)
    assert sender.counts() == {Status.PLANNED: 3}


def test_notes_of_what_left_are_kept_while_it_is_on_its_way_and_no_longer(sender: Sender) -> None:
    sender.promise(20)
    notes: list[int] = []

    def count(_: str) -> Outcome:
        notes.append(len(list(sender.database.senders.glob("*.given"))))
        return Outcome.ACCEPTED

    sender.send(Carrier(count))
    assert set(notes) == {1}
    assert list(sender.database.senders.glob("*.given")) == []


def test_two_senders_share_the_work_and_nobody_is_sent_to_twice(
    sender: Sender, tmp_path: Path
) -> None:
    ids = sender.promise(400, batch_size=10)
    carriers = [Carrier(lambda _: Outcome.ACCEPTED) for _ in range(2)]

    def run(carrier: Carrier) -> None:
        own = Sender(tmp_path)
        own.send(carrier)
        own.database.close()

    threads = [threading.Thread(target=run, args=(carrier,)) for carrier in carriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(carriers[0].given + carriers[1].given) == sorted(ids)
    assert sender.counts() == {Status.ACCEPTED: 400}
