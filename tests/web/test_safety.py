"""Whatever comes over the wire gets a plain answer, and nothing of it gets anywhere else."""

import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from newsletter.personalise.links import LinkPurpose, Links, LinkTokens
from newsletter.web import guard, server
from tests.web.served import MONTH, SECRET, Served, made, serving

LINKS = Links("", LinkTokens([SECRET]))
PAGES = ["/", "/subscribe", "/preferences", "/unsubscribe/x", "/confirm/x", "/preferences/x", "/no"]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A newsletter whose November issue is in the archive."""
    folder = made(tmp_path_factory.mktemp("sent"))
    with serving(folder) as served:
        served.editor.import_file(folder / "subscribers/example.csv", "example.csv", report=print)
        pipeline = served.pipeline
        pipeline.send(pipeline.sendable(MONTH))
        yield served


# what every page bears


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_guarded_by_its_headers_and_sets_no_cookie(sent: Served, path: str) -> None:
    headers = httpx.get(sent.url + path).headers
    policy = headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in policy
    scripts = next((part for part in policy.split("; ") if part.startswith("script-src")), "")
    assert "unsafe-inline" not in scripts
    assert "unsafe-eval" not in scripts.replace("wasm-unsafe-eval", "")
    assert "default-src 'self'" in policy if path == "/" else "default-src 'none'" in policy
    assert path == "/" or not scripts
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "set-cookie" not in headers
    assert "server" not in headers
    if path != "/":
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex"


@pytest.mark.parametrize("path", PAGES[1:])
def test_pages_hold_no_script_and_no_style_of_their_own(sent: Served, path: str) -> None:
    page = httpx.get(sent.url + path).text
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", page)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example"},
        {"Host": "evil.example:80@other"},
        {"X-Original-URL": "//evil.example"},
    ],
)
@pytest.mark.parametrize("path", [*PAGES, f"/{MONTH}", f"/{MONTH}/"])
def test_no_header_leads_anybody_away(sent: Served, path: str, headers: dict[str, str]) -> None:
    answer = httpx.get(sent.url + path, headers=headers)
    assert "evil.example" not in answer.text
    assert "evil.example" not in str(answer.headers)


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "//evil.example/..",
        f"//evil.example/%2e%2e/{MONTH}",
        f"/{MONTH}//",
        "/\\evil.example",
        "/%5cevil.example",
        "/%0d%0aLocation:%20https://evil.example",
        "/subscribe/",
    ],
)
def test_no_address_redirects_to_another_site(sent: Served, path: str) -> None:
    answer = raw(sent, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert b" 404 " in answer.split(b"\r\n")[0]
    assert b"\r\nlocation:" not in answer.lower()


# the archive


def test_a_folder_of_the_archive_leads_to_its_page_by_a_relative_link(sent: Served) -> None:
    answer = httpx.get(f"{sent.url}/{MONTH}")
    assert (answer.status_code, answer.headers["Location"]) == (308, f"./{MONTH}/")
    assert httpx.get(f"{sent.url}/{MONTH}", follow_redirects=True).status_code == 200


def test_a_page_that_has_not_changed_is_not_sent_again(sent: Served) -> None:
    first = httpx.get(f"{sent.url}/{MONTH}/")
    for known in (
        {"If-None-Match": first.headers["ETag"]},
        {"If-None-Match": f'"x", W/{first.headers["ETag"]}'},
        {"If-Modified-Since": first.headers["Last-Modified"]},
    ):
        again = httpx.get(f"{sent.url}/{MONTH}/", headers=known)
        assert (again.status_code, again.content) == (304, b"")
    assert httpx.get(f"{sent.url}/{MONTH}/", headers={"If-None-Match": '"x"'}).status_code == 200


def test_a_page_comes_squeezed_to_whoever_can_read_that_and_has_a_tag_of_its_own(
    sent: Served,
) -> None:
    plain = httpx.get(f"{sent.url}/{MONTH}/", headers={"Accept-Encoding": "identity"})
    squeezed = httpx.get(f"{sent.url}/{MONTH}/", headers={"Accept-Encoding": "br, gzip"})
    assert plain.headers["Vary"] == squeezed.headers["Vary"] == "Accept-Encoding"
    assert squeezed.headers["Content-Encoding"] == "gzip"
    assert int(squeezed.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    assert squeezed.text == plain.text
    assert squeezed.headers["ETag"] != plain.headers["ETag"]
    known = {"If-None-Match": squeezed.headers["ETag"], "Accept-Encoding": "gzip"}
    assert httpx.get(f"{sent.url}/{MONTH}/", headers=known).status_code == 304
    part = httpx.get(f"{sent.url}/{MONTH}/", headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, plain.content[:10])


@pytest.mark.parametrize(
    ("path", "kind", "kept", "robots"),
    [
        ("", "text/html; charset=utf-8", "no-cache", "all"),
        ("feed.xml", "application/atom+xml", "no-cache", "all"),
        ("feed.json", "application/feed+json", "no-cache", "all"),
        ("style.css?1", "text/css; charset=utf-8", "max-age=2592000", "all"),
        (f"cards/{MONTH}.png", "image/png", "max-age=86400", "all"),
        (f"{MONTH}/sent/en-all.html", "text/html; charset=utf-8", "no-cache", "noindex"),
        ("pagefind/pagefind.js", "text/javascript; charset=utf-8", "no-cache", "all"),
    ],
)
def test_what_may_be_kept_says_for_how_long(
    sent: Served, path: str, kind: str, kept: str, robots: str
) -> None:
    headers = httpx.get(f"{sent.url}/{path}").headers
    assert headers["Content-Type"] == kind
    assert headers["Cache-Control"] == kept
    assert headers["X-Robots-Tag"] == robots


@pytest.mark.parametrize(
    "path",
    [
        "/../config.toml",
        "/%2e%2e/config.toml",
        "/..%2fconfig.toml",
        f"/{MONTH}/..%2f..%2fconfig.toml",
        "/.published.json",
        "/.lock",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/link/config.toml",
        "/" + "a" * 3000,
        "/%00",
        "/index.html%00.css",
    ],
)
def test_nothing_but_the_archive_s_own_pages_can_be_read(sent: Served, path: str) -> None:
    (sent.folder / "archive/link").unlink(missing_ok=True)
    (sent.folder / "archive/link").symlink_to(sent.folder)
    answer = raw(sent, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert b" 404 " in answer.split(b"\r\n")[0]


def test_a_browser_finds_an_icon(sent: Served) -> None:
    answer = httpx.get(f"{sent.url}/favicon.ico")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")


def test_without_an_issue_the_front_page_says_so(served: Served) -> None:
    answer = httpx.get(served.url + "/")
    assert answer.status_code == 200
    assert "No issue has been sent yet" in answer.text


# sizes and times


def raw(served: Served, request: bytes) -> bytes:
    """What a server answers to these bytes, until it closes the connection or falls quiet."""
    parts = urlsplit(served.url)
    answer = b""
    with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
        connection.settimeout(10)
        with suppress(TimeoutError, ConnectionError):
            connection.sendall(request)
        with suppress(TimeoutError, ConnectionError):
            while piece := connection.recv(65536):
                answer += piece
                connection.settimeout(0.5)
    return answer


@pytest.mark.parametrize("path", ["/subscribe", "/preferences", "/preferences/x"])
def test_a_form_that_is_too_large_is_refused_unread(sent: Served, path: str) -> None:
    token = LINKS.token(LinkPurpose.PREFERENCES, next(iter(sent.editor.everybody())).id)
    path = path.replace("/x", f"/{token}")
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
    assert b" 413 " in raw(sent, head.encode())[:20]
    answer = httpx.post(sent.url + path, content=(b"x" * 1000 for _ in range(200)))  # chunked
    assert answer.status_code == 413


def test_a_page_is_served_to_who_promises_a_body_with_it(sent: Served) -> None:
    head = f"GET /{MONTH}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n"
    assert b"HTTP/1.1 200 " in raw(sent, head.encode())[:20]


@pytest.mark.parametrize(
    "body",
    [
        (b"a=1&" * 1000, "application/x-www-form-urlencoded"),
        (b"--x\r\n\r\n", "multipart/form-data; boundary=x"),
        (b"no parts at all", "multipart/form-data; boundary=x"),
        (b"no boundary", "multipart/form-data"),
        (
            b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\n1\r\n--x--',
            "multipart/form-data; boundary=x",
        ),
    ],
    ids=["many", "cut", "none", "without boundary", "file"],
)
def test_a_broken_form_is_a_plain_refusal(sent: Served, body: tuple[bytes, str]) -> None:
    content, kind = body
    answer = httpx.post(f"{sent.url}/subscribe", content=content, headers={"Content-Type": kind})
    assert answer.status_code in {400, 422}
    assert "<h1>" in answer.text


def test_who_sends_too_slowly_is_told_so_and_holds_nothing_up(
    sent: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SLOWEST_HEAD", 0.2)
    monkeypatch.setattr(guard, "SLOWEST_BODY", 0.2)
    for beginning in (
        b"",
        b"GET /subscribe HTTP/1.1\r\nHost:",
        b"POST /subscribe HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nemail",
    ):
        assert b" 408 " in raw(sent, beginning)


def test_who_goes_on_sending_what_nobody_reads_is_cut_off(
    sent: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "SLOWEST_HEAD", 0.2)
    parts = urlsplit(sent.url)
    latest = time.monotonic() + 20
    for request in ("POST /unsubscribe/x", f"GET /{MONTH}/"):
        head = f"{request} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            connection.sendall(head.encode())
            assert connection.recv(9) == b"HTTP/1.1 "
            with pytest.raises(ConnectionError):
                trickle(connection, latest)


def trickle(connection: socket.socket, latest: float) -> None:
    while time.monotonic() < latest:
        connection.sendall(b"x")
        time.sleep(0.02)


def test_who_goes_in_the_middle_of_a_form_is_no_fault_of_ours(sent: Served) -> None:
    parts = urlsplit(sent.url)
    for _ in range(3):
        with socket.create_connection((parts.hostname or "", parts.port or 0)) as connection:
            connection.sendall(b"POST /subscribe HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\ne")
            time.sleep(0.05)
    metrics = httpx.get(f"{sent.url}/metrics").text
    assert 'route="/subscribe",status="400"' in metrics
    assert 'status="500"' not in metrics


@pytest.mark.parametrize(
    "request_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 300_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["TLS", "no host", "bytes", "negative", "smuggled", "long header", "long path"],
)
def test_what_is_no_request_is_refused(sent: Served, request_: bytes) -> None:
    answer = raw(sent, request_)
    assert re.match(rb"HTTP/1\.1 4\d\d ", answer)
    assert b"Traceback" not in answer


# the log


def test_no_line_of_the_log_holds_a_token_or_an_address(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from newsletter.logs import keep_log  # noqa: PLC0415 - what `serve` does

    keep_log(folder / "var/log", aloud=True)
    try:
        with serving(folder) as served:
            person = served.subscribe("logged@clinic.example", name="Logged Person")
            token = LINKS.token(LinkPurpose.UNSUBSCRIBE, person.id)
            with served.visitor() as visitor:
                visitor.get(f"/unsubscribe/{token}?lang=fr")
                visitor.get(f"/unsubscribe/{token}/more/logged@clinic.example")
                visitor.post(f"/unsubscribe/{token}")
                visitor.get("/subscribe?email=logged@clinic.example")
            time.sleep(0.1)
    finally:
        keep_log(folder / "var/log")
    lines = "".join(file.read_text("utf-8") for file in (folder / "var/log").iterdir())
    for log in (lines, capfd.readouterr().err):
        assert "/unsubscribe/{token}" in log
        assert "letter.left" in log
        for secret in (token, "logged@", "Logged", person.id, "10.0.", "127.0.0.1"):
            assert secret not in log
