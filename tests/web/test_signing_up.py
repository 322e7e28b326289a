"""From the form to the first email, and what keeps strangers from making trouble with it."""

import html
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from newsletter.errors import TransportError
from newsletter.membership import PER_ADDRESS, PER_CLIENT, SignUp, words_version
from newsletter.model.delivery import Receipt
from newsletter.model.message import Message
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.personalise.keys import FormStamps
from newsletter.starter import create_newsletter
from newsletter.wiring import open_public_side
from tests.web.served import SECRET, Served, config_of, link_in, serving


def test_a_sign_up_is_confirmed_by_the_button_behind_the_link_and_welcomed(served: Served) -> None:
    ana = "ana@clinic.example"
    asked = served.sign_up(
        ana, name="Ana Öztürk", language="fr", topics=["cbt", "alliance", "trauma"]
    )
    assert asked.status_code == 200
    assert "ana@clinic.example" in asked.text
    message = served.wait_for_email(ana)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] is None
    path = link_in(message, "confirm")
    with served.visitor() as visitor:
        for ask in (visitor.get, visitor.head):  # as those do who examine links in emails
            assert ask(path).status_code == 200
            assert served.find(ana).status is SubscriptionStatus.UNCONFIRMED
        assert visitor.post(path).status_code == 200
    person = served.find(ana)
    assert (person.name, person.language, person.status) == ("Ana Öztürk", "fr", "confirmed")
    assert person.topics == ("alliance", "cbt", "trauma")  # in the order of the taxonomy
    welcome = served.wait_for_email(ana, 2)
    assert link_in(welcome, "preferences")
    assert link_in(welcome, "unsubscribe")


def test_what_was_agreed_to_is_kept_word_for_word_with_when_how_and_from_where(
    served: Served,
) -> None:
    before = datetime.now(UTC)
    with served.visitor() as visitor:
        shown = visitor.get("/subscribe?lang=fr").text
        visitor.post("/subscribe?lang=fr", data={"email": "words@clinic.example"})
        visitor.post(served.link("words@clinic.example", "confirm"))
    (consent,) = served.history("words@clinic.example")
    assert consent.words
    assert consent.words in html.unescape(shown)
    assert consent.version == words_version(consent.words)
    assert consent.how == "form"
    assert "sign-up form" in consent.source
    assert consent.at is not None
    assert before <= consent.at <= datetime.now(UTC)
    assert re.fullmatch("[0-9a-f]{64}", consent.client)


def test_the_link_opens_in_the_language_that_was_chosen_whatever_the_browser_likes(
    served: Served,
) -> None:
    served.sign_up("lea@clinic.example", language="fr")
    path = served.link("lea@clinic.example", "confirm")
    with served.visitor(**{"Accept-Language": "en-CA"}) as visitor:
        asked, confirmed, used = visitor.get(path), visitor.post(path), visitor.get(path)
        assert {html_language(page) for page in (asked, confirmed, used)} == {"fr"}
        assert html_language(visitor.get(f"{path}?lang=en")) == "en"


def html_language(page: httpx.Response) -> str:
    found = re.search('<html lang="(..)', page.text)
    assert found
    return found[1]


def test_the_answer_is_the_same_for_everybody(served: Served) -> None:
    known, gone, suppressed, erased, new = (f"{n}@same.example" for n in "kgsen")
    for address in (known, gone, suppressed, erased):
        served.subscribe(address)
    served.editor.unsubscribe(gone)
    served.editor.suppress(suppressed)
    served.editor.erase(erased)
    answers = {
        address: served.sign_up(address) for address in (known, gone, suppressed, erased, new)
    }
    assert {answer.status_code for answer in answers.values()} == {200}
    bodies = {answer.text.replace(address, "ADDRESS") for address, answer in answers.items()}
    assert len(bodies) == 1
    served.wait_for_email(new)
    assert link_in(served.wait_for_email(known, 3), "preferences")  # and no confirmation
    assert len(served.emails(suppressed)) == 2
    for address in (gone, erased):
        assert link_in(served.wait_for_email(address, 3), "confirm")


def test_who_left_or_was_erased_comes_back_by_signing_up(served: Served) -> None:
    gone, erased = "back@clinic.example", "anew@clinic.example"
    served.subscribe(gone, topics=["cbt"])
    served.subscribe(erased)
    served.editor.unsubscribe(gone)
    served.editor.erase(erased)
    for address in (gone, erased):
        served.sign_up(address, topics=["trauma"])
        with served.visitor() as visitor:
            visitor.post(link_in(served.wait_for_email(address, 3), "confirm"))
        person = served.find(address)
        assert (person.status, person.topics) == ("confirmed", ("trauma",))
    assert len(served.history(gone)) == 2
    assert len(served.history(erased)) == 1


