import json
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.model.message import Address, Message, merge_values
from newsletter.model.variant import MergeField, OpenText
from newsletter.transports.sendgrid.body import Schedule, VariantBody
from tests.fakes.newsletters import NEWSLETTER
from tests.fakes.sendgrid_letters import RENDERED, message, messages
from tests.fakes.sendgrid_rules import Email, emails, faults

SCHEDULE = Schedule("c0ffee", datetime(2022, 11, 15, 14, 20, tzinfo=UTC))
NOW = SCHEDULE.send_at.timestamp() - 1200

people_write = st.text(st.characters(codec="utf-8"), max_size=200)
tricky = st.text("-nl%s{}<>&\"'\\,;é漢😀 \n", max_size=50)
texts = people_write | tricky
open_texts = st.lists(texts | st.sampled_from(MergeField), min_size=1, max_size=8).map(
    lambda pieces: OpenText(("x", *pieces))
)


def request(batch: list[Message], *, is_sandbox: bool = False) -> dict[str, Any]:
    """The request for these, as SendGrid reads it."""
    body = VariantBody(NEWSLETTER, batch[0], is_sandbox=is_sandbox)
    content = body.request(body.personalizations(batch), SCHEDULE)
    assert content.isascii()
    document: dict[str, Any] = json.loads(content)
    return document


def received(batch: list[Message]) -> list[Email]:
    return list(emails(request(batch)))


@given(text=open_texts, html=open_texts, name=texts, greeting=texts)
@example(OpenText(("%s",)), OpenText(("%",)), "100 %", "%(name)s")
def test_readers_get_what_the_merge_fields_say_in_both_parts(
    text: OpenText, html: OpenText, name: str, greeting: str
) -> None:
    """Escaped in the HTML part alone, whatever anybody wrote."""
    given = message(1, rendered=replace(RENDERED, text=text, html=html))
    person = given.personalisation._replace(
        recipient=Address("anna@reader.example", name),
        greeting=greeting,
        unsubscribe_url="https://news.example/u?a=1&b='2'",
    )
    document = request([message(2, rendered=given.variant), given._replace(personalisation=person)])
    (email,) = emails({**document, "personalizations": [unnamed(document["personalizations"][1])]})
    assert email.text == text.filled(merge_values(person, escaped=False))
    assert email.html == html.filled(merge_values(person, escaped=True))


def unnamed(person: dict[str, Any]) -> dict[str, Any]:
    return {**person, "to": [{"email": person["to"][0]["email"]}]}


@pytest.mark.parametrize("is_sandbox", [False, True])
def test_a_request_is_one_that_sendgrid_takes(is_sandbox: bool) -> None:
    document = request(messages(1000), is_sandbox=is_sandbox)
    assert not list(faults(document, NOW))
    assert document["mail_settings"] == {"sandbox_mode": {"enable": is_sandbox}}


def test_what_all_readers_share_is_said_once() -> None:
    document = request(messages(2))
    assert document["from"] == {"email": "digest@news.example", "name": "Research Digest"}
    assert document["reply_to"] == {"email": "editor@news.example"}
    assert document["subject"] == "The alliance, measured"
    assert [part["type"] for part in document["content"]] == ["text/plain", "text/html"]
    assert document["categories"] == ["digest.news.example", "2022-11"]
    assert (document["batch_id"], document["send_at"]) == ("c0ffee", 1668522000)
    assert document["headers"] == {
        "List-Id": "Research Digest <digest.news.example>",
        "List-Archive": "<https://news.example/>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "2022-11:en:newsletter:bd25a83d5b3b",
    }


def test_nothing_that_readers_do_is_tracked() -> None:
    tracking = request(messages(1))["tracking_settings"]
    assert {name: setting["enable"] for name, setting in tracking.items()} == {
        "click_tracking": False,
        "open_tracking": False,
        "subscription_tracking": False,
        "ganalytics": False,
    }


def test_each_reader_is_alone_with_their_own_headers_and_delivery_id() -> None:
    for number, person in enumerate(request(messages(3))["personalizations"]):
        delivery_id = f"7d444840-9dc0-51d1-b245-{number:012}"
        assert person["to"] == [{"email": f"reader-{number}@reader.example", "name": "Anna Bell"}]
        assert person["custom_args"] == {"delivery_id": delivery_id}
        assert person["headers"] == {
            "Message-ID": f"<{delivery_id}@digest.news.example>",
            "List-Unsubscribe": f"<https://news.example/unsubscribe/{number:066}>",
        }


def test_only_the_fields_that_stand_in_a_part_are_sent_along() -> None:
    (person,) = request(messages(1))["personalizations"]
    assert sorted(tag.split("-", 3)[3] for tag in person["substitutions"]) == [
        "html-greeting-",
        "html-preferences_url-",
        "html-unsubscribe_url-",
        "text-greeting-",
        "text-unsubscribe_url-",
    ]


def test_another_content_has_other_tags_so_that_none_can_be_foretold() -> None:
    other = replace(RENDERED, text=OpenText((*RENDERED.text.pieces, ".")))
    tags = [
        request([message(1, rendered=rendered)])["personalizations"][0]["substitutions"].keys()
        for rendered in (RENDERED, other)
    ]
    assert not tags[0] & tags[1]


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("Anna Bell", "Anna Bell"),
        ("Bell, Anna", '"Bell, Anna"'),
        ('Anna; "Ann" \\ Bell', '"Anna; \\"Ann\\" \\\\ Bell"'),
        ("Zoë 漢", "Zoë 漢"),
    ],
)
def test_no_part_of_a_name_is_taken_for_an_address(name: str, sent: str) -> None:
    (email,) = received([message(1, name=name)])
    assert email.name == sent
    assert unescape(email.html).startswith(f"<p>Dear {name},</p>")


def test_a_reader_without_a_name_and_with_an_international_domain() -> None:
    (person,) = request([message(1, email="anna@bücher.example", name="")])["personalizations"]
    assert person["to"] == [{"email": "anna@xn--bcher-kva.example"}]


def test_a_part_without_content_is_left_out() -> None:
    document = request([message(1, rendered=replace(RENDERED, html=OpenText(())))])
    assert [part["type"] for part in document["content"]] == ["text/plain"]
    assert not list(faults(document, NOW))


def test_without_a_schedule_messages_leave_at_once() -> None:
    body = VariantBody(NEWSLETTER, message(1), is_sandbox=False)
    document = json.loads(body.request(body.personalizations([message(1)]), None))
    assert not document.keys() & {"batch_id", "send_at"}


def test_a_schedule_is_read_back_as_it_was_written_and_nothing_else_is() -> None:
    assert Schedule.parse(str(SCHEDULE)) == SCHEDULE
    for text in ("", "c0ffee", "@1668522000", "c0ffee@", "c0ffee@x", "a/b@1", "c0ffee@" + "9" * 40):
        assert Schedule.parse(text) is None
