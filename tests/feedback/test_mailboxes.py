"""The mailbox that failed mail returns to is read once, and what it says is done."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from newsletter.bounces import BounceCounts, Bounces
from newsletter.errors import TransportError
from newsletter.ledger.database import Database
from newsletter.model.delivery import DeliveryStatus as S
from newsletter.model.feedback import FeedbackCounts
from newsletter.transports.smtp.bounces import LONGEST, Returns
from newsletter.transports.smtp.imap import Imap
from newsletter.transports.smtp.mailboxes import Mailbox, Maildir
from newsletter.transports.smtp.relay import Protection, Relay
from tests.fakes import imap_server
from tests.fakes.imap_server import FOLDER, PASSWORD, USERNAME, ImapServer

from . import returned
from .returned import VERP
from .world import LIST_ID, MONTH, NOW, World

SOON = NOW + timedelta(days=1)


class Box:
    """A Maildir that messages are delivered to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for folder in ("new", "cur", "tmp"):
            (path / folder).mkdir(parents=True)

    def put(self, *messages: bytes, folder: str = "new", flags: str = "") -> None:
        for message in messages:
            number = len(self.names("new") + self.names("cur"))
            path = self.path / folder / f"16685208{number:02}.M1P2.relay{flags}"
            path.write_bytes(message)
            os.utime(path, (NOW.timestamp(), NOW.timestamp()))

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.path / folder).iterdir())

    def flags(self) -> list[str]:
        return [name.partition(":2,")[2] for name in self.names("cur")]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path / "Maildir")


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[World]:
    database = Database.open("sqlite:///newsletter.db", base=tmp_path)
    yield World(database)
    database.close()


def read(world: World, mailbox: Mailbox) -> BounceCounts:
    bounces = Bounces(world.ledger, world.feedback, Returns(LIST_ID, VERP))
    return bounces.read(mailbox, now=SOON)


def test_a_mailbox_of_everything_is_taken_in_and_the_second_run_does_nothing(
    sqlite: World, box: Box
) -> None:
    emails = sqlite.subscribe(5)
    gone, full, angry, slow, _ = sent = sqlite.send()
    box.put(
        returned.postfix(delivery=gone),
        returned.gmail(full),
        returned.complaint(angry),
        returned.postfix(delivery=slow, action="delayed", status="4.4.1"),
        returned.vacation(sent[4]),
        returned.letter(sent[4]),
        returned.exim(),
    )
    counts = read(sqlite, Maildir(box.path))
    assert counts == BounceCounts(
        messages=7,
        reports=5,
        automatic=1,
        letters=1,
        feedback=FeedbackCounts(taken=4, unknown=1, suppressed=2),
    )
    assert [sqlite.status(delivery) for delivery in sent] == [
        *(S.BOUNCED, S.BOUNCED, S.COMPLAINED, S.DEFERRED, S.ACCEPTED)
    ]
    assert sqlite.mailable() == [emails[1], emails[3], emails[4]]
    assert box.names("new") == []
    assert box.flags() == ["S", "S", "S", "S", "S", "FS", "S"]
    assert read(sqlite, Maildir(box.path)) == BounceCounts()


def test_what_a_mail_program_moved_but_nobody_read_is_read(sqlite: World, box: Box) -> None:
    sqlite.subscribe(2)
    first, second = sqlite.send()
    box.put(returned.postfix(delivery=first), folder="cur", flags=":2,")
    box.put(returned.postfix(delivery=second), folder="cur", flags=":2,RS")
    assert read(sqlite, Maildir(box.path)).messages == 1
    assert [sqlite.status(delivery) for delivery in (first, second)] == [S.BOUNCED, S.ACCEPTED]
    assert box.flags() == ["S", "RS"]


def test_a_report_read_again_after_a_crash_counts_once(sqlite: World, box: Box) -> None:
    sqlite.subscribe(1)
    [delivery] = sqlite.send()
    box.put(returned.postfix(delivery=delivery))
    read(sqlite, Maildir(box.path))
    box.put(returned.postfix(delivery=delivery))
    assert read(sqlite, Maildir(box.path)).feedback == FeedbackCounts(repeated=1)


