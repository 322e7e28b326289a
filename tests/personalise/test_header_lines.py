import re
from datetime import datetime
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr

import pytest
from email_validator import validate_email
from hypothesis import example, given, settings
from hypothesis import strategies as st

from newsletter.model.message import Address, Personalisation
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import RenderedVariant
from newsletter.personalise.headers import (
    address_header,
    date_header,
    own_headers,
    personal_headers,
    shared_headers,
    text_header,
    variant_headers,
)

LOOKS_ENCODED = "=?utf-8?q?a=0D=0ABcc=3A_x?="

tricky = st.text('=?_utf8-qbQB0 "\\<>@,;:.()\r\n\tÃ©é漢😀\u2028\x85\xa0\u3000\x00')
ascii_words = st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
people_write = st.text() | tricky | ascii_words.map(" ".join)


def on_one_line(text: str) -> str:
    return re.sub("[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", text).strip()


def parsed(lines: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(lines + b"\r\n")


def assert_well_folded(lines: bytes) -> None:
    assert lines.isascii()
    assert lines.endswith(b"\r\n")
    for line in lines.split(b"\r\n")[:-1]:
        assert len(line) <= 78
        assert line.strip()
        assert not re.search(rb"[\x00-\x1f\x7f]", line)


@settings(deadline=None)
@given(people_write)
@example(LOOKS_ENCODED)
@example("x" * 60_000)
@example("é" * 30_000)
def test_a_subject_decodes_to_what_was_typed_and_is_the_only_header(subject: str) -> None:
    lines = text_header("Subject", subject)
    assert_well_folded(lines)
    assert parsed(lines).items() == [("Subject", on_one_line(subject))]


@settings(deadline=None)
@given(people_write)
@example(LOOKS_ENCODED)
@example('"' * 60_000)
@example("a\r\nBcc: everybody@reader.example")
def test_a_name_decodes_to_what_was_typed_beside_the_one_address(name: str) -> None:
    lines = address_header("To", Address("anna@reader.example", name))
    assert_well_folded(lines)
    assert [address.addr_spec for address in parsed(lines)["To"].addresses] == [
        "anna@reader.example"
    ]
    # The newer parser leaves blanks between encoded words of a name; the older one does not.
    phrase, email = parseaddr(lines.decode().removeprefix("To: ").replace("\r\n", ""))
    assert (str(make_header(decode_header(phrase))), email) == (
        on_one_line(name),
        "anna@reader.example",
    )


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("", b"To: anna@reader.example\r\n"),
        ("Anna Bell", b"To: Anna Bell <anna@reader.example>\r\n"),
        ('Dr. A. "Ann" Bell', b'To: "Dr. A. \\"Ann\\" Bell" <anna@reader.example>\r\n'),
        ("Zoë", b"To: =?utf-8?b?Wm/Dqw==?= <anna@reader.example>\r\n"),
    ],
)
def test_a_name_is_written_as_plainly_as_it_may(name: str, line: bytes) -> None:
    assert address_header("To", Address("anna@reader.example", name)) == line


@pytest.mark.parametrize(
    "email", ["anna@reader.example", "anna@bücher.example", "anna@食狮.公司.example"]
)
def test_an_international_domain_travels_in_ascii(email: str) -> None:
    normalised = validate_email(email, check_deliverability=False)
    assert Address(normalised.normalized).wire_email == normalised.ascii_email


def test_an_international_local_part_is_written_as_it_is() -> None:
    assert Address("zoë@bücher.example").wire_email == "zoë@xn--bcher-kva.example"
    line = address_header("To", Address("zoë@bücher.example", "Zoë"))
    assert line.decode() == "To: =?utf-8?b?Wm/Dqw==?= <zoë@xn--bcher-kva.example>\r\n"


def test_an_address_with_a_line_break_makes_no_header() -> None:
    lines = address_header("To", Address("anna@reader.example\r\nBcc: x@reader.example"))
    assert lines.count(b"\r\n") == 1


def test_one_click_unsubscribing_stands_on_one_raw_line_however_long(
    personalisation: Personalisation,
) -> None:
    url = "https://news.example/unsubscribe/" + "t" * 900
    own = own_headers("digest.example", personalisation._replace(unsubscribe_url=url))
    lines = personal_headers(personalisation.recipient, own)
    assert f"\r\nList-Unsubscribe: <{url}>\r\n".encode() in lines


def test_a_message_carries_each_header_of_a_well_kept_list_once(
    newsletter: Newsletter,
    rendered: RenderedVariant,
    personalisation: Personalisation,
    sent_at: datetime,
) -> None:
    lines = (
        variant_headers(newsletter, rendered, shared_headers(newsletter, rendered.variant))
        + date_header(sent_at)
        + personal_headers(
            personalisation.recipient, own_headers(newsletter.list_id, personalisation)
        )
    )
    assert_well_folded(re.sub(rb"List-Unsubscribe: .*\r\n", b"", lines))
    assert sorted(parsed(lines).items()) == [
        ("Date", "Tue, 15 Nov 2022 14:00:00 +0000"),
        ("Feedback-ID", "2022-11:en:newsletter:bd25a83d5b3b"),
        ("From", "Research Digest <digest@news.example>"),
        ("List-Archive", "<https://news.example/>"),
        ("List-Id", "Research Digest <digest.news.example>"),
        ("List-Unsubscribe", f"<{personalisation.unsubscribe_url}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Message-ID", "<7d444840-9dc0-51d1-b245-5ffdce74fad2@digest.news.example>"),
        ("Reply-To", "editor@news.example"),
        ("Subject", "The alliance, measured"),
        ("To", "Anna Bell <anna@reader.example>"),
    ]
