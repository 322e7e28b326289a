import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from newsletter.errors import LedgerError, TransportError
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Message
from newsletter.transports.base import Throttled, Transport
from tests.fakes.newsletters import NEWSLETTER
from tests.fakes.sendgrid_account import BATCH, SEND
from tests.fakes.sendgrid_letters import (
    Sender,
    addresses,
    message,
    messages,
    open_sendgrid,
    outcomes,
    readers,
)
from tests.fakes.sendgrid_server import FakeSendgrid, Trouble

ACCEPTED, REFUSED = Outcome.ACCEPTED, Outcome.REFUSED


@pytest.fixture
def fake() -> Iterator[FakeSendgrid]:
    with FakeSendgrid(verified_sender=NEWSLETTER.sender.email) as fake:
        yield fake


def opened(fake: FakeSendgrid) -> Transport:
    return open_sendgrid(fake)


def test_a_batch_is_one_request_and_everybody_gets_theirs(fake: FakeSendgrid) -> None:
    batch = messages(1000)
    transport = opened(fake)
    sender = Sender(transport)
    receipts = sender.send(batch)
    transport.close()
    assert receipts == [Receipt(m.personalisation.delivery_id, ACCEPTED) for m in batch]
    assert [path for path, _ in fake.requests] == [BATCH, SEND]
    assert readers(fake) == addresses(batch)
    email = fake.delivered[7]
    assert email.custom_args["delivery_id"] == batch[7].personalisation.delivery_id
    assert email.headers["List-Unsubscribe"] == f"<{batch[7].personalisation.unsubscribe_url}>"
    assert email.headers["List-Id"] == "Research Digest <digest.news.example>"
    assert email.text.startswith("Dear Anna Bell,\n\nLeave: https://news.example/unsubscribe/")


def test_the_batch_is_committed_before_it_is_given_in_and_leaves_later(fake: FakeSendgrid) -> None:
    seen = []

    def commit(name: str) -> None:
        seen.append((name, fake.calls(SEND)))

    assert outcomes(open_sendgrid(fake).send(messages(3), commit)) == [ACCEPTED] * 3
    ((name, calls),) = seen
    body = fake.requests[-1][1]
    assert (name, calls) == (f"{body['batch_id']}@{body['send_at']}", 0)
    assert fake.delivered == []
    fake.advance(timedelta(minutes=21))
    assert len(fake.delivered) == 3


@pytest.mark.parametrize("batch", [[], [message(1, email="zoë@reader.example")]])
def test_nothing_is_asked_where_there_is_nothing_to_send(
    fake: FakeSendgrid, batch: list[Message]
) -> None:
    assert len(Sender(opened(fake)).send(batch)) == len(batch)
    assert fake.requests == []


def test_what_cannot_be_committed_is_not_sent(fake: FakeSendgrid) -> None:
    def commit(_: str) -> None:
        raise LedgerError("another sender has taken the batch over")

    with pytest.raises(LedgerError):
        list(open_sendgrid(fake).send(messages(3), commit))
    assert fake.calls(SEND) == 0


def test_without_a_ledger_a_message_leaves_at_once(fake: FakeSendgrid) -> None:
    assert outcomes(open_sendgrid(fake).send(messages(1))) == [ACCEPTED]
    assert [email.to for email in fake.delivered] == ["reader-0@reader.example"]
    assert fake.calls(BATCH) == 0


def test_the_sandbox_checks_and_sends_nothing(fake: FakeSendgrid) -> None:
    transport = open_sendgrid(fake, is_sandbox=True)
    assert outcomes(Sender(transport).send(messages(2))) == [ACCEPTED] * 2
    assert readers(fake) == []


def test_what_is_too_large_goes_in_parts(fake: FakeSendgrid) -> None:
    fake.size_limit = 12_000
    batch = messages(40)
    assert outcomes(Sender(opened(fake)).send(batch)) == [ACCEPTED] * 40
    assert readers(fake) == addresses(batch)


