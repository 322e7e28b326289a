"""What a message that came back says, as far as it can be understood and believed."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model.feedback import EventKind as K
from newsletter.transports.smtp.bounces import Post, Report, Returns

from . import returned
from .returned import DELIVERY, READER, VERP
from .world import LIST_ID, NOW

RETURNS = Returns(LIST_ID, VERP)
LATER = NOW + timedelta(hours=1)


def read(raw: bytes) -> Report | Post:
    return RETURNS.read(raw, received_at=LATER)


def report(raw: bytes) -> Report:
    found = read(raw)
    assert isinstance(found, Report), found
    return found


@pytest.mark.parametrize(
    ("raw", "kind", "words"),
    [
        (returned.postfix(), K.HARD_BOUNCE, "5.1.1 550 5.1.1 … Recipient address rejected:"),
        (returned.exim(), K.HARD_BOUNCE, "5.1.1 550-5.1.1 The email account"),
        (returned.exchange(), K.HARD_BOUNCE, "5.1.10 550 5.1.10 RESOLVER.ADR.RecipientNotFound"),
        (returned.gmail(), K.SOFT_BOUNCE, "5.2.2 552-5.2.2 The email account"),
        (returned.qmail(), K.HARD_BOUNCE, "Remote host said: 550 5.1.1 no mailbox here"),
        (returned.qmail(said="552 5.2.2 full"), K.SOFT_BOUNCE, "Remote host said: 552 5.2.2 full"),
        (returned.old_exim(), K.HARD_BOUNCE, "550 5.1.1 unknown user"),
        (returned.postfix(action="delayed", status="4.4.1"), K.DEFERRED, "4.4.1"),
        (returned.postfix(action="delivered", status="2.0.0"), K.DELIVERED, ""),
        (returned.complaint(), K.COMPLAINT, "reported as abuse through SomeGenerator/1.0"),
        (returned.complaint(type_="opt-out"), K.UNSUBSCRIBED, "reported as opt-out"),
    ],
)
def test_the_reports_of_common_servers_are_understood(raw: bytes, kind: K, words: str) -> None:
    found = report(raw)
    assert (found.kind, found.delivery_id, found.at) == (kind, DELIVERY, NOW)
    assert found.reason.startswith(words)
    assert "@" not in found.reason


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        ("5.1.1", "550 no", K.HARD_BOUNCE),
        ("5.0.0", "550 no", K.HARD_BOUNCE),
        ("", "", K.HARD_BOUNCE),
        ("4.4.7", "451 given up", K.SOFT_BOUNCE),
        ("5.2.2", "552 mailbox full", K.SOFT_BOUNCE),
        ("5.0.0", "552 mailbox full", K.SOFT_BOUNCE),
        ("5.0.0", "554 5.7.1 we do not like your letter", K.SOFT_BOUNCE),
        ("5.7.26", "550 unauthenticated", K.SOFT_BOUNCE),
        ("5.3.4", "552 too big", K.SOFT_BOUNCE),
        ("5.1.8", "550 bad sender", K.SOFT_BOUNCE),
        ("5.4.4", "no such host", K.HARD_BOUNCE),
    ],
)
def test_only_what_condemns_the_address_is_a_hard_bounce(status: str, said: str, kind: K) -> None:
    assert report(returned.postfix(status=status, said=said)).kind is kind


@pytest.mark.parametrize(
    "raw",
    [
        returned.vacation(),
        returned.complaint(type_="not-spam"),
        returned.postfix(action="relayed", status="2.0.0"),
        returned.letter().replace(b"\n\n", b"\nPrecedence: auto_reply\n\n", 1),
    ],
)
def test_answering_machines_and_idle_reports_are_passed_over(raw: bytes) -> None:
    assert read(raw) is Post.AUTOMATIC


def test_a_persons_letter_is_a_letter_whatever_it_quotes() -> None:
    assert read(returned.letter()) is Post.LETTER
    forged = returned.qmail().replace(b"MAILER-DAEMON@relay.news.example", b"ana@clinic.example")
    assert read(forged) is Post.LETTER


def test_the_return_address_tells_the_delivery_where_nothing_else_does() -> None:
    for header in ("Delivered-To", "X-Original-To"):
        raw = returned.postfix(returned="Subject: gone\n")
        verp = f"{header}: {VERP.format(token=DELIVERY).upper()}\n".encode()
        assert report(verp + raw).delivery_id == DELIVERY
    raw = returned.postfix(to=f"<{VERP.format(token=DELIVERY)}>", returned="")
    assert report(raw).delivery_id == DELIVERY


def test_another_lists_message_is_not_ours() -> None:
    raw = returned.postfix().replace(LIST_ID.encode(), b"other.example")
    assert (report(raw).delivery_id, report(raw).address) == ("", READER)
    raw = returned.postfix().replace(LIST_ID.encode(), LIST_ID.encode() + b".other.example")
    assert report(raw).delivery_id == ""


def test_without_verp_configured_no_address_tells_a_delivery() -> None:
    raw = returned.postfix(to=VERP.format(token=DELIVERY), returned="")
    found = Returns(LIST_ID, "bounce@news.example").read(raw, received_at=LATER)
    assert isinstance(found, Report)
    assert found.delivery_id == ""


def test_a_report_of_several_recipients_tells_the_worst() -> None:
    raw = returned.postfix(action="delivered", status="2.0.0").replace(
        b"\nRemote-MTA",
        b"\n\nFinal-Recipient: rfc822; other@clinic.example\nAction: failed\nStatus: 5.1.1\n"
        b"Remote-MTA",
    )
    assert report(raw).kind is K.HARD_BOUNCE


def test_a_date_that_cannot_be_is_that_of_its_arrival() -> None:
    for date in (b"Tue, 15 Nov 2033 14:00:00 +0000", b"yesterday", b"31 Dec 9999 23:59 -2359"):
        raw = returned.postfix().replace(b"Tue, 15 Nov 2022 14:00:00 +0000", date, 1)
        assert report(raw).at == LATER


@given(st.binary(max_size=2000))
def test_no_bytes_make_it_fail(raw: bytes) -> None:
    read(raw)


@given(
    st.sampled_from([returned.postfix(), returned.gmail(), returned.qmail(), returned.complaint()]),
    st.lists(st.tuples(st.integers(0), st.integers(0, 40), st.binary(max_size=8)), max_size=6),
)
def test_no_mangled_report_makes_it_fail(raw: bytes, cuts: list[tuple[int, int, bytes]]) -> None:
    for place, length, instead in cuts:
        start = place % (len(raw) + 1)
        raw = raw[:start] + instead + raw[start + length :]
    found = read(raw)
    if isinstance(found, Report):
        assert "@" not in found.reason
        assert found.reason.isprintable()
        assert len(found.reason) <= 500
        assert found.at <= LATER


@pytest.mark.parametrize(
    "raw",
    [
        b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n" * 60_000,
        b"".join(
            b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(4000)
        ),
        b"Content-Type: message/rfc822\n\n" * 8000,
        b"To: " + b"<" * 250_000,
        b"From: postmaster@x.example\n\n" + b"<a@b.example>\n" * 18_000,
        b"From: postmaster@x.example\nSubject: =?utf-8?q?" + b"=" * 200_000 + b"?=\n\n",
        returned.postfix(said="9" * 250_000),
        b"References: " + b"7d444840-9dc0-51d1-b245-000000000001@" * 6_000 + b"\n\n",
    ],
)
def test_hostile_mail_is_read_in_bounded_time(raw: bytes) -> None:
    """Each takes well under a second; an unbounded reader would take minutes on some."""
    read(raw)
