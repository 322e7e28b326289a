"""Against SendGrid itself, in its sandbox: everything is checked there and nothing is sent."""

import os
from collections.abc import Iterator
from datetime import timedelta

import pytest

from newsletter.model.delivery import Outcome, Receipt
from newsletter.transports.sendgrid.client import SendgridClient
from newsletter.transports.sendgrid.transport import Sendgrid
from tests.fakes.newsletters import NEWSLETTER
from tests.fakes.sendgrid_letters import Sender, message, messages

KEY = os.environ.get("NEWSLETTER_TEST_SENDGRID_KEY", "")

pytestmark = pytest.mark.skipif(not KEY, reason="NEWSLETTER_TEST_SENDGRID_KEY is not set")


@pytest.fixture
def sender() -> Iterator[Sender]:
    client = SendgridClient("https://api.sendgrid.com", KEY, timedelta(seconds=30))
    transport = Sendgrid(NEWSLETTER, client, is_sandbox=True)
    yield Sender(transport)
    transport.close()


def test_sendgrid_takes_our_requests(sender: Sender) -> None:
    assert sender.send(messages(3)) == [
        Receipt(m.personalisation.delivery_id, Outcome.ACCEPTED) for m in messages(3)
    ]


def test_sendgrid_names_the_address_that_it_refuses(sender: Sender) -> None:
    receipts = sender.send([message(0), message(1, email="no-domain")])
    assert [receipt.outcome for receipt in receipts] == [Outcome.ACCEPTED, Outcome.REFUSED]


def test_sendgrid_cancels_a_batch_however_often_one_asks(sender: Sender) -> None:
    sender.send(messages(1))
    assert sender.transport.can_repeat(sender.committed[0])
    assert sender.transport.can_repeat(sender.committed[0])