def test_more_than_a_thousand_go_in_several_requests_of_one_batch(fake: FakeSendgrid) -> None:
    batch = messages(2001)
    sender = Sender(opened(fake))
    assert outcomes(sender.send(batch)) == [ACCEPTED] * 2001
    assert (len(sender.committed), fake.calls(SEND)) == (1, 3)
    assert readers(fake) == addresses(batch)


@pytest.mark.parametrize("path", [BATCH, SEND])
def test_too_many_requests_wait_until_sendgrid_lets_us_go_on(fake: FakeSendgrid, path: str) -> None:
    fake.trouble[path].extend([Trouble.TOO_MANY] * 2)
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        fake.advance(timedelta(seconds=seconds))

    assert outcomes(Sender(open_sendgrid(fake, wait=wait)).send(messages(2))) == [ACCEPTED] * 2
    assert waited == [2.0, 2.0]
    assert len(readers(fake)) == 2


def test_an_answer_may_take_its_time(fake: FakeSendgrid) -> None:
    fake.trouble[SEND].append(Trouble.SLOW_AFTER)
    assert outcomes(Sender(opened(fake)).send(messages(2))) == [ACCEPTED] * 2


@pytest.mark.parametrize("path", [BATCH, SEND])
def test_a_limit_that_lasts_longer_is_the_senders_to_wait_for(
    fake: FakeSendgrid, path: str
) -> None:
    fake.reset_seconds = 60
    fake.trouble[path].append(Trouble.TOO_MANY)
    sender = Sender(opened(fake))
    with pytest.raises(Throttled, match="429 too many requests") as throttled:
        sender.send(messages(2))
    assert (throttled.value.wait, sender.receipts) == (timedelta(seconds=60), {})
    assert outcomes(sender.send(messages(2))) == [ACCEPTED] * 2
    assert len(readers(fake)) == 2


def test_who_was_taken_before_a_limit_stays_taken(fake: FakeSendgrid) -> None:
    fake.reset_seconds = 60
    fake.trouble[SEND].extend([Trouble.TOO_LARGE, Trouble.NONE, Trouble.TOO_MANY])
    sender = Sender(opened(fake))
    with pytest.raises(Throttled):
        sender.send(messages(10))
    assert outcomes(sender.receipts.values()) == [ACCEPTED] * 5
    left = [m for m in messages(10) if m.personalisation.delivery_id not in sender.receipts]
    assert outcomes(sender.send(left)) == [ACCEPTED] * 5
    assert readers(fake) == addresses(messages(10))


@pytest.mark.parametrize("trouble", [Trouble.ERROR_BEFORE, Trouble.CLOSE_BEFORE])
def test_a_batch_id_that_does_not_come_is_asked_for_again(
    fake: FakeSendgrid, trouble: Trouble
) -> None:
    fake.trouble[BATCH].append(trouble)
    sender = Sender(opened(fake))
    assert outcomes(sender.send(messages(2))) == [ACCEPTED] * 2
    assert len(sender.committed) == 1


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble.ERROR_BEFORE, "503 service not available"),
        (Trouble.CLOSE_BEFORE, "Remote end closed connection"),
        (Trouble.HANG_BEFORE, "no answer in time"),
    ],
)
def test_a_provider_that_is_down_closes_the_way(
    fake: FakeSendgrid, trouble: Trouble, words: str
) -> None:
    fake.choose_trouble = lambda _: trouble
    sender = Sender(open_sendgrid(fake, timeout=0.1, patience=2))
    with pytest.raises(TransportError, match=f"^SendGrid is in trouble: {words}"):
        sender.send(messages(2))
    assert (sender.receipts, sender.committed, fake.calls(SEND)) == ({}, [], 0)


def test_the_connection_is_kept_and_opened_anew_when_the_other_side_has_closed_it(
    fake: FakeSendgrid,
) -> None:
    transport = open_sendgrid(fake)
    for number in range(3):
        assert outcomes(transport.send([message(number)])) == [ACCEPTED]
    assert fake.connections == 1
    fake.drop_connections()
    assert outcomes(transport.send([message(4)])) == [ACCEPTED]
    assert fake.connections == 2


def test_neither_key_nor_address_is_ever_logged(
    fake: FakeSendgrid, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    Sender(opened(fake)).send(messages(2))
    assert caplog.text == ""
