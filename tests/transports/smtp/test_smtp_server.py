"""Through a real SMTP server: what it gets is what was meant, and only if it is who it says."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from socket import create_server
from ssl import SSLContext, create_default_context
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model.delivery import Outcome, Receipt
from newsletter.transports.smtp.relay import Protection
from tests.fakes.authority import Authority
from tests.fakes.smtp_letters import CONTENT, attempt, message, open_smtp, outcomes

ACCEPTED, REFUSED, RETRY = Outcome.ACCEPTED, Outcome.REFUSED, Outcome.RETRY
DAYS = timedelta(days=9)
RIGHT, WRONG = "right", "wrong"


class Mailbox:
    """What a server took: envelopes, with the content as it came."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.sessions: set[int] = set()
        self.logins: list[tuple[str, bytes]] = []
        self.refusals: dict[str, list[str]] = {}

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _: list[str]
    ) -> str:
        if answers := self.refusals.get(address):
            return answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.envelopes.append(envelope)
        self.sessions.add(id(session))
        return "250 OK"

    def log_in(self, _server: SMTP, _session: Session, _: Envelope, how: str, who: Any) -> Any:  # noqa: ANN401 - aiosmtpd's types
        assert isinstance(who, LoginPassword)
        self.logins.append((how, who.password))
        return AuthResult(success=who == LoginPassword(b"digest", b"right"), handled=False)


@contextmanager
def serving(
    mailbox: Mailbox,
    *,
    implicit: SSLContext | None = None,
    host: str = "127.0.0.1",
    **options: Any,  # noqa: ANN401 - aiosmtpd's own
) -> Iterator[int]:
    """The port of a server with a mailbox behind it."""
    with create_server((host, 0)) as free:
        port: int = free.getsockname()[1]
    controller = Controller(mailbox, host, port, ssl_context=implicit, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def trusting(authority: Authority) -> SSLContext:
    return create_default_context(cafile=authority.path)


def private(
    mailbox: Mailbox,
    protection: Protection,
    tls: SSLContext,
    **options: Any,  # noqa: ANN401 - aiosmtpd's own
) -> AbstractContextManager[int]:
    """A server protected in that way."""
    if protection is Protection.TLS:
        return serving(mailbox, implicit=tls, auth_require_tls=False, **options)
    return serving(mailbox, tls_context=tls, require_starttls=True, **options)


BOTH = pytest.mark.parametrize("protection", [Protection.STARTTLS, Protection.TLS])


@BOTH
@pytest.mark.parametrize(("left_out", "used"), [("LOGIN", "PLAIN"), ("PLAIN", "LOGIN")])
def test_everybody_gets_theirs_byte_for_byte_from_their_own_sender(  # noqa: PLR0917 - fixtures, parameters
    mailbox: Mailbox,
    authority: Authority,
    trusting: SSLContext,
    protection: Protection,
    left_out: str,
    used: str,
) -> None:
    options = {"authenticator": mailbox.log_in, "auth_exclude_mechanism": [left_out]}
    with private(mailbox, protection, authority.server(expires_in=DAYS), **options) as port:
        transport = open_smtp(
            port, protection=protection, tls=trusting, username="digest", password=RIGHT
        )
        for half in (range(3), range(3, 6)):
            batch = [message(n, email=f"reader-{n}@reader.example") for n in half]
            receipts = list(transport.send(batch))
            assert receipts == [Receipt(f"delivery-{n}", ACCEPTED) for n in half]
        transport.close()
    assert [(e.mail_from, e.rcpt_tos, e.original_content) for e in mailbox.envelopes] == [
        (f"bounces+delivery-{n}@list.example", [f"reader-{n}@reader.example"], CONTENT)
        for n in range(6)
    ]
    assert mailbox.logins == [(used, b"right")]
    assert len(mailbox.sessions) == 1


@BOTH
@pytest.mark.parametrize("left_out", ["LOGIN", "PLAIN"])
def test_a_wrong_password_is_tried_once_and_writes_nobody_off(
    mailbox: Mailbox,
    authority: Authority,
    trusting: SSLContext,
    protection: Protection,
    left_out: str,
) -> None:
    options = {"authenticator": mailbox.log_in, "auth_exclude_mechanism": [left_out]}
    with private(mailbox, protection, authority.server(expires_in=DAYS), **options) as port:
        results = attempt(
            open_smtp(
                port,
                protection=protection,
                tls=trusting,
                username="digest",
                password=WRONG,
                connections=5,
            ),
            *map(message, range(9)),
        )
    (result,) = results
    assert result == (
        f"127.0.0.1:{port}: does not let us in; look at username and SMTP_PASSWORD: "
        "535 5.7.8 Authentication credentials invalid"
    )
    assert len(mailbox.logins) == 1


@BOTH
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("expired", "has no valid certificate: certificate has expired"),
        ("stranger", "has no valid certificate: unable to get local issuer certificate"),
        ("another host", "has no valid certificate: IP address mismatch, certificate is not valid"),
    ],
)
def test_a_server_that_cannot_prove_who_it_is_hears_nothing(  # noqa: PLR0917 - fixtures, parameters
    mailbox: Mailbox,
    authority: Authority,
    trusting: SSLContext,
    protection: Protection,
    fault: str,
    words: str,
) -> None:
    host = "127.0.0.2" if fault == "another host" else "127.0.0.1"
    tls = authority.server(expires_in=-DAYS if fault == "expired" else DAYS)
    options = {"authenticator": mailbox.log_in, "host": host}
    with private(mailbox, protection, tls, **options) as port:
        transport = open_smtp(
            port,
            host=host,
            protection=protection,
            tls=create_default_context() if fault == "stranger" else trusting,
            username="digest",
            password=RIGHT,
        )
        (result,) = attempt(transport, message(0), message(1))
    assert str(result).startswith(f"{host}:{port}: {words}")
    assert (mailbox.logins, mailbox.envelopes) == ([], [])


