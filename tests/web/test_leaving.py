"""One click is enough (RFC 8058), and looking is no click."""

from collections.abc import Mapping
from typing import Any

import pytest

from newsletter.model.subscriber import Subscriber, SubscriptionStatus
from newsletter.personalise.links import LinkPurpose, Links, LinkTokens
from tests.web.served import MONTH, SECRET, Served

LINKS = Links("", LinkTokens([SECRET]))
LEFT = SubscriptionStatus.UNSUBSCRIBED


def leave_url(person: Subscriber) -> str:
    return f"/unsubscribe/{LINKS.token(LinkPurpose.UNSUBSCRIBE, person.id)}"


@pytest.fixture
def eva(served: Served, request: pytest.FixtureRequest) -> Subscriber:
    number = abs(hash(request.node.name)) % 10**9
    return served.subscribe(f"eva{number}@clinic.example", topics=["alliance"])


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {},
        {"content": b"\x00\xff", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"{}", "headers": {"Content-Type": "application/json"}},
    ],
    ids=["urlencoded", "multipart", "no body", "broken", "json"],
)
def test_a_post_unsubscribes_whatever_its_body(
    served: Served, eva: Subscriber, body: Mapping[str, Any]
) -> None:
    with served.visitor() as visitor:
        for _ in range(2):
            answer = visitor.post(leave_url(eva), **body)
            assert answer.status_code == 200
            assert "set-cookie" not in answer.headers
    assert served.find(eva.email).status is LEFT


def test_looking_changes_nothing(served: Served, eva: Subscriber) -> None:
    with served.visitor() as visitor:
        assert visitor.get(leave_url(eva)).status_code == 200
        assert visitor.head(leave_url(eva)).status_code == 200
        for method in ("OPTIONS", "PUT", "DELETE", "TRACE"):
            assert visitor.request(method, leave_url(eva)).status_code == 405
    assert served.find(eva.email).status is SubscriptionStatus.CONFIRMED


def test_leaving_is_never_throttled(served: Served, eva: Subscriber) -> None:
    with served.visitor() as visitor:
        codes = {visitor.post(leave_url(eva)).status_code for _ in range(100)}
    assert codes == {200}


def test_the_very_next_claim_passes_them_by(served: Served, eva: Subscriber) -> None:
    pipeline = served.pipeline
    issue = pipeline.sendable(MONTH)
    deliveries = pipeline.ledger.deliveries
    deliveries.freeze(MONTH, digests=issue.digests, content="{}", now=pipeline._now())  # noqa: SLF001
    deliveries.plan(MONTH, pipeline._promises(issue), now=pipeline._now())  # noqa: SLF001
    with served.visitor() as visitor:
        visitor.post(leave_url(eva))
    claimed = []
    while batch := deliveries.claim(MONTH, "a sender", now=pipeline._now()):  # noqa: SLF001
        claimed += [delivery.email for delivery in batch.deliveries]
    assert eva.email not in claimed


def test_a_wrong_link_tells_nothing_and_does_nothing(served: Served, eva: Subscriber) -> None:
    stranger = LinkTokens(["another key"])
    wrong = [
        f"/unsubscribe/{LINKS.token(LinkPurpose.PREFERENCES, eva.id)}",
        f"/unsubscribe/{stranger.sign(LinkPurpose.UNSUBSCRIBE, eva.id)}",
        f"/unsubscribe/{LINKS.token(LinkPurpose.UNSUBSCRIBE, '0' * 32)}",  # of nobody, signed
        "/unsubscribe/copy",
        "/unsubscribe/%00",
        f"/unsubscribe/{'a' * 5000}",
    ]
    with served.visitor() as visitor:
        for method in ("GET", "POST"):
            answers = [visitor.request(method, path) for path in wrong]
            assert {answer.status_code for answer in answers} == {404}
            assert len({answer.text for answer in answers}) == 1
    assert served.find(eva.email).status is SubscriptionStatus.CONFIRMED
