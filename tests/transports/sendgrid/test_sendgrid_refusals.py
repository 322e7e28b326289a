from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome
from newsletter.transports.base import Transport
from newsletter.transports.sendgrid.client import SendgridClient
from newsletter.transports.sendgrid.transport import Sendgrid
from tests.fakes.authority import Authority
from tests.fakes.newsletters import NEWSLETTER
from tests.fakes.sendgrid_account import BATCH, SEND
from tests.fakes.sendgrid_letters import (
    RENDERED,
    Sender,
    addresses,
    message,
    messages,
    open_sendgrid,
    outcomes,
    readers,
)
from tests.fakes.sendgrid_server import FakeSendgrid, Trouble

ACCEPTED, REFUSED, RETRY = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.RETRY


@pytest.fixture
def fake() -> Iterator[FakeSendgrid]:
    with FakeSendgrid(verified_sender=NEWSLETTER.sender.email) as fake:
        yield fake


def opened(fake: FakeSendgrid) -> Transport:
    return open_sendgrid(fake)


def test_a_bad_address_is_refused_alone_with_the_words_of_the_api(fake: FakeSendgrid) -> None:
    batch = messages(5)
    batch[0] = message(0, email="no-domain")
    batch[3] = message(3, email="a b@reader.example")
    receipts = Sender(opened(fake)).send(batch)
    assert outcomes(receipts) == [REFUSED, ACCEPTED, ACCEPTED, REFUSED, ACCEPTED]
    assert receipts[0].detail == "400 Does not contain a valid address."
    assert fake.calls(SEND) == 2
    assert readers(fake) == addresses([batch[1], batch[2], batch[4]])


def test_a_batch_of_bad_addresses_only_is_refused(fake: FakeSendgrid) -> None:
    batch = [message(number, email=f"{number}") for number in range(3)]
    assert outcomes(Sender(opened(fake)).send(batch)) == [REFUSED] * 3


@pytest.mark.parametrize("bad", [{0}, {999}, {1, 500, 501}, {0, 1}])
def test_those_whom_no_field_names_are_found_by_halves(fake: FakeSendgrid, bad: set[int]) -> None:
    batch = messages(1000)
    unwanted = {batch[number].personalisation.delivery_id for number in bad}
    fake.refuses = lambda person: person["custom_args"]["delivery_id"] in unwanted
    receipts = Sender(opened(fake)).send(batch)
    assert {r.delivery_id for r in receipts if r.outcome is REFUSED} == unwanted
    assert {r.detail for r in receipts} == {"", "400 Bad Request"}
    assert readers(fake) == addresses(m for n, m in enumerate(batch) if n not in bad)
    assert fake.calls(SEND) <= 1 + 20 * len(bad)
    assert fake.calls(BATCH) == 1


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_where_nobody_goes_through_nobody_is_written_off(fake: FakeSendgrid, size: int) -> None:
    fake.refuses = lambda _: True
    sender = Sender(opened(fake))
    with pytest.raises(TransportError, match=r"^SendGrid answers 400 Bad Request$"):
        sender.send(messages(size))
    assert sender.receipts == {}
    assert fake.calls(SEND) <= 20


def test_an_address_that_stands_twice_gets_one_message(fake: FakeSendgrid) -> None:
    batch = [message(1, email="anna@reader.example"), message(2, email="Anna@Reader.example")]
    receipts = Sender(opened(fake)).send(batch)
    assert outcomes(receipts) == [ACCEPTED, REFUSED]
    assert readers(fake) == ["anna@reader.example"]


def test_an_address_that_sendgrid_would_drop_later_is_refused_now(fake: FakeSendgrid) -> None:
    batch = [message(1, email="zoë@reader.example"), message(2, email="zoe@bücher.example")]
    assert outcomes(Sender(opened(fake)).send(batch)) == [REFUSED, ACCEPTED]
    assert readers(fake) == ["zoe@xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("name", "outcome"), [("é" * 2000, ACCEPTED), ("é" * 2600, REFUSED), ("x" * 5000, REFUSED)]
)
def test_merge_fields_beyond_the_limit_are_refused_before(
    fake: FakeSendgrid, name: str, outcome: Outcome
) -> None:
    batch = [message(1, name=name), message(2)]
    assert outcomes(Sender(opened(fake)).send(batch)) == [outcome, ACCEPTED]
    assert fake.calls(SEND) == 1


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (Trouble.CREDITS, r"SENDGRID_API_KEY: SendGrid answers 401 Maximum credits exceeded"),
        (Trouble.FORBIDDEN_PAGE, r"SendGrid answers 403 Forbidden; .*digest@news.example must"),
        (Trouble.REDIRECT, r"base_url: answers 302 Found, which SendGrid never does"),
        (Trouble.TOO_LARGE, r"SendGrid answers 413 content too large"),
    ],
)
@pytest.mark.parametrize("path", [BATCH, SEND])
def test_what_is_not_about_a_recipient_closes_the_way(
    fake: FakeSendgrid, path: str, trouble: Trouble, words: str
) -> None:
    fake.trouble[path].append(trouble)
    sender = Sender(opened(fake))
    with pytest.raises(TransportError, match=words):
        sender.send(messages(1))
    assert (sender.receipts, readers(fake)) == ({}, [])