def test_an_old_confirmation_brings_nobody_back(served: Served) -> None:
    served.subscribe("once@clinic.example")
    served.editor.unsubscribe("once@clinic.example")
    path = served.link("once@clinic.example", "confirm")
    with served.visitor() as visitor:
        assert "button" not in visitor.get(path).text
        assert visitor.post(path).status_code == 200
    assert served.find("once@clinic.example").status is SubscriptionStatus.UNSUBSCRIBED


def test_a_stranger_s_words_reach_nobody(served: Served) -> None:
    advert = "Buy cheap pills at pills.example"
    served.sign_up("victim@clinic.example", name=advert)
    assert "pills" not in served.wait_for_email("victim@clinic.example").as_string()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana",
        "ana@",
        "@clinic.example",
        "ana@clinic",
        "a b@clinic.example",
        "ana@clinic.example, ben@clinic.example",
        "ana@clinic.example\r\nBcc: ben@clinic.example",
        "Ana <ana@clinic.example>",
        '"><script>alert(1)</script>@clinic.example',
        "ana@[127.0.0.1]",
        "a" * 5000 + "@clinic.example",
    ],
)
def test_a_bad_address_is_refused_with_the_form_as_it_was(served: Served, address: str) -> None:
    answer = served.sign_up(address, name="Ana", topics=["trauma"])
    assert answer.status_code == 422
    assert 'value="Ana"' in answer.text
    assert re.search(r'value="trauma" checked', answer.text)
    assert "<script>" not in answer.text


@pytest.mark.parametrize("fields", [{"name": "a" * 101}, {"topics": ["alliance", "no-such"]}])
def test_a_choice_that_cannot_be_is_refused(
    served: Served, fields: dict[str, str | list[str]]
) -> None:
    assert served.sign_up("choice@clinic.example", **fields).status_code == 422


def test_all_topics_are_every_topic_the_later_ones_too(served: Served) -> None:
    topics = list(served.pipeline.desk.taxonomy.topics)
    assert served.subscribe("all@clinic.example", topics=topics).topics == ()


def test_a_name_is_shown_as_text_wherever_it_comes(served: Served) -> None:
    name = "<img src=x onerror=alert(1)>'\"&{{ 7*7 }}"
    served.subscribe("markup@clinic.example", name=name)
    with served.visitor() as visitor:
        page = visitor.get(served.link("markup@clinic.example", "preferences", 2)).text
    assert "<img" not in page
    assert html.escape(name).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page


def test_an_address_that_looks_like_another_is_another(served: Served) -> None:
    served.subscribe("lara@clinic.example", name="Lara")
    served.sign_up("l\u0430ra@clinic.example", name="Not Lara")
    assert served.find("lara@clinic.example").name == "Lara"
    assert len(served.emails("lara@clinic.example")) <= 2


# robots and floods


def form_of(page: httpx.Response) -> dict[str, str]:
    """The form's hidden fields."""
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))


def test_who_fills_in_what_people_do_not_see_gets_the_same_answer_and_no_email(
    served: Served,
) -> None:
    with served.visitor() as visitor:
        page = visitor.get("/subscribe")
    hidden = re.search(r'name="(\w+)"[^>]*tabindex="-1"', page.text)
    assert hidden is not None
    trapped = served.sign_up("trapped@clinic.example", **{hidden[1]: "x"})
    person = served.sign_up("caught@clinic.example")
    assert trapped.text.replace("trapped@", "caught@") == person.text
    served.wait_for_email("caught@clinic.example")
    assert served.emails("trapped@clinic.example") == []


@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=3)])
def test_a_form_answered_before_it_can_be_read_is_asked_for_again(
    served: Served, age: timedelta
) -> None:
    stamp = FormStamps([SECRET]).stamp(datetime.now(UTC) - age)
    answer = served.sign_up(f"quick{age.days}@clinic.example", shown=stamp, name="Quick")
    if age:
        assert answer.status_code == 200
        return
    assert answer.status_code == 422
    assert 'value="Quick"' in answer.text
    again = served.sign_up("quick0@clinic.example", **form_of(answer))
    assert again.status_code == 200


@pytest.mark.parametrize("stamp", ["", "x", "1-2", "9" * 400 + "-" + "0" * 64, "-", "é-é"])
def test_a_forged_time_is_none(served: Served, stamp: str) -> None:
    assert served.sign_up("forged@clinic.example", shown=stamp).status_code == 422


