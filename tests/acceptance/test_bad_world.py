"""What the world does to a send: a clear line, a right ledger, nobody written off or repeated."""

import asyncio
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from itertools import cycle
from pathlib import Path
from shutil import copytree
from socket import socket
from ssl import SSLContext

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from newsletter.config import load_config
from newsletter.errors import LedgerError
from newsletter.ledger.database import Database
from newsletter.ledger.ledger import Ledger
from newsletter.model.delivery import DeliveryStatus, IssueState
from newsletter.personalise.links import Links, LinkTokens
from newsletter.pipeline import Pipeline
from newsletter.transports.outbox import Outbox
from newsletter.wiring import open_desk
from tests.acceptance.conftest import Folder
from tests.fakes.authority import Authority
from tests.fakes.sendgrid_account import BATCH, SEND
from tests.fakes.sendgrid_server import FakeSendgrid, Trouble


class Server:
    """Takes email over SMTP; `troubles` befall one message each, after it was taken."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.troubles: list[str] = []

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.taken.append(message_from_bytes(envelope.content)["Message-ID"])
        match self.troubles.pop() if self.troubles else "":
            case "hangs up":
                assert isinstance(server.transport, asyncio.Transport)
                server.transport.abort()
            case "answers late":
                await asyncio.sleep(5)
        return "250 OK"


def nobody_may(*_arguments: object) -> AuthResult:
    return AuthResult(success=False, handled=False)


@contextmanager
def smtp(folder: Folder, *, tls: SSLContext | None = None, settings: str = "") -> Iterator[Server]:
    """A server on this machine that the folder sends through."""
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Server()
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=port,
        ssl_context=tls,
        authenticator=nobody_may,
        auth_require_tls=False,
    )
    security = "tls" if tls else "none"
    use(folder, f'host = "127.0.0.1"\nport = {port}\nsecurity = "{security}"\n{settings}')
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


def use(folder: Folder, smtp_settings: str) -> None:
    folder.edit("config.toml", 'use = "outbox"', 'use = "smtp"')
    folder.edit("config.toml", '# host = "smtp.example.org"\nsecurity = "starttls"', smtp_settings)


def pipeline_of(folder: Folder, clock: Callable[[], datetime] | None = None) -> Pipeline:
    """The folder's pipeline without a command around it, and impatient with a busy database."""
    config = load_config(folder.path / "config.toml", folder.environ)
    url = f"{config.database.url}?timeout=0.1"
    return Pipeline(
        open_desk(config),
        open_ledger=lambda: Ledger.of(Database.open(url, base=folder.path)),
        open_links=lambda: Links("https://digest.example", LinkTokens(config.secrets.link_keys())),
        open_transport=lambda: Outbox(config.transport.outbox.path),
        clock=clock or (lambda: datetime.now(UTC)),
    )


def deliveries(folder: Folder) -> dict[str, int]:
    return {s.value: n for s, n in pipeline_of(folder).standing("2022-11").counts.items()}


@pytest.mark.parametrize("trouble", ["hangs up", "answers late"])
def test_a_lost_answer_is_uncertain_and_never_sent_again_by_itself(
    subscribed: Folder, trouble: str
) -> None:
    subscribed.edit("config.toml", "timeout_seconds = 20           #", "timeout_seconds = 2 #")
    with smtp(subscribed) as server:
        server.troubles = [trouble]
        out = subscribed.ok("send", "2022-11", "--yes")
        again = subscribed.ok("send", "2022-11", "--yes")

    assert "newsletter resolve 2022-11" in out
    assert "newsletter resolve 2022-11" in again
    assert len(server.taken) == len(set(server.taken)) == 22
    assert deliveries(subscribed) == {"accepted": 21, "uncertain": 1}


def test_a_wrong_password_stops_the_send_and_names_what_to_look_at(subscribed: Folder) -> None:
    subscribed.environ |= {"SMTP_PASSWORD": "wrong"}
    with smtp(subscribed, settings='username = "digest"') as server:
        said = subscribed.refused("send", "2022-11", "--yes")

    assert "SMTP_PASSWORD" in said
    assert "535" in said
    assert server.taken == []
    assert deliveries(subscribed) == {"planned": 22}