def test_a_wrong_key_is_named_by_its_variable_and_never_shown(fake: FakeSendgrid) -> None:
    with pytest.raises(TransportError, match=r"^SENDGRID_API_KEY: .* 401 The provided") as refusal:
        Sender(open_sendgrid(fake, key="SG.wrong-key")).send(messages(3))
    assert "wrong-key" not in str(refusal.value)


def test_a_sender_that_is_not_verified_is_named(fake: FakeSendgrid) -> None:
    fake.verified_sender = "somebody@else.example"
    sender = Sender(opened(fake))
    with pytest.raises(TransportError, match=r"403 The from address .* digest@news.example must"):
        sender.send(messages(3))
    assert sender.receipts == {}


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        ({"own_headers": {"X-SG-EID": "1"}}, "400 X-SG-EID may not be set."),
        ({"shared_headers": {"Subject": "Mine"}}, "400 Subject may not be set."),
        ({"variant": replace(RENDERED, subject="")}, "400 The subject is required."),
    ],
)
def test_a_fault_that_is_ours_is_nobodys(
    fake: FakeSendgrid, ours: dict[str, Any], words: str
) -> None:
    sender = Sender(opened(fake))
    with pytest.raises(TransportError, match=f"^SendGrid answers {words}$"):
        sender.send([given._replace(**ours) for given in messages(3)])
    assert (sender.receipts, fake.calls(SEND)) == ({}, 1)


def test_a_page_in_place_of_a_batch_id_is_not_sendgrid(fake: FakeSendgrid) -> None:
    fake.trouble[BATCH].append(Trouble.HTML_AFTER)
    with pytest.raises(TransportError, match=r"base_url: answers 200 OK, which SendGrid never"):
        Sender(opened(fake)).send(messages(2))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:9", "Connection refused"),
        ("http://nowhere.invalid", "[Nn]ame|hostname"),
        ("https://{fake}", "SSL|wrong version number|record layer"),
    ],
)
def test_a_server_that_cannot_be_reached_closes_the_way(
    fake: FakeSendgrid, url: str, words: str
) -> None:
    address = url.format(fake=fake.url.removeprefix("http://"))
    client = SendgridClient(address, "SG.fake", timedelta(seconds=2))
    sender = Sender(Sendgrid(NEWSLETTER, client))
    with pytest.raises(TransportError, match=f"SendGrid cannot be reached: .*({words})"):
        sender.send(messages(2))
    assert sender.receipts == {}


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (9, "SENDGRID_API_KEY: SendGrid answers 401"),
        (-1, "SendGrid cannot be reached: it has no valid certificate: certificate has expired"),
    ],
)
def test_the_key_is_shown_to_nobody_without_a_valid_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int, words: str
) -> None:
    authority = Authority(tmp_path)
    for name, value in authority.environ.items():
        monkeypatch.setenv(name, value)
    with FakeSendgrid(tls=authority.server(expires_in=timedelta(days=days))) as fake:
        client = SendgridClient(fake.url, "SG.another", timedelta(seconds=9))
        with closing(client), pytest.raises(TransportError, match=f"^{words}"):
            Sender(Sendgrid(NEWSLETTER, client)).send(messages(2))


def test_a_page_in_place_of_an_answer_is_not_sendgrids_and_writes_nobody_off(
    fake: FakeSendgrid,
) -> None:
    """Whoever says it may have passed the request on: it is called back, to be sent again."""
    fake.trouble[SEND].append(Trouble.HTML_AFTER)
    receipts = Sender(opened(fake)).send(messages(2))
    words = "[transport.sendgrid] base_url: answers 200 OK, which SendGrid never does"
    assert {(receipt.outcome, receipt.detail) for receipt in receipts} == {(RETRY, words)}
    assert readers(fake) == []