def test_an_address_gets_three_emails_whoever_asks(served: Served) -> None:
    answers = [served.sign_up("flooded@clinic.example") for _ in range(PER_ADDRESS.letters + 2)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
    assert 0 < int(answers[-1].headers["Retry-After"]) <= PER_ADDRESS.within.total_seconds()
    served.wait_for_email("flooded@clinic.example", 3)
    served.subscribe("after@clinic.example")  # whose letters are written after all of these
    assert len(served.emails("flooded@clinic.example")) == 3


def test_a_network_may_ask_for_so_many_and_cannot_pretend_to_be_another(served: Served) -> None:
    with served.visitor() as visitor:
        codes = [
            visitor.post(
                "/subscribe",
                data={"email": f"class{n}@clinic.example"},
                headers={"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.9"},
            ).status_code
            for n in range(PER_CLIENT.letters + 1)
        ]
    assert codes == [200] * PER_CLIENT.letters + [429]


def test_nobody_is_believed_about_where_they_come_from_unless_the_settings_say_so(
    tmp_path: Path,
) -> None:
    create_newsletter(tmp_path / "digest")
    with serving(tmp_path / "digest") as served:
        codes = [
            served.sign_up(f"pretender{n}@clinic.example").status_code
            for n in range(PER_CLIENT.letters + 1)
        ]
    assert codes == [200] * PER_CLIENT.letters + [429]


def test_what_one_process_was_asked_another_counts(folder: Path) -> None:
    with serving(folder) as one, serving(folder) as other:
        for served in (one, other, one):
            assert served.sign_up("shared@clinic.example").status_code == 200
        assert other.sign_up("shared@clinic.example").status_code == 429
        one.wait_for_email("shared@clinic.example", 3)


# nothing asked for is lost


def ask(folder: Path, address: str) -> None:
    """What a process commits for a sign-up, and dies."""
    form = SignUp(address, "", (), "en", "I agree")
    assert open_public_side(config_of(folder)).membership.sign_up(form, "192.0.2.1") is None


def test_what_a_process_that_died_was_asked_is_written_by_the_next(folder: Path) -> None:
    ask(folder, "early@clinic.example")
    with serving(folder) as served:
        assert served.link("early@clinic.example", "confirm")


class _Shut:
    name, parallel, in_hand = "shut", 1, 1

    def send(self, messages: list[Message], commit: object = None) -> Iterator[Receipt]:  # noqa: ARG002
        raise TransportError("nobody answers")

    def close(self) -> None:
        """Nothing is open."""


def test_while_the_way_out_is_closed_letters_wait(folder: Path) -> None:
    ask(folder, "patient@clinic.example")
    public = open_public_side(config_of(folder))
    correspondence = public.correspondence
    open_outbox = correspondence._open_transport  # noqa: SLF001 - the wall between us and the world
    correspondence._open_transport = _Shut  # type: ignore[assignment]  # noqa: SLF001
    with pytest.raises(TransportError):
        correspondence.write_due()
    correspondence._open_transport = open_outbox  # noqa: SLF001
    assert correspondence.write_due() == 0  # not at once again
    correspondence._now = lambda: datetime.now(UTC) + timedelta(minutes=2)  # noqa: SLF001
    assert correspondence.write_due() == 1
    assert correspondence.write_due() == 0
    assert len(list((folder / "var/outbox/new").iterdir())) == 1


def test_who_never_confirms_is_forgotten_after_a_month(folder: Path) -> None:
    address = "never@clinic.example"
    with serving(folder) as served:
        served.sign_up(address)
        link = served.link(address, "confirm")
    with closing(sqlite3.connect(folder / "var/newsletter.db")) as database, database:
        month = 31 * 24 * 3600 * 1_000_000  # microseconds
        database.execute("UPDATE letters SET asked_at = asked_at - ?", (month,))
        database.execute("UPDATE subscribers SET created_at = created_at - ?", (month,))
    with serving(folder) as served, served.visitor() as visitor:
        latest = time.monotonic() + 20
        while served.ledger.subscribers.find(address):
            assert time.monotonic() < latest
            time.sleep(0.02)
        assert visitor.get(link).status_code == 404
    files = [file.read_bytes() for file in (folder / "var").glob("newsletter.db*")]
    assert files
    assert not any(address.encode() in content for content in files)


def test_who_gives_an_address_that_lasts_minutes_is_told_so(served: Served) -> None:
    assert "mailinator.com last only minutes" in served.sign_up("ana@Mailinator.com").text
    assert "only minutes" not in served.sign_up("ana@keeping.example").text
    served.wait_for_email("ana@mailinator.com")
