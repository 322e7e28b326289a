"""SendGrid's event webhook: who is believed, and what the events say."""

import json
from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ConfigError
from newsletter.model.feedback import DeliveryEvent
from newsletter.model.feedback import EventKind as K
from newsletter.transports.sendgrid.events import EventsRefused, ParsedEvents, parse_events, verify

DELIVERY = "7d444840-9dc0-51d1-b245-000000000001"
AT = datetime(2022, 11, 15, 14, tzinfo=UTC)
SECONDS = "1668520800"  # the same
BODY = b'[{"email":"ana@clinic.example"}]'
KEY = ec.generate_private_key(ec.SECP256R1())


def public(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    return b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


PUBLIC = public(KEY.public_key())


def sign(body: bytes = BODY, timestamp: str = SECONDS) -> str:
    return b64encode(KEY.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()


def check(
    *,
    body: bytes = BODY,
    signature: str | None = None,
    timestamp: str = SECONDS,
    now: datetime = AT,
) -> None:
    verify(PUBLIC, sign() if signature is None else signature, timestamp, body, now=now)


def event(type_: str, **more: object) -> dict[str, object]:
    """An event as SendGrid's reference shows it."""
    return {
        "email": "ana@clinic.example",
        "timestamp": int(AT.timestamp()),
        "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
        "event": type_,
        "category": ["digest"],
        "sg_event_id": "c2dfZXZlbnRfaWQ",
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "delivery_id": DELIVERY,
        **more,
    }


def parse(*events: object) -> ParsedEvents:
    return parse_events(json.dumps(events).encode())


def kinds(*events: object) -> list[K]:
    return [found.kind for found in parse(*events).events]


def test_what_sendgrid_signed_is_believed_for_a_day() -> None:
    check()
    check(now=AT + timedelta(hours=23, minutes=59))
    check(now=AT - timedelta(seconds=3))  # no two clocks agree


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (AT + timedelta(days=1, seconds=1), "too old"),
        (AT + timedelta(days=900), "too old"),
        (AT - timedelta(minutes=1), "of the future"),
        (AT - timedelta(days=2), "of the future"),
    ],
)
def test_a_stale_or_future_request_is_refused(now: datetime, words: str) -> None:
    with pytest.raises(EventsRefused, match=words):
        check(now=now)


@pytest.mark.parametrize(
    ("body", "signature", "timestamp"),
    [
        (BODY + b" ", None, None),
        (BODY, "", None),
        (BODY, "no base64!", None),
        (BODY, b64encode(b"no signature").decode(), None),
        (BODY, "signáture", None),
        (BODY, None, "1668520801"),
        (BODY, None, ""),
        (BODY, None, "1668520800.0"),
        (BODY, None, "٣"),
        (BODY, None, "-1"),
        (BODY, None, "9" * 5000),
    ],
)
def test_anything_else_is_refused(
    body: bytes, signature: str | None, timestamp: str | None
) -> None:
    with pytest.raises(EventsRefused):
        check(body=body, signature=signature, timestamp=SECONDS if timestamp is None else timestamp)


def test_a_key_that_is_none_is_named() -> None:
    another_kind = public(rsa.generate_private_key(65537, 2048).public_key())
    for key in ("", "no key", b64encode(b"no key").decode(), another_kind):
        with pytest.raises(ConfigError, match="SENDGRID_WEBHOOK_KEY"):
            verify(key, sign(), SECONDS, BODY, now=AT)