def test_a_server_without_starttls_gets_neither_password_nor_message(mailbox: Mailbox) -> None:
    with serving(mailbox, authenticator=mailbox.log_in, auth_require_tls=False) as port:
        transport = open_smtp(
            port, protection=Protection.STARTTLS, username="digest", password=RIGHT
        )
        (result,) = attempt(transport, message())
    assert result == f"127.0.0.1:{port}: offers no STARTTLS, so nothing was sent to it"
    assert (mailbox.logins, mailbox.envelopes) == ([], [])


def test_tls_with_a_server_that_speaks_in_clear_is_one_clear_line(mailbox: Mailbox) -> None:
    with serving(mailbox) as port:
        (result,) = attempt(open_smtp(port, protection=Protection.TLS), message())
    assert str(result).startswith(f"127.0.0.1:{port}: does not get on with us in TLS: ")


def test_an_international_address_travels_by_smtputf8(mailbox: Mailbox) -> None:
    with serving(mailbox, enable_SMTPUTF8=True) as port:
        transport = open_smtp(port)
        results = attempt(transport, message(0, email="zoë@bücher.example"), message(1))
    assert results == [Receipt("delivery-0", ACCEPTED), Receipt("delivery-1", ACCEPTED)]
    international, plain = mailbox.envelopes
    assert (international.rcpt_tos, international.smtp_utf8) == (
        ["zoë@xn--bcher-kva.example"],
        True,
    )
    assert not plain.smtp_utf8


def test_without_smtputf8_that_reader_alone_is_refused(mailbox: Mailbox) -> None:
    with serving(mailbox, enable_SMTPUTF8=False) as port:
        transport = open_smtp(port)
        batch = [message(0, email="zoë@reader.example"), message(1, email="anna@bücher.example")]
        results = attempt(transport, *batch)
    assert results == [
        Receipt("delivery-0", REFUSED, "the server takes ASCII addresses alone (no SMTPUTF8)"),
        Receipt("delivery-1", ACCEPTED),
    ]
    (plain,) = mailbox.envelopes
    assert plain.rcpt_tos == ["anna@xn--bcher-kva.example"]


def test_refusals_are_each_readers_own_and_keep_the_servers_words(mailbox: Mailbox) -> None:
    mailbox.refusals = {
        "no@reader.example": ["550 5.1.1 nobody here"],
        "later@reader.example": ["450 4.2.0 greylisted"],
    }
    addresses = ["no@reader.example", "anna@reader.example", "later@reader.example"]
    with serving(mailbox) as port:
        batch = [message(n, email=email) for n, email in enumerate(addresses)]
        results = attempt(open_smtp(port), *batch, message(3, email="later@reader.example"))
    assert results == [
        Receipt("delivery-0", REFUSED, "550 5.1.1 nobody here"),
        Receipt("delivery-1", ACCEPTED),
        Receipt("delivery-2", RETRY, "450 4.2.0 greylisted"),
        Receipt("delivery-3", ACCEPTED),
    ]
    assert len(mailbox.sessions) == 1


def test_so_many_connections_and_no_more_share_the_work(mailbox: Mailbox) -> None:
    with serving(mailbox) as port:
        transport = open_smtp(port, connections=3)
        assert set(outcomes(transport.send(map(message, range(60))))) == {ACCEPTED}
        transport.close()
    assert len(mailbox.envelopes) == 60
    assert 1 <= len(mailbox.sessions) <= 3


@pytest.mark.parametrize(
    "email", ["a@b>\r\nRCPT TO:<eve@reader.example", "a b@reader.example", "nobody", "a@b\0c"]
)
def test_an_address_cannot_become_a_command(mailbox: Mailbox, email: str) -> None:
    with serving(mailbox) as port:
        (result,) = attempt(open_smtp(port), message(email=email))
    assert result == Receipt("delivery-0", REFUSED, "SMTP cannot carry such an address")
    assert mailbox.envelopes == []


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Mailbox, int]]:
    mailbox = Mailbox()
    with serving(mailbox) as port:
        yield mailbox, port


@settings(max_examples=40)
@given(
    pieces=st.lists(
        st.lists(st.text(". aé\0", max_size=4).map("{}\r\n".format), max_size=4).map("".join)
        | st.just(".\r\n" * 300),
        max_size=8,
    )
)
def test_any_content_arrives_as_it_was_meant_however_it_is_cut(
    shared: tuple[Mailbox, int], pieces: list[str]
) -> None:
    mailbox, port = shared
    content = "".join(pieces).encode()
    cut = message()._replace(encode=lambda _: [piece.encode() for piece in pieces])
    assert attempt(open_smtp(port), cut) == [Receipt("delivery-0", ACCEPTED)]
    assert mailbox.envelopes[-1].original_content == content