def test_an_expired_certificate_stops_the_send(subscribed: Folder, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    subscribed.environ.update(authority.environ)
    with smtp(subscribed, tls=authority.server(expires_in=timedelta(days=-1))) as server:
        said = subscribed.refused("send", "2022-11", "--yes")

    assert "certificate has expired" in said
    assert server.taken == []
    assert deliveries(subscribed) == {"planned": 22}


def test_a_name_that_cannot_be_looked_up_stops_the_send(subscribed: Folder) -> None:
    use(subscribed, 'host = "relay.invalid"')
    done = subscribed.run("send", "2022-11", "--yes")

    assert done.code == 1
    assert done.err.startswith("relay.invalid:587: ")
    assert done.out.endswith("to go on: newsletter send 2022-11\n")
    assert deliveries(subscribed) == {"planned": 22}


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (None, "SENDGRID_API_KEY: SendGrid answers 401"),
        (Trouble.REDIRECT, "answers 302 Found, which SendGrid never does"),
        (Trouble.HTML_AFTER, "which SendGrid never does"),
        (Trouble.FORBIDDEN_PAGE, "SendGrid answers 403"),
    ],
)
def test_what_is_not_sendgrids_yes_stops_the_send(
    subscribed: Folder, trouble: Trouble | None, words: str
) -> None:
    with FakeSendgrid() as fake:
        subscribed.edit("config.toml", 'use = "outbox"', 'use = "sendgrid"')
        subscribed.edit(
            "config.toml",
            "\n[transport.sendgrid]\n",
            f'\n[transport.sendgrid]\nbase_url = "{fake.url}"\n',
        )
        subscribed.environ["SENDGRID_API_KEY"] = "SG.another" if trouble is None else "SG.fake"
        if trouble is not None:
            fake.choose_trouble = lambda _: trouble
        said = subscribed.refused("send", "2022-11", "--yes")
        fake.advance(timedelta(hours=1))

        assert words in said
        assert fake.delivered == []
    assert deliveries(subscribed) == {"planned": 22}


@pytest.mark.parametrize(
    ("path", "trouble"),
    [
        (BATCH, Trouble.ERROR_BEFORE),
        (BATCH, Trouble.HANG_BEFORE),
        (SEND, Trouble.ERROR_BEFORE),
        (SEND, Trouble.HANG_BEFORE),
    ],
)
def test_a_sendgrid_that_is_half_away_ends_the_send_and_writes_nobody_off(
    subscribed: Folder, path: str, trouble: Trouble
) -> None:
    """Every command under test must end within two minutes."""
    with FakeSendgrid() as fake:
        subscribed.edit("config.toml", 'use = "outbox"', 'use = "sendgrid"')
        subscribed.edit(
            "config.toml",
            "\n[transport.sendgrid]\n",
            f'\n[transport.sendgrid]\nbase_url = "{fake.url}"\n',
        )
        subscribed.edit("config.toml", "timeout_seconds = 20\n", "timeout_seconds = 1\n")
        subscribed.environ["SENDGRID_API_KEY"] = "SG.fake"
        fake.choose_trouble = lambda asked: trouble if asked == path else Trouble.NONE
        said = subscribed.refused("send", "2022-11", "--yes")
        assert len(said.splitlines()) == 1
        assert deliveries(subscribed) == {"planned": 22}

        fake.choose_trouble = lambda _: Trouble.NONE
        subscribed.ok("send", "2022-11", "--yes")
        fake.advance(timedelta(hours=1))
        assert len(fake.delivered) == 22
    assert deliveries(subscribed) == {"accepted": 22}


def test_a_locked_database_is_said_to_be_busy(subscribed: Folder) -> None:
    pipeline = pipeline_of(subscribed)
    issue = pipeline.sendable("2022-11")
    with closing(sqlite3.connect(subscribed.path / "var/newsletter.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match=r"newsletter\.db: the database is busy; try again"):
            pipeline.send(issue)
        assert subscribed.emails() == {}
        other.rollback()

    pipeline.send(issue)
    assert len(subscribed.emails()) == 22


@pytest.fixture
def on_a_small_disk(subscribed: Folder, tmp_path: Path) -> Iterator[Folder]:
    """The folder on a disk of its own that has room for some of the emails."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can be made by the administrator alone")
    try:
        subscribed.path = copytree(subscribed.path, disk / "digest")
        yield subscribed
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)  # noqa: S607


def test_on_a_full_disk_nobody_is_lost_and_nobody_gets_it_twice(on_a_small_disk: Folder) -> None:
    folder = on_a_small_disk
    filler = folder.path / "filler"
    free = os.statvfs(folder.path)
    filler.write_bytes(bytes(free.f_bavail * free.f_frsize))
    assert "the disk is full" in folder.refused("send", "2022-11", "--yes")
    assert folder.emails() == {}

    os.truncate(filler, free.f_bavail * free.f_frsize - 1_500_000)
    said = folder.refused("send", "2022-11", "--yes")
    assert "No space left" in said or "disk is full" in said
    assert len(folder.emails()) < 22

    filler.unlink()
    folder.ok("send", "2022-11", "--yes")
    assert len(list((folder.path / "var/outbox/new").iterdir())) == len(folder.emails()) == 22
    assert deliveries(folder) == {"accepted": 22}


def test_a_clock_that_jumps_repeats_nobody_and_forgets_nobody(subscribed: Folder) -> None:
    now = datetime.now(UTC)
    jumps = cycle(timedelta(days=days) for days in (0, -4000, 4000, 1, -1))
    pipeline = pipeline_of(subscribed, clock=lambda: now + next(jumps))
    for limit in (5, 5, None, None):
        pipeline.send(pipeline.sendable("2022-11"), limit=limit)

    standing = pipeline.standing("2022-11")
    assert standing.state is IssueState.FINISHED
    assert standing.counts == {DeliveryStatus.ACCEPTED: 22}
    assert len(list((subscribed.path / "var/outbox/new").iterdir())) == 22
