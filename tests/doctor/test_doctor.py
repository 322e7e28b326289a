"""The examination of what surrounds a newsletter, each part against a real counterpart."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import copyfile, disk_usage
from socketserver import BaseRequestHandler, UDPServer
from threading import Thread

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from newsletter.config import load_config
from newsletter.doctor.domain import Nameservers, examine_domain
from newsletter.doctor.examination import examine
from newsletter.doctor.finding import Finding, Level
from newsletter.doctor.site import examine_site
from newsletter.doctor.transport import examine_transport
from newsletter.settings import Config
from tests.fakes.authority import Authority
from tests.fakes.ports import free_port
from tests.fakes.sendgrid_server import FakeSendgrid

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
KEY = "0123456789abcdef0123456789abcdef"


def settings(folder: Path, changes: Mapping[str, str], environ: Mapping[str, str]) -> Config:
    text = EXAMPLE.read_text("utf-8")
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "config.toml").write_text(text, "utf-8")
    return load_config(folder / "config.toml", environ)


def levels(findings: list[Finding]) -> dict[str, Level]:
    return {finding.subject: finding.level for finding in findings}


def test_a_new_newsletter_has_nothing_to_mend_but_its_key(tmp_path: Path) -> None:
    without = list(examine(settings(tmp_path, {}, {})))
    assert [f.subject for f in without if f.level is Level.PROBLEM] == ["secret key"]
    assert all(f.remedy for f in without if f.level is Level.PROBLEM)

    found = list(examine(settings(tmp_path, {}, {"NEWSLETTER_SECRET_KEY": KEY})))
    assert Level.PROBLEM not in levels(found).values()
    assert not any(KEY in str(finding) for finding in found)


@pytest.mark.parametrize("key", ["short", "a" * 40, "much-too-short," + KEY])
def test_a_weak_key_is_noted_and_never_shown(key: str, tmp_path: Path) -> None:
    found = list(examine(settings(tmp_path, {}, {"NEWSLETTER_SECRET_KEY": key})))

    assert levels(found)["secret key"] is Level.NOTE
    assert not any(key in str(finding) for finding in found)


def test_a_file_that_is_no_database_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    copyfile(EXAMPLE, tmp_path / "var" / "newsletter.db")
    found = list(examine(settings(tmp_path, {}, {"NEWSLETTER_SECRET_KEY": KEY})))

    assert levels(found)["database"] is Level.PROBLEM


def only_digest(_server: object, _session: object, _envelope: object, *given: object) -> AuthResult:
    mechanism, data = given
    assert mechanism in {"PLAIN", "LOGIN"}
    return AuthResult(success=getattr(data, "password", b"") == b"right", handled=False)


@contextmanager
def relay(folder: Path, *, expires_in: timedelta) -> Iterator[tuple[Mapping[str, str], Authority]]:
    authority = Authority(folder)
    controller = Controller(
        object(),
        hostname="127.0.0.1",
        port=0,
        ssl_context=authority.server(expires_in=expires_in),
        authenticator=only_digest,
        auth_require_tls=False,
    )
    controller.port = free_port()
    controller.start()
    try:
        yield (
            {
                'use = "outbox"': 'use = "smtp"',
                '# host = "smtp.example.org"': f'host = "localhost"\nport = {controller.port}',
                'security = "starttls"': 'security = "tls"',
                '# username = "digest"': 'username = "digest"',
            },
            authority,
        )
    finally:
        controller.stop()


@pytest.mark.parametrize(
    ("password", "days", "expected"),
    [
        ("right", 60, {"transport": "lets digest in", "certificate": "another 59 days"}),
        ("right", 5, {"transport": "lets digest in", "certificate": "another 4 days"}),
        ("right", -1, {"transport": "certificate has expired"}),
        ("wrong", 60, {"transport": "SMTP_PASSWORD"}),
        ("", 60, {"transport": "SMTP_PASSWORD is not set"}),
    ],
)
def test_an_smtp_server_is_visited_as_a_message_would(
    password: str,
    days: int,
    expected: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with relay(tmp_path, expires_in=timedelta(days=days)) as (changes, authority):
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
        found = examine_transport(settings(tmp_path, changes, {"SMTP_PASSWORD": password}))

    said = {finding.subject: finding for finding in found}
    assert said.keys() == expected.keys()
    assert all(words in said[subject].words for subject, words in expected.items())
    assert (said["transport"].level is Level.OK) == ("certificate" in said)
    if days < 14 and "certificate" in said:
        assert said["certificate"].level is Level.NOTE


def test_a_server_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    changes = {
        'use = "outbox"': 'use = "smtp"',
        '# host = "smtp.example.org"': 'host = "127.0.0.1"\nport = 1',
    }
    (found,) = examine_transport(settings(tmp_path, changes, {}))

    assert found.level is Level.PROBLEM
    assert "127.0.0.1:1" in found.words


@pytest.mark.parametrize(
    ("key", "scopes", "level", "words"),
    [
        ("SG.fake", None, Level.OK, "it may send"),
        ("SG.fake", {"mail.send"}, Level.PROBLEM, "user.scheduled_sends.create"),
        ("SG.fake", {"stats.read"}, Level.PROBLEM, "mail.send"),
        ("SG.other", None, Level.PROBLEM, "401"),
        ("", None, Level.PROBLEM, "SENDGRID_API_KEY is not set"),
    ],
)
def test_sendgrid_is_asked_what_the_key_may_do(
    key: str, scopes: set[str] | None, level: Level, words: str, tmp_path: Path
) -> None:
    with FakeSendgrid() as fake:
        fake.scopes = scopes or fake.scopes
        changes = {
            'use = "outbox"': 'use = "sendgrid"',
            '# base_url = "https://api.sendgrid.com"': f'base_url = "{fake.url}"',
        }
        (found,) = examine_transport(settings(tmp_path, changes, {"SENDGRID_API_KEY": key}))

        assert fake.requests == []
    assert found.level is level
    assert words in found.words


@contextmanager
def nameserver(records: Mapping[tuple[str, str], list[str]]) -> Iterator[Nameservers]:
    """A nameserver that knows these records and no other names."""

    class Answering(BaseRequestHandler):
        def handle(self) -> None:
            content, socket = self.request
            query = dns.message.from_wire(content)
            asked = query.question[0]
            name = asked.name.to_text(omit_final_dot=True)
            kind = dns.rdatatype.to_text(asked.rdtype)
            response = dns.message.make_response(query)
            response.flags |= dns.flags.RA
            if (name, kind) in records:
                answer = dns.rrset.from_text_list(asked.name, 60, "IN", kind, records[name, kind])
                response.answer.append(answer)
            elif not any(name == known for known, _ in records):
                response.set_rcode(dns.rcode.NXDOMAIN)
            socket.sendto(response.to_wire(), self.client_address)

    with UDPServer(("127.0.0.1", 0), Answering) as server:
        Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield Nameservers("127.0.0.1", server.server_address[1])
        server.shutdown()


_WHOLE = {
    ("clinic.org", "TXT"): ['"v=spf1 include:relay.org " "-all"', '"other=1"'],
    ("clinic.org", "MX"): ["10 mail.clinic.org."],
    ("_dmarc.clinic.org", "TXT"): ['"v=DMARC1; p=none"'],
}


@pytest.mark.parametrize(
    ("records", "domain", "problems"),
    [
        (_WHOLE, "clinic.org", []),
        (_WHOLE | {("news.clinic.org", "TXT"): ['"v=spf1 -all"']}, "news.clinic.org", []),
        (_WHOLE | {("clinic.org", "TXT"): ['"x"']}, "clinic.org", ["no SPF record"]),
        (
            _WHOLE | {("clinic.org", "TXT"): ['"v=spf1 -all"', '"v=spf1 ~all"']},
            "clinic.org",
            ["2 SPF records"],
        ),
        (_WHOLE | {("_dmarc.clinic.org", "TXT"): ['"x"']}, "clinic.org", ["no DMARC record"]),
        (_WHOLE, "elsewhere.org", ["there is no domain elsewhere.org"]),
    ],
)
def test_the_senders_domain_is_looked_up(
    records: Mapping[tuple[str, str], list[str]], domain: str, problems: list[str]
) -> None:
    with nameserver(records) as nameservers:
        found = list(examine_domain(domain, nameservers, Level.PROBLEM))

    said = [finding for finding in found if finding.level is Level.PROBLEM]
    assert len(said) == len(problems)
    assert all(words in f.words and f.remedy for f, words in zip(said, problems, strict=True))


def test_a_nameserver_that_does_not_answer_is_worth_a_note() -> None:
    nameservers = Nameservers("127.0.0.1", 1)
    (found,) = examine_domain("clinic.org", nameservers, Level.PROBLEM)

    assert (found.level, "could not be looked up" in found.words) == (Level.NOTE, True)


@pytest.mark.parametrize(
    ("base_url", "level"),
    [
        ("https://digest.example", Level.NOTE),
        ("http://localhost:8000", Level.NOTE),
        ("https://127.0.0.1:1", Level.NOTE),
    ],
)
def test_a_site_that_cannot_be_asked_is_worth_a_note(base_url: str, level: Level) -> None:
    assert examine_site(base_url).level is level


@pytest.mark.parametrize(
    ("days", "trusted", "level"),
    [(60, True, Level.OK), (-1, True, Level.PROBLEM), (60, False, Level.PROBLEM)],
)
def test_the_site_must_have_a_certificate_that_readers_can_trust(
    days: int, trusted: bool, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    authority = Authority(tmp_path)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        context = authority.server(expires_in=timedelta(days=days))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        found = examine_site(f"https://localhost:{server.server_port}")
        server.shutdown()

    assert found.level is level


def test_too_little_room_on_the_disk_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = disk_usage(tmp_path)._replace(free=50_000_000)
    monkeypatch.setattr("newsletter.doctor.machine.disk_usage", lambda _: usage)
    found = list(examine(settings(tmp_path, {}, {"NEWSLETTER_SECRET_KEY": KEY})))

    assert levels(found)["disk"] is Level.PROBLEM
