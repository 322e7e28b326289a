"""Links followed over the network: a real web server on this machine stands for the web."""

import socket
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from threading import Event, Thread

import pytest

from newsletter.checks.links import SentLink
from newsletter.checks.reach import check_reach
from newsletter.checks.visits import is_public
from newsletter.model.problem import Place, Severity

HERE = ip_address("127.0.0.1")


class Web:
    """A web server: what it answers at each path, and what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.released = Event()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                web.asked.append(f"{self.command} {self.path}")
                web.answer(self)

            do_GET = do_HEAD  # noqa: N815 - the library's names

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        path = handler.path.strip("/")
        status, _, target = path.partition("-")
        if status == "hang":
            self.released.wait(30)
            return
        if status == "garbage":
            handler.wfile.write(b"\x00\xff this is no HTTP\r\n\r\n" * 9)
            return
        if status == "getonly":
            status = "200" if handler.command == "GET" else "405"
        handler.send_response(int(status) if status.isdigit() else 200)
        if target:
            handler.send_header("Location", TARGETS.get(target, target).format(self.port))
        handler.end_headers()

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


TARGETS = {
    "fine": "/200",
    "gone": "/404",
    "circle": "/302-circle",
    "next": "/301-fine",
    "loopback": "http://127.0.0.2:{}/200",
    "link-local": "http://169.254.169.254/latest/meta-data/",
    "mapped": "http://[::ffff:10.0.0.1]/",
    "file": "file:///etc/passwd",
    "script": "javascript:alert(1)",
    "nowhere": "http://:80/",
    "accents": "/200?q=é à".encode().decode("latin-1"),
}


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.close()


@pytest.fixture
def follow(web: Web) -> Callable[..., list[str]]:
    """The findings for these paths of the server, which alone may be visited."""

    def follow(*paths: str, seconds: float = 20) -> list[str]:
        web.asked.clear()
        links = [
            SentLink(web.base + path if path.startswith("/") else path, "a link", Place("a.md", n))
            for n, path in enumerate(paths, 1)
        ]
        found = check_reach(links, is_allowed=HERE.__eq__, seconds=seconds)
        return [str(one).replace(web.base, "").replace("127.0.0.1", "HOST") for one in found]

    return follow


@pytest.mark.parametrize(
    ("path", "finding"),
    [
        ("/200", None),
        ("/204", None),
        ("/getonly", None),
        ("/404", "the page /404 is not there (404); find its new address"),
        ("/410", "the page /410 is not there (410); find its new address"),
        ("/403", "note: HOST does not tell programs whether /403 is there (403); open it yourself"),
        ("/429", "note: HOST does not tell programs whether /429 is there (429); open it yourself"),
        ("/503", "warning: the page /503 is out of order (503); try again later"),
        ("/302-fine", "note: /302-fine leads on to /200"),
        ("/301-fine", "note: /301-fine has moved for good; write /200"),
        ("/308-next", "note: /308-next has moved for good; write /200"),
        ("/302-next", "note: /302-next leads on to /200"),
        ("/301-gone", "the page /301-gone is not there (404); find its new address"),
        ("/301-accents", "note: /301-accents has moved for good; write /200?q=%C3%A9%20%C3%A0"),
    ],
)
def test_a_link_is_judged_by_where_it_ends(
    path: str, finding: str | None, follow: Callable[..., list[str]]
) -> None:
    assert follow(path) == ([f"a.md:1: {finding}"] if finding else [])


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/302-circle", "leads on more than 8 times"),
        ("/302-file", "leads on to what is no web address: file:///etc/passwd"),
        ("/302-script", "leads on to what is no web address: javascript:alert(1)"),
        ("/302-nowhere", "leads on to what is no web address: http://:80/"),
        ("/garbage", "does not answer as a web server"),
    ],
)
def test_a_hostile_answer_is_a_warning_and_no_crash(
    path: str, reason: str, follow: Callable[..., list[str]]
) -> None:
    [finding] = follow(path)
    assert finding.startswith(f"a.md:1: warning: HOST {reason}")


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("/302-loopback", "127.0.0.2"),
        ("/302-link-local", "169.254.169.254"),
        ("/302-mapped", "::ffff:a00:1"),
    ],
)
def test_a_redirect_into_a_closed_network_is_not_followed(
    path: str, address: str, web: Web, follow: Callable[..., list[str]]
) -> None:
    [finding] = follow(path)
    assert f"HOST is at {address}, in a closed network; it was not asked" in finding
    assert web.asked == [f"HEAD {path}"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::1]"])  # noqa: S104
def test_this_machine_is_never_asked_unless_that_is_allowed(host: str, web: Web) -> None:
    web.asked.clear()
    link = SentLink(f"http://{host}:{web.port}/200", "a link", Place("a.md"))

    [finding] = check_reach([link])
    assert finding.severity is Severity.WARNING
    assert "in a closed network; it was not asked" in finding.message
    assert web.asked == []


def test_the_address_that_was_judged_is_the_one_that_is_asked(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves to a public address first and to this machine then (rebinding)."""
    public, asked = "93.184.216.34", []

    def resolve(host: str, port: int, *_: object, **__: object) -> list[object]:
        asked.append(host)
        address = public if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected: list[str] = []

    def connect(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket, "create_connection", connect)
    web.asked.clear()
    check_reach([SentLink(f"http://rebinding.example:{web.port}/200", "", Place("a.md"))])

    assert connected == [public]
    assert asked == ["rebinding.example"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.0.1", False),
        ("100.64.0.1", False),
        ("127.8.9.1", False),
        ("169.254.169.254", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, *, expected: bool) -> None:
    assert is_public(ip_address(address)) is expected


def test_an_address_is_visited_once_and_told_of_at_each_of_its_lines(
    web: Web, follow: Callable[..., list[str]]
) -> None:
    found = follow("/404", "/404#part", "mailto:a@b.example")

    assert [one.partition(" the ")[0] for one in found] == ["a.md:1:", "a.md:2:"]
    assert web.asked == ["HEAD /404", "GET /404"]


def test_what_does_not_answer_holds_nobody_up(follow: Callable[..., list[str]]) -> None:
    found = follow(*(f"/hang-{number}" for number in range(20)), "/200", seconds=0.5)

    assert len(found) >= 20
    assert all("warning: HOST has not answered within 0.5 seconds" in one for one in found)


def test_a_host_without_an_address_is_told(follow: Callable[..., list[str]]) -> None:
    [finding] = follow("https://no-such-host.invalid/x")

    assert finding.startswith("a.md:1: warning: no-such-host.invalid cannot be looked up")


def test_a_server_that_speaks_no_tls_is_told(web: Web, follow: Callable[..., list[str]]) -> None:
    [finding] = follow(f"https://127.0.0.1:{web.port}/200")

    assert finding.startswith("a.md:1: warning: HOST does not answer as a web server")