def test_more_messages_than_are_taken_together_and_a_huge_one(sqlite: World, box: Box) -> None:
    sqlite.subscribe(250)
    sent = sqlite.send()
    for delivery in sent:
        box.put(
            returned.postfix(delivery=delivery) + b"x" * (5 * LONGEST if delivery == sent[0] else 1)
        )
    assert read(sqlite, Maildir(box.path)).feedback == FeedbackCounts(taken=250, suppressed=250)
    assert sqlite.ledger.deliveries.counts(MONTH) == {S.BOUNCED: 250}


def test_a_report_that_names_an_address_alone_silences_nobody_at_once(
    sqlite: World, box: Box
) -> None:
    """Anybody can write one about anybody."""
    [email] = sqlite.subscribe(1)
    for month in range(1, 6):
        assert sqlite.mailable() == [email]
        [delivery] = sqlite.send(f"2023-{month:02}")
        box.put(returned.postfix(returned=""), returned.complaint(returned=""))
        feedback = read(sqlite, Maildir(box.path)).feedback
        assert (feedback.taken, feedback.unknown) == (1, 1)
        assert sqlite.status(delivery, f"2023-{month:02}") is S.BOUNCED
    assert sqlite.mailable() == []


def test_a_report_of_an_address_that_was_not_sent_to_of_late_is_unknown(
    sqlite: World, box: Box
) -> None:
    sqlite.subscribe(1)
    sqlite.send()
    box.put(returned.postfix(returned=""), returned.postfix(returned="", reader="not an address"))
    bounces = Bounces(sqlite.ledger, sqlite.feedback, Returns(LIST_ID))
    counts = bounces.read(Maildir(box.path), now=NOW + timedelta(days=30))
    assert counts.feedback == FeedbackCounts(unknown=2)


def test_a_folder_that_is_no_maildir_is_refused_by_name(sqlite: World, tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="no Maildir") as caught:
        read(sqlite, Maildir(tmp_path / "nowhere"))
    assert str(tmp_path / "nowhere") in str(caught.value)


# IMAP


@pytest.fixture(scope="module")
def server() -> Iterator[ImapServer]:
    with imap_server.running() as server:
        yield server


def account(port: int, password: str = PASSWORD) -> Relay:
    return Relay("127.0.0.1", port, Protection.NONE, USERNAME, password)


def test_a_folder_on_an_imap_server_is_read_once(sqlite: World, server: ImapServer) -> None:
    [email, other] = sqlite.subscribe(2)
    first, second = sqlite.send()
    big = returned.postfix(delivery=first) + (b"x" * 900 + b"\n") * 300
    server.put(big, returned.vacation(second), returned.letter(second))
    seconds = timedelta(seconds=10)
    with Imap.open(account(server.port), FOLDER, seconds) as mailbox:
        counts = read(sqlite, mailbox)
    assert (counts.messages, counts.automatic, counts.letters) == (3, 1, 1)
    assert counts.feedback == FeedbackCounts(taken=1, suppressed=1)
    assert sqlite.mailable() == [other]
    assert sqlite.reader(email).suppression
    seen, flagged = {rb"\Seen"}, {rb"\Seen", rb"\Flagged"}
    assert server.flags() == [seen, seen, flagged]
    with Imap.open(account(server.port), FOLDER, seconds) as mailbox:
        assert read(sqlite, mailbox) == BounceCounts()


@pytest.mark.parametrize(
    ("password", "folder", "words"),
    [("wrong", FOLDER, "(?i)auth"), (PASSWORD, "Nothing here", "(?i)mailbox")],
)
def test_a_server_that_does_not_let_us_in_is_named_with_its_words(
    server: ImapServer, password: str, folder: str, words: str
) -> None:
    relay = account(server.port, password)
    with (
        pytest.raises(TransportError, match=words) as caught,
        Imap.open(relay, folder, timedelta(seconds=10)),
    ):
        pytest.fail("it let us in")
    assert relay.place in str(caught.value)


def test_a_server_that_is_not_there_or_not_private_is_named(server: ImapServer) -> None:
    for relay in (
        account(1),
        Relay("127.0.0.1", server.port, Protection.TLS, USERNAME, PASSWORD),
        Relay("127.0.0.1", server.port, Protection.STARTTLS, USERNAME, PASSWORD),
    ):
        with (
            pytest.raises(TransportError, match=relay.place),
            Imap.open(relay, FOLDER, timedelta(seconds=5)),
        ):
            pytest.fail("it let us in")
