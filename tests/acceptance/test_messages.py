"""Every message of a real send keeps the contract that mail clients and the law ask for."""

import re
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any, cast

import pytest
from lxml import html as lxml_html

from tests.acceptance.conftest import Folder

ONCE = (
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Archive",
    "Feedback-ID",
    "MIME-Version",
    "Content-Type",
)
BASE = "https://digest.pprn.example"


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    made = Folder(tmp_path_factory.mktemp("messages"))
    made.ok("init", "digest")
    made.path /= "digest"
    made.ok("subscribers", "import", "subscribers/example.csv")
    made.ok("send", "2022-11", "--yes")
    return made


@pytest.fixture(scope="module")
def raw(sent: Folder) -> dict[str, bytes]:
    files = Path(sent.path, "var/outbox/new").glob("*.eml")
    return {file.stem: file.read_bytes() for file in files}


def parts(message: EmailMessage) -> Iterator[tuple[str, str]]:
    for part in message.iter_parts():
        assert isinstance(part, EmailMessage)
        yield part.get_content_subtype(), part.get_content().replace("\r\n", "\n")


def found(page: lxml_html.HtmlElement, query: str) -> list[Any]:
    return cast("list[Any]", page.xpath(query))


def test_lines_end_in_crlf_and_are_never_too_long(raw: dict[str, bytes]) -> None:
    for data in raw.values():
        assert b"\n" not in data.replace(b"\r\n", b"")
        assert b"\r" not in data.replace(b"\r\n", b"")
        assert max(map(len, data.split(b"\r\n"))) <= 998
        assert data.isascii()


def test_every_header_stands_once(sent: Folder) -> None:
    for message in sent.emails().values():
        for name in ONCE:
            assert len(message.get_all(name, [])) == 1, name
        assert message.defects == []


def test_the_file_the_message_id_and_the_delivery_have_one_name(sent: Folder) -> None:
    names = {file.stem for file in Path(sent.path, "var/outbox/new").iterdir()}
    found = set()
    for message in sent.emails().values():
        delivery, _, list_id = message["Message-ID"].strip("<>").partition("@")
        assert uuid.UUID(delivery).version == 5
        assert message["List-Id"].endswith(f"<{list_id}>")
        found.add(delivery)
    assert found == names


def test_one_click_unsubscribe_is_one_raw_line_unique_to_the_reader(raw: dict[str, bytes]) -> None:
    lines = set()
    for data in raw.values():
        (line,) = re.findall(rb"^List-Unsubscribe: .*?\r\n(?=\S)", data, re.MULTILINE | re.DOTALL)
        assert re.fullmatch(rb"List-Unsubscribe: <https://[!-~]+/unsubscribe/[\w.-]+>\r\n", line)
        assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in data
        lines.add(line)
    assert len(lines) == len(raw)


def test_text_comes_first_and_both_parts_are_quoted_printable(sent: Folder) -> None:
    for message in sent.emails().values():
        assert message.get_content_type() == "multipart/alternative"
        assert [kind for kind, _ in parts(message)] == ["plain", "html"]
        for part in message.iter_parts():
            assert part["Content-Transfer-Encoding"] == "quoted-printable"
            assert part.get_content_charset() == "utf-8"


def test_personal_links_and_the_name_stand_in_both_parts(sent: Folder) -> None:
    for message in sent.emails().values():
        header = message["List-Unsubscribe"].strip("<>")
        name = message["To"].addresses[0].display_name
        for kind, content in parts(message):
            text = unescape(content) if kind == "html" else content
            assert header in text
            assert "/preferences/" in text
            assert name in text


def test_a_name_is_right_whatever_characters_it_holds(folder: Folder) -> None:
    names = [
        "O'Brien & Søn <b>x</b>",
        'Zoë "Zed" Ångström',
        "=?utf-8?q?a=0D=0ABcc=3A_x?=",
        "अनन्या",
        "ليلى",
        "{{ 7*7 }} %(name)s",
        "Comma, Inc.",
        "back\\slash",
        "👩🏽‍⚕️",
    ]
    rows = "".join(
        '{}@names.example,"{}"\n'.format(number, name.replace('"', '""'))
        for number, name in enumerate(names)
    )
    (folder.path / "names.csv").write_text(f"email,name\n{rows}", "utf-8")
    folder.ok("subscribers", "import", "names.csv")
    folder.ok("send", "2022-11", "--yes")

    for number, name in enumerate(names):
        message = folder.emails()[f"{number}@names.example"]
        assert message["To"].addresses[0].display_name == name
        assert message["Bcc"] is None
        contents = dict(parts(message))
        assert f"Dear {name}," in contents["plain"]
        greeting = str(lxml_html.fromstring(contents["html"]).xpath("string()"))
        assert f"Dear {name}," in greeting
        assert "<b>x</b>" not in contents["html"]


def test_the_html_is_what_mail_clients_accept(sent: Folder) -> None:
    for message in sent.emails().values():
        markup = dict(parts(message))["html"]
        assert markup.startswith("<!DOCTYPE html>")
        assert len(markup.encode()) <= 102_000
        page = lxml_html.fromstring(markup)
        comments = [comment.text for comment in found(page, "//comment()")]
        assert all(re.match(r"\[if |<!\[endif\]", comment) for comment in comments), comments
        assert page.get("lang") in {"en", "fr"}
        assert not found(page, "//form | //script | //iframe | //link")
        assert all(image.get("alt") for image in found(page, "//img"))
        for link in [*found(page, "//a/@href"), *found(page, "//img/@src")]:
            assert link.startswith(("https://", "mailto:")), link
        (shown, *_) = [text for text in found(page, "//body//text()") if text.strip()]
        assert shown.startswith("Can an alliance") or len(shown.strip()) > 40


def test_every_body_says_who_sends_it_and_why_and_how_to_leave(sent: Folder) -> None:
    for message in sent.emails().values():
        for _, content in parts(message):
            end = " ".join(content[-6000:].split())
            assert "Ottawa" in end
            assert f"{BASE}/2022-11/" in content or "/2022-11/" in content
            assert "/unsubscribe/" in end
            assert "/preferences/" in end
            assert "because you subscribed" in end or "parce que vous y êtes abonné" in end


def test_a_headline_has_its_own_archive_link(sent: Folder) -> None:
    seen = 0
    for message in sent.emails().values():
        plain = dict(parts(message))["plain"]
        _, _, also = plain.partition("Also this month\n")
        if also:
            headlines = re.findall(r"https://\S+/2022-11/(\d\d-[\w-]+)/", also)
            assert headlines
            seen += len(headlines)
    assert seen > 10