@pytest.mark.parametrize(
    ("told", "kind", "reason"),
    [
        (event("processed"), K.ACCEPTED, ""),
        (event("delivered", response="250 OK"), K.DELIVERED, ""),
        (
            event("deferred", response="400 try again later", attempt="5"),
            K.DEFERRED,
            "400 try again later",
        ),
        (
            event("bounce", type="bounce", status="5.0.0", reason="500 unknown recipient"),
            K.HARD_BOUNCE,
            "5.0.0 500 unknown recipient",
        ),
        (event("bounce", status="5.1.1"), K.HARD_BOUNCE, "5.1.1"),
        (event("bounce"), K.HARD_BOUNCE, ""),
        (
            event("bounce", type="blocked", status="5.1.1", reason="550 5.1.1 no <ana@x.example>"),
            K.SOFT_BOUNCE,
            "550 5.1.1 no …",
        ),
        (event("bounce", type="bounce", status="4.2.1"), K.SOFT_BOUNCE, "4.2.1"),
        (event("bounce", type="bounce", status="5.2.2"), K.SOFT_BOUNCE, "5.2.2"),
        (event("dropped", reason="Spam Content"), K.DROPPED, "Spam Content"),
        (event("spamreport"), K.COMPLAINT, ""),
        (event("unsubscribe"), K.UNSUBSCRIBED, ""),
        (event("group_unsubscribe", asm_group_id=10), K.UNSUBSCRIBED, ""),
    ],
)
def test_each_type_of_event_is_news(told: object, kind: K, reason: str) -> None:
    assert parse(told).events == [DeliveryEvent(DELIVERY, kind, AT, reason)]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("Bounced Address", K.HARD_BOUNCE),
        ("Invalid", K.HARD_BOUNCE),
        ("Spam Reporting Address", K.COMPLAINT),
        ("Unsubscribed Address", K.UNSUBSCRIBED),
    ],
)
def test_a_drop_because_of_the_address_is_news_of_the_address_too(reason: str, kind: K) -> None:
    assert kinds(event("dropped", reason=reason)) == [K.DROPPED, kind]


def test_what_is_of_no_use_is_counted_and_the_rest_taken() -> None:
    parsed = parse(
        event("open"),
        event("click", url="https://news.example"),
        event("click"),
        event("group_resubscribe"),
        event("teleported"),
        event("account_status_change"),
        "no event",
        None,
        {},
        event("delivered", timestamp="1668520800"),
        event("delivered", timestamp=True),
        event("delivered", timestamp=10**15),
        event("delivered", timestamp=-1),
        {**event("delivered"), "event": ["delivered"]},
        event("delivered", delivery_id="a test copy"),
        event("delivered", delivery_id=7),
        {key: value for key, value in event("delivered").items() if key != "delivery_id"},
        event("delivered"),
    )
    assert parsed == ParsedEvents(
        events=[DeliveryEvent(DELIVERY, K.DELIVERED, AT)],
        ignored=Counter(open=1, click=2, group_resubscribe=1),
        unknown=2,
        malformed=8,
        foreign=3,
    )


def test_our_argument_is_found_where_it_is_kept_apart() -> None:
    told = event("delivered", custom_args={"delivery_id": DELIVERY})
    del told["delivery_id"]
    assert kinds(told) == [K.DELIVERED]


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[", b"null", b"\xff\xfe", b"[" * 100_000, b"[" + b"9" * 10_000 + b"]", b"7"],
)
def test_a_body_that_is_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(EventsRefused):
        parse_events(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)


@given(
    st.lists(
        st.builds(
            lambda type_, more: event(type_, **more),
            st.sampled_from(["processed", "bounce", "dropped", "deferred", "spamreport", "x"]),
            st.dictionaries(
                st.sampled_from(
                    [
                        "timestamp",
                        "delivery_id",
                        "custom_args",
                        "type",
                        "status",
                        "reason",
                        "response",
                    ]
                ),
                JSON,
            ),
        )
        | JSON,
        max_size=4,
    )
)
def test_no_values_make_it_fail_and_each_event_is_counted(events: list[object]) -> None:
    parsed = parse(*events)
    counted = parsed.unknown + parsed.malformed + parsed.foreign + parsed.ignored.total()
    assert counted + len(parsed.events) >= len(events)
    for found in parsed.events:
        assert found.reason.isprintable()
        found.reason.encode()
        assert "@" not in found.reason
