"""What a dispatch leaves behind besides statuses: suppressions, and lines in the log."""

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from newsletter.errors import EverybodyRefused, TransportError
from newsletter.ledger.subscribers import Subscribers
from newsletter.logs import DEBUG, keep_log
from newsletter.model.delivery import DeliveryStatus as Status
from newsletter.model.delivery import Outcome
from newsletter.model.subscriber import SuppressionReason

from .sender import MONTH, NOW, Carrier, Sender

ACCEPTED, REFUSED, RETRY = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.RETRY


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    keep_log(tmp_path / "log", level=DEBUG)
    yield tmp_path / "log/newsletter.log"
    keep_log(tmp_path / "elsewhere")


def told(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("utf-8").splitlines()]


def suppressed(sender: Sender) -> list[SuppressionReason]:
    people = Subscribers(sender.database).iterate()
    return [person.suppression.reason for person in people if person.suppression]


@pytest.mark.parametrize(
    ("words", "are_suppressed"),
    [
        ("550 5.1.1 nobody of that name", True),
        ("553 5.1.3 no such form", True),
        ("550 5.2.2 mailbox full", False),
        ("550 5.7.1 looks like spam", False),
        ("550 no", False),
    ],
)
def test_an_address_that_is_not_there_is_mailed_no_more(
    sender: Sender, words: str, are_suppressed: bool
) -> None:
    sender.promise(20, batch_size=10)
    numbers = count(1)
    sender.send(Carrier(lambda _: ACCEPTED if next(numbers) % 5 else REFUSED, words=words))
    assert sender.counts() == {Status.ACCEPTED: 16, Status.REFUSED: 4}
    assert suppressed(sender) == [SuppressionReason.HARD_BOUNCE] * 4 * are_suppressed


def test_a_server_that_knows_hardly_anybody_has_nobody_suppressed(sender: Sender) -> None:
    sender.promise(30)
    numbers = count(1)
    answer = Carrier(
        lambda _: REFUSED if next(numbers) % 3 else ACCEPTED, words="550 5.1.1 unknown"
    )
    sender.send(answer)
    assert sender.counts() == {Status.ACCEPTED: 10, Status.REFUSED: 20}
    assert suppressed(sender) == []


def test_batches_are_told_as_they_are_claimed_and_recorded(sender: Sender, log: Path) -> None:
    sender.promise(15, batch_size=10)
    sender.send(Carrier(lambda _: ACCEPTED))
    lines = told(log)
    story = [(line["event"], line["batch"], line["deliveries"]) for line in lines]
    assert story == [
        ("batch.claimed", 1, 10),
        ("batch.recorded", 1, 10),
        ("batch.claimed", 2, 5),
        ("batch.recorded", 2, 5),
    ]
    assert {line["level"] for line in lines} == {"debug"}


def test_what_was_taken_over_from_the_dead_is_a_warning(sender: Sender, log: Path) -> None:
    sender.promise(5)
    assert sender.deliveries.claim(MONTH, "dead", now=NOW)
    sender.send(Carrier(lambda _: ACCEPTED), stop=Event())
    (line,) = [line for line in told(log) if line["event"] == "send.recovered"]
    assert (line["level"], line["month"], line["deliveries"]) == ("warning", MONTH, 5)


@pytest.mark.parametrize(
    ("outcome", "words", "error"),
    [
        (REFUSED, "554 5.7.1 <{}@reader.example> is blocked", EverybodyRefused),
        (RETRY, "451 4.3.0 <{}@reader.example> try later", TransportError),
    ],
)
def test_why_it_was_broken_off_is_an_error_that_names_nobody(
    sender: Sender, log: Path, outcome: Outcome, words: str, error: type[Exception]
) -> None:
    sender.promise(40, batch_size=2)
    with pytest.raises(error):
        sender.send(Carrier(lambda _: outcome, words=words))
    (line,) = [line for line in told(log) if line["event"] == "send.broken"]
    assert line["level"] == "error"
    assert words.split(" <", maxsplit=1)[0] in line["reason"]
    assert "@" not in log.read_text("utf-8")
