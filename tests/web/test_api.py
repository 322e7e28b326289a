"""The API: what it takes, what it tells, and to whom."""

from collections.abc import Collection
from typing import Any

import httpx
import pytest

from newsletter.model.api_token import Scope
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.web import api_access
from newsletter.wiring import open_api_tokens
from tests.web.served import Served

CONSENT = {"words": "Yes, send it.", "source": "https://www.test/news", "client": "203.0.113.7"}


def caller(served: Served, scopes: Collection[Scope] = tuple(Scope)) -> httpx.Client:
    _, text = open_api_tokens(served.config).create("website", scopes)
    headers = {"Authorization": f"Bearer {text}"}
    return httpx.Client(base_url=f"{served.url}/api/v1", headers=headers)


def signing_up(email: str, **more: object) -> dict[str, Any]:
    return {"email": email, "consent": CONSENT, **more}


def test_a_sign_up_is_confirmed_by_email_and_its_consent_is_on_record(served: Served) -> None:
    email = "api@clinic.example"
    body = signing_up(email, name="Ana", topics=["alliance"], language="fr")
    with caller(served) as api:
        answers = [api.post("/subscriptions", json=body) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202] * 5
    with served.visitor() as visitor:
        assert visitor.post(served.link(email, "confirm")).status_code == 200
    served.wait_for_email(email, 2)
    assert len(served.emails(email)) == 2  # what was repeated was asked once
    person, (consent,) = served.find(email), served.history(email)
    assert (person.name, person.topics, person.language) == ("Ana", ("alliance",), "fr")
    assert (consent.how, consent.words) == ("api", CONSENT["words"])
    assert consent.source.startswith(CONSENT["source"])


def test_nobody_learns_whether_an_address_is_known(served: Served) -> None:
    served.subscribe("known@clinic.example")
    with caller(served) as api:
        known = api.post("/subscriptions", json=signing_up("known@clinic.example"))
        unknown = api.post("/subscriptions", json=signing_up("unknown@clinic.example"))
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)


def test_a_person_is_found_changed_let_go_and_erased(served: Served) -> None:
    person = served.subscribe("whole@clinic.example", name="Ana", topics=["alliance"])
    place = f"/subscribers/{person.id}"
    with caller(served) as api:
        found = api.post("/subscribers/search", json={"email": "WHOLE@clinic.example"}).json()
        assert found == api.get(place).json()
        assert (found["id"], len(found["consents"])) == (person.id, 1)
        changed = api.patch(place, json={"name": "Anna", "timezone": "Asia/Kathmandu"}).json()
        assert (changed["name"], changed["topics"]) == ("Anna", ["alliance"])
        assert changed["timezone"] == "Asia/Kathmandu"
        wrong = api.patch(place, json={"timezone": "Asia/Katmandoo"})
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "#/timezone")
        gone = api.patch(place, json={"status": "unsubscribed"}).json()
        assert (gone["status"], gone["departure"]["through"]) == ("unsubscribed", "api")
        assert served.find(person.email).status is SubscriptionStatus.UNSUBSCRIBED
        assert api.delete(place).status_code == 204
        assert api.get(place).status_code == api.delete(place).status_code == 404
    assert served.ledger.subscribers.find(person.email) is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (signing_up("ana@clinic.example", nmae="Ana"), "#/nmae"),
        (signing_up("ana@clinic.example", topics=["alliance", "none"]), "#/topics/1"),
        (signing_up("ana"), "#/email"),
        (signing_up("ana@clinic.example", language="xx"), "#/language"),
        ({"email": "ana@clinic.example"}, "#/consent"),
        ({"email": "a@clinic.example", "consent": {**CONSENT, "client": "x"}}, "#/consent/client"),
        ({"email": "a@clinic.example", "consent": {**CONSENT, "words": " "}}, "#/consent/words"),
    ],
)
def test_a_wrong_member_is_named_by_its_pointer(
    served: Served, body: dict[str, Any], pointer: str
) -> None:
    with caller(served) as api:
        answer = api.post("/subscriptions", json=body)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize("body", [b"{", b"[" * 60_000, b"1" * 60_000, b'{"email": "\\ud800"}'])
def test_a_hostile_body_is_plainly_refused(served: Served, body: bytes) -> None:
    with caller(served) as api:
        headers = {"Content-Type": "application/json"}
        answer = api.post("/subscriptions", content=body, headers=headers)
        assert answer.status_code in {400, 422}
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert api.get("/subscribers/%00").status_code == 404


def test_only_a_token_of_ours_with_the_scope_opens_the_door(served: Served) -> None:
    tokens = open_api_tokens(served.config)
    token, text = tokens.create("reader", [Scope.READ])
    place = f"{served.url}/api/v1/subscribers/{'0' * 32}"
    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": f"Bearer {text[:-1]}!"}):
        answer = httpx.get(place, headers=header)
        assert (answer.status_code, answer.json()["status"]) == (401, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    bearer = {"Authorization": f"Bearer {text}"}
    assert httpx.get(place, headers=bearer).status_code == 404
    assert httpx.delete(place, headers=bearer).status_code == 403
    tokens.revoke(token.id)
    assert httpx.get(place, headers=bearer).status_code == 401


def test_a_token_used_too_often_has_to_wait() -> None:
    allowances = api_access.Allowances(60, clock=iter([0.0] * 61 + [1.0]).__next__)
    assert [allowances.take("a") for _ in range(61)] == [0] * 60 + [1]
    assert allowances.take("a") == 0


def test_the_page_of_the_api_needs_nothing_from_elsewhere(served: Served) -> None:
    answer = httpx.get(f"{served.url}/api/v1/docs")
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "<script" not in answer.text
    assert "Lets the person go." in answer.text
    document = httpx.get(f"{served.url}/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.")
    assert "HTTPValidationError" not in str(document)
