"""The same send through a real SMTP server and through a stand-in for SendGrid's API."""

import json
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from socket import socket

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.acceptance.conftest import Folder
from tests.fakes.sendgrid_server import FakeSendgrid


class Mailbox:
    """Keeps what an SMTP server takes; addresses may be refused, for good or for now."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.refusals: dict[str, list[str]] = {}

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        if answers := self.refusals.get(address):
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def by_smtp(subscribed: Folder, mailbox: Mailbox) -> Iterator[Folder]:
    """The example list, to be sent to through a real SMTP server on this machine."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    subscribed.edit("config.toml", 'use = "outbox"', 'use = "smtp"')
    subscribed.edit(
        "config.toml",
        '# host = "smtp.example.org"\nsecurity = "starttls"',
        f'host = "127.0.0.1"\nport = {port}\nsecurity = "none"',
    )
    yield subscribed
    controller.stop()


def test_an_smtp_server_gets_every_email_once(by_smtp: Folder, mailbox: Mailbox) -> None:
    by_smtp.ok("send", "2022-11", "--yes")

    assert len(mailbox.messages) == len({m["Message-ID"] for m in mailbox.messages}) == 22
    status = json.loads(by_smtp.ok("status", "2022-11", "--json"))
    assert (status["state"], status["deliveries"]) == ("finished", {"accepted": 22})


def test_a_refused_recipient_is_a_problem_with_the_servers_words(
    by_smtp: Folder, mailbox: Mailbox
) -> None:
    (by_smtp.path / "two.csv").write_text("email\nno@b.example\nlater@b.example\n", "utf-8")
    by_smtp.ok("subscribers", "import", "two.csv")
    mailbox.refusals = {
        "no@b.example": ["550 5.1.1 nobody here"],
        "later@b.example": ["451 4.7.1 greylisted"],
    }
    by_smtp.ok("send", "2022-11", "--yes")

    status = json.loads(by_smtp.ok("status", "2022-11", "--json"))
    assert status["deliveries"] == {"accepted": 23, "refused": 1}
    (problem,) = status["problems"]
    assert problem["email"] == "no@b.example"
    assert "550 5.1.1 nobody here" in problem["reason"]


def test_an_unreachable_server_writes_nobody_off(by_smtp: Folder) -> None:
    text = (by_smtp.path / "config.toml").read_text("utf-8")
    closed = next(line for line in text.splitlines() if line.startswith("port = "))
    by_smtp.edit("config.toml", closed, "port = 1")

    assert "127.0.0.1:1" in by_smtp.refused("send", "2022-11", "--yes")
    status = json.loads(by_smtp.ok("status", "2022-11", "--json"))
    assert status["deliveries"] == {"planned": 22}
    assert not (by_smtp.path / "archive/2022-11").exists()


def test_sendgrid_delivers_every_email_once_at_its_time(subscribed: Folder) -> None:
    with FakeSendgrid() as fake:
        subscribed.edit("config.toml", 'use = "outbox"', 'use = "sendgrid"')
        subscribed.edit(
            "config.toml",
            "\n[transport.sendgrid]\n",
            f'\n[transport.sendgrid]\nbase_url = "{fake.url}"\n',
        )
        subscribed.environ["SENDGRID_API_KEY"] = "SG.fake"
        subscribed.ok("send", "2022-11", "--yes")
        fake.advance(timedelta(hours=1))

        assert len(fake.delivered) == len({one.to for one in fake.delivered}) == 22
    status = json.loads(subscribed.ok("status", "2022-11", "--json"))
    assert status["deliveries"] == {"accepted": 22}


def test_a_missing_key_is_named_and_nobody_is_written_off(subscribed: Folder) -> None:
    subscribed.edit("config.toml", 'use = "outbox"', 'use = "sendgrid"')
    subscribed.environ.pop("SENDGRID_API_KEY", None)
    assert "SENDGRID_API_KEY" in subscribed.refused("send", "2022-11", "--yes")
