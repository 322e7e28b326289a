"""Who says stop need not wait for a server that does not answer."""

import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from socket import EAI_AGAIN, gaierror
from threading import Event, Thread, Timer
from time import monotonic

import pytest

from newsletter.dispatch.dispatcher import StopReason
from newsletter.errors import TransportError
from newsletter.model.delivery import DeliveryStatus as Status
from newsletter.model.delivery import IssueState
from newsletter.transports.base import Transport
from newsletter.transports.sendgrid.client import SendgridClient
from newsletter.transports.sendgrid.transport import Sendgrid
from tests.fakes.newsletters import NEWSLETTER
from tests.fakes.sendgrid_account import BATCH, CANCEL, SEND
from tests.fakes.sendgrid_letters import open_sendgrid, readers
from tests.fakes.sendgrid_server import FakeSendgrid, Trouble
from tests.fakes.smtp_letters import open_smtp
from tests.fakes.smtp_server import Phase, ScriptedSmtp, Then
from tests.fakes.smtp_server import Trouble as Hang

from .sender import MONTH, NOW, Sender

TIMEOUT = 120.0  # of the API; whatever ends much sooner has not waited for it
SOON = 30.0

Say = Callable[[Sender, Event], object]
SAID: list[tuple[Say, StopReason]] = [
    (lambda _, stop: stop.set(), StopReason.ASKED),
    (
        lambda sender, _: sender.deliveries.set_state(MONTH, IssueState.PAUSED, now=NOW),
        StopReason.PAUSED,
    ),
]


@pytest.fixture
def fake() -> Iterator[FakeSendgrid]:
    with FakeSendgrid(verified_sender=NEWSLETTER.sender.email) as fake:
        yield fake


def send_until(say: Say, sender: Sender, fake: FakeSendgrid) -> StopReason:
    """Send, and say stop once the API hangs; it has to end soon after that."""
    stop = Event()

    def wait_and_say() -> None:
        assert fake.is_hanging.wait(SOON)
        say(sender, stop)

    Thread(target=wait_and_say, daemon=True).start()
    begun = monotonic()
    try:
        return sender.send(open_sendgrid(fake, timeout=TIMEOUT), stop=stop).stopped_because
    finally:
        assert monotonic() - begun < SOON


@pytest.mark.parametrize(("say", "because"), SAID)
@pytest.mark.parametrize("trouble", [Trouble.HANG_BEFORE, Trouble.HANG_AFTER])
def test_what_hangs_when_somebody_says_stop_is_called_back_and_sent_by_the_next_send(
    sender: Sender, fake: FakeSendgrid, say: Say, because: StopReason, trouble: Trouble
) -> None:
    sender.promise(40, batch_size=10)
    fake.trouble[SEND].extend([trouble] * 3)
    assert send_until(say, sender, fake) is because
    counts = sender.counts()
    assert counts[Status.PLANNED] >= 30
    assert counts.keys() <= {Status.PLANNED, Status.ACCEPTED}
    fake.trouble.clear()
    sender.deliveries.set_state(MONTH, IssueState.SENDING, now=NOW)
    sender.send(open_sendgrid(fake))
    assert sender.counts() == {Status.ACCEPTED: 40}
    assert readers(fake) == sorted(f"reader-{number}@reader.example" for number in range(40))


def test_what_cannot_be_called_back_either_is_uncertain_and_never_sent_twice(
    sender: Sender, fake: FakeSendgrid
) -> None:
    sender.promise(10, batch_size=10)
    fake.trouble[SEND].append(Trouble.HANG_AFTER)
    fake.trouble[CANCEL].extend([Trouble.HANG_BEFORE] * 2)
    with pytest.raises(TransportError, match="SendGrid does not answer"):
        send_until(lambda _, stop: stop.set(), sender, fake)
    assert sender.counts() == {Status.UNCERTAIN: 10}
    (reason,) = {problem.reason for problem in sender.deliveries.problems(MONTH)}
    assert reason.startswith("no answer before the stop; not cancelled: ")
    sender.send(open_sendgrid(fake))
    assert len(set(readers(fake))) == len(readers(fake)) == 10


