"""What people do on the page that is theirs, and that the plan follows it."""

import json

import pytest

from newsletter.model.subscriber import Subscriber, SubscriptionStatus
from newsletter.personalise.links import LinkPurpose, Links, LinkTokens
from tests.web.served import SECRET, Served

LINKS = Links("", LinkTokens([SECRET]))


def page_of(person: Subscriber, purpose: LinkPurpose = LinkPurpose.PREFERENCES) -> str:
    return f"/{purpose}/{LINKS.token(purpose, person.id)}"


@pytest.fixture
def ben(served: Served, request: pytest.FixtureRequest) -> Subscriber:
    """Somebody new who is subscribed, named after the test."""
    name = request.node.name.removeprefix("test_")[:40].rstrip("_")
    return served.subscribe(f"{name}@clinic.example", name="Ben", topics=["cbt"], language="fr")


def test_topics_name_and_language_are_what_the_next_plan_follows(
    served: Served, ben: Subscriber
) -> None:
    before, _ = served.planned()
    with served.visitor() as visitor:
        saved = visitor.post(
            page_of(ben), data={"topics": ["alliance"], "name": "Benoît", "language": "en"}
        )
    assert saved.status_code == 200
    person = served.find(ben.email)
    assert (person.topics, person.name, person.language) == (("alliance",), "Benoît", "en")
    after, _ = served.planned()
    assert sum(after.values()) == sum(before.values())
    assert {v: n - before.get(v, 0) for v, n in after.items()}["en-1"] == 1


def test_no_topic_is_every_topic_and_a_field_left_out_stays(
    served: Served, ben: Subscriber
) -> None:
    with served.visitor() as visitor:
        visitor.post(page_of(ben), content=b"")
    person = served.find(ben.email)
    assert (person.topics, person.name, person.language) == ((), "Ben", "fr")


def test_the_page_speaks_the_person_s_language_unless_its_address_says_another(
    served: Served, ben: Subscriber
) -> None:
    with served.visitor(**{"Accept-Language": "en-GB,en;q=0.9"}) as visitor:
        assert '<html lang="fr">' in visitor.get(page_of(ben)).text
        assert '<html lang="en">' in visitor.get(f"{page_of(ben)}?lang=en").text


def test_a_pause_holds_until_its_month_and_can_be_ended(served: Served, ben: Subscriber) -> None:
    with served.visitor() as visitor:
        page = visitor.get(page_of(ben)).text
        months = [part[:7] for part in page.split('<option value="20')[1:]]
        first, *_, last = [f"20{month[:5]}" for month in months]
        assert visitor.post(page_of(ben), data={"action": "pause", "until": last}).is_success
        assert served.find(ben.email).paused_until == last
        _, skipped = served.planned()
        assert skipped["paused"] == 1
        groups = served.pipeline.ledger.subscribers.groups
        assert all(group.skipped != "paused" for group in groups(last))
        assert any(group.skipped == "paused" for group in groups(first))
        visitor.post(page_of(ben), data={"action": "pause", "until": ""})
        assert served.find(ben.email).paused_until == ""
        wrong = visitor.post(page_of(ben), data={"action": "pause", "until": "9999-12"})
        assert wrong.status_code == 422


def test_who_has_left_comes_back_from_their_page_and_that_is_a_consent(
    served: Served, ben: Subscriber
) -> None:
    served.editor.unsubscribe(ben.email)
    with served.visitor() as visitor:
        assert "action" in visitor.get(page_of(ben)).text
        for _ in range(2):
            assert visitor.post(page_of(ben), data={"action": "return"}).is_success
    assert served.find(ben.email).status is SubscriptionStatus.CONFIRMED
    first, second = served.history(ben.email)
    assert second.words
    assert second.how == first.how == "form"


def test_a_complaint_is_not_lifted_by_coming_back(served: Served, ben: Subscriber) -> None:
    served.editor.unsubscribe(ben.email)
    served.editor.suppress(ben.email)
    with served.visitor() as visitor:
        visitor.post(page_of(ben), data={"action": "return"})
    assert served.find(ben.email).suppression
    _, skipped = served.planned()
    assert skipped["suppressed"] >= 1


def test_my_data_is_everything_as_one_document(served: Served, ben: Subscriber) -> None:
    with served.visitor() as visitor:
        answer = visitor.post(page_of(ben), data={"action": "data"})
    assert answer.headers["Content-Disposition"].startswith("attachment")
    data = json.loads(answer.text)
    assert data["subscriber"]["email"] == ben.email
    assert data["subscriber"]["topics"] == ["cbt"]
    assert data["subscriber"]["status"] == "confirmed"
    assert data["consents"][0]["words"]
    assert [letter["kind"] for letter in data["letters"]] == ["confirmation", "welcome"]
    assert data["departure"] is None


def test_erasing_asks_first_and_then_leaves_the_address_nowhere(
    served: Served, ben: Subscriber
) -> None:
    with served.visitor() as visitor:
        visitor.post("/preferences", data={"email": ben.email})
        served.wait_for_email(ben.email, 3)
        assert visitor.post(page_of(ben), data={"action": "erase"}).is_success
        assert served.find(ben.email).id == ben.id
        assert visitor.post(page_of(ben), data={"action": "erase-for-good"}).is_success
        for purpose in (LinkPurpose.PREFERENCES, LinkPurpose.UNSUBSCRIBE):
            assert visitor.get(page_of(ben, purpose)).status_code == 404
    for file in served.folder.rglob("*"):
        if file.is_file() and "outbox" not in file.parts:
            assert ben.email.encode() not in file.read_bytes(), file


def test_the_link_to_the_page_is_sent_to_who_has_one_and_the_answer_tells_nothing(
    served: Served, ben: Subscriber
) -> None:
    with served.visitor() as visitor:
        known = visitor.post("/preferences", data={"email": ben.email})
        unknown = visitor.post("/preferences", data={"email": "nobody@clinic.example"})
        bad = visitor.post("/preferences", data={"email": "nobody"})
    assert (known.status_code, unknown.status_code, bad.status_code) == (200, 200, 422)
    assert known.text.replace(ben.email, "X") == unknown.text.replace("nobody@clinic.example", "X")
    assert served.link(ben.email, "preferences", 3) == page_of(ben)
    served.subscribe("later@clinic.example")
    assert served.emails("nobody@clinic.example") == []
