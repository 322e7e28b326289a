import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml.html import fragment_fromstring

from newsletter.model.message import Address, Personalisation, merge_values
from newsletter.model.variant import MergeField, OpenText, RenderedVariant

Encode = Callable[[RenderedVariant, Personalisation], bytes]

anything = st.text(st.characters(codec="utf-8", exclude_characters="\r"))
tricky = st.text("=. \t\nFrom aé漢😀&<\"'-_\x00", max_size=200)
texts = anything | tricky | st.sampled_from(["From here\n", "From ", ".", "x" * 200, "é\n" * 80])
open_texts = st.lists(texts | st.sampled_from(MergeField), max_size=8).map(
    lambda pieces: OpenText(tuple(pieces))
)


def parsed(message: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(message)


def parts_of(message: bytes) -> list[str]:
    parts = [part.get_content() for part in parsed(message).iter_parts()]
    return [part.replace("\r\n", "\n") for part in parts]


@given(html=open_texts, text=open_texts, greeting=texts, url=texts)
@example(html=OpenText(()), text=OpenText(()), greeting="", url="")
@example(
    html=OpenText(("\n--=_newsletter--\n",)),
    text=OpenText((MergeField.GREETING,)),
    greeting="\n--=_newsletter\n",
    url="",
)
def test_parsing_a_message_gives_both_parts_exactly(
    *,
    encode: Encode,
    rendered: RenderedVariant,
    personalisation: Personalisation,
    html: OpenText,
    text: OpenText,
    greeting: str,
    url: str,
) -> None:
    variant = replace(rendered, html=html, text=text)
    reader = personalisation._replace(greeting=greeting, preferences_url=url)
    message = encode(variant, reader)
    assert parts_of(message) == [
        text.filled(merge_values(reader, escaped=False)),
        html.filled(merge_values(reader, escaped=True)),
    ]
    assert_survives_relays(message.partition(b"\r\n\r\n")[2])


def assert_survives_relays(body: bytes) -> None:
    """What RFC 2045 asks of quoted-printable, and no line that SMTP or mbox would change."""
    assert body.isascii()
    for line in body.split(b"\r\n"):
        assert len(line) <= 76
        assert not re.search(rb"[\x00-\x08\x0a-\x1f]|[ \t]$|^\.$|^From ", line)


def test_a_message_is_text_then_html_under_the_variants_and_the_readers_headers(
    encode: Encode,
    rendered: RenderedVariant,
    personalisation: Personalisation,
    sent_at: datetime,
) -> None:
    message = parsed(encode(rendered, personalisation))
    assert message.get_content_type() == "multipart/alternative"
    assert [
        (part.get_content_type(), part.get_content_charset(), part["Content-Transfer-Encoding"])
        for part in message.iter_parts()
    ] == [
        ("text/plain", "utf-8", "quoted-printable"),
        ("text/html", "utf-8", "quoted-printable"),
    ]
    assert message["Subject"] == rendered.subject
    assert message["To"] == "Anna Bell <anna@reader.example>"
    assert message["Date"].datetime == sent_at
    assert len(message.keys()) == len(set(message.keys())) == 13
    assert not message.defects


@given(name=anything)
@example(name="""</p><script>alert("1")</script>&amp;'""")
def test_a_name_of_any_characters_is_right_in_both_parts(
    encode: Encode,
    rendered: RenderedVariant,
    personalisation: Personalisation,
    name: str,
) -> None:
    greeting = "".join(c for c in f"Hello {name}," if c.isprintable())
    reader = personalisation._replace(greeting=greeting, recipient=Address("a@b.example", name))
    message = encode(rendered, reader)
    text, html = parts_of(message)
    assert text.startswith(f"{greeting}\n\nLeave: {reader.unsubscribe_url}\n")
    body = fragment_fromstring(html, create_parent=True)
    assert [(element.tag, element.text) for element in body] == [("p", greeting), ("a", "Leave")]
    assert body[1].get("href") == reader.unsubscribe_url


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_break_leaves_as_crlf(
    encode: Encode,
    rendered: RenderedVariant,
    personalisation: Personalisation,
    line_break: str,
) -> None:
    variant = replace(rendered, text=OpenText((f"one{line_break}two{line_break}",)))
    message = encode(variant, personalisation)
    assert b"\r\n\r\none\r\ntwo\r\n\r\n--" in message


def test_a_lone_surrogate_does_not_stop_the_batch(
    encode: Encode,
    rendered: RenderedVariant,
    personalisation: Personalisation,
) -> None:
    reader = personalisation._replace(greeting="Hello \ud83d,")
    message = encode(rendered, reader)
    assert parts_of(message)[0].startswith("Hello ?,\n")