def test_an_api_that_names_no_batch_leaves_everybody_planned(
    sender: Sender, fake: FakeSendgrid
) -> None:
    sender.promise(40, batch_size=10)
    fake.trouble[BATCH].extend([Trouble.HANG_BEFORE] * 4)
    with pytest.raises(TransportError, match="SendGrid is in trouble"):
        send_until(lambda _, stop: stop.set(), sender, fake)
    assert sender.counts() == {Status.PLANNED: 40}
    assert fake.calls(SEND) == 0


def test_what_a_dead_sender_left_is_not_asked_about_for_longer_than_that(
    sender: Sender, fake: FakeSendgrid
) -> None:
    sender.promise(10)
    batch = sender.deliveries.claim(MONTH, "dead", transport="sendgrid", now=NOW)
    assert batch is not None
    sender.deliveries.commit(batch, f"batch@{NOW.timestamp():.0f}")
    fake.trouble[CANCEL].extend([Trouble.HANG_BEFORE] * 2)
    with pytest.raises(TransportError, match=r"to cancel .*: no answer before the stop"):
        send_until(lambda _, stop: stop.set(), sender, fake)
    assert sender.counts() == {Status.SENDING: 10}
    sender.send(open_sendgrid(fake))
    assert sender.counts().keys() == {Status.UNCERTAIN}


def by_smtp() -> Transport:
    return open_smtp(25, host="relay.example", timeout=TIMEOUT)


def by_sendgrid() -> Transport:
    client = SendgridClient("https://api.example", "SG.fake", timedelta(seconds=TIMEOUT))
    return Sendgrid(NEWSLETTER, client)


@pytest.mark.parametrize("open_transport", [by_smtp, by_sendgrid])
def test_a_resolver_that_does_not_answer_is_not_waited_for(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, open_transport: Callable[[], Transport]
) -> None:
    sender.promise(10)
    answer, stop = Event(), Event()

    def resolve(*_: object, **__: object) -> None:
        stop.set()
        answer.wait(2 * SOON)
        raise gaierror(EAI_AGAIN, "at last")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    begun = monotonic()
    with pytest.raises(TransportError, match="no answer"):
        sender.send(open_transport(), stop=stop)
    assert monotonic() - begun < SOON
    answer.set()
    assert sender.counts() == {Status.PLANNED: 10}


@pytest.mark.parametrize(
    ("phase", "spares", "counts"),
    [
        (Phase.RCPT, 0, {Status.PLANNED: 10}),
        (Phase.END, 0, {Status.PLANNED: 9, Status.UNCERTAIN: 1}),
        (Phase.MAIL, 1, {Status.PLANNED: 9, Status.ACCEPTED: 1}),
    ],
)
def test_a_mail_server_that_hangs_is_left_too(
    sender: Sender, phase: Phase, spares: int, counts: dict[Status, int]
) -> None:
    """From a message's last byte on nobody knows whether it has been taken; no other is begun."""
    sender.promise(10)
    stop = Event()
    begun = monotonic()
    with ScriptedSmtp({phase: Hang(then=Then.HANG)}, spares=spares) as server:
        Timer(0.5, stop.set).start()
        report = sender.send(open_smtp(server.port, timeout=TIMEOUT), stop=stop)
    assert monotonic() - begun < SOON
    assert report.stopped_because is StopReason.ASKED
    assert sender.counts() == counts
    assert server.connections == 1


def test_a_mail_server_that_does_not_even_greet_is_left_with_its_name(sender: Sender) -> None:
    sender.promise(10)
    stop = Event()
    with ScriptedSmtp({Phase.GREETING: Hang(then=Then.HANG)}) as server:
        Timer(0.5, stop.set).start()
        with pytest.raises(TransportError, match=f"{server.port}: gave no answer before the stop"):
            sender.send(open_smtp(server.port, timeout=TIMEOUT), stop=stop)
    assert sender.counts() == {Status.PLANNED: 10}
