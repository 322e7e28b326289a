"""A person's whole life with the newsletter, in a browser, and the plan that follows each step."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import Mode, Tabs, accessibility_faults
from tests.web.served import MONTH, Served, link_in, serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANA = "ana@clinic.example"


@dataclass
class Life:
    """One person, the page before them, and what the editor sees."""

    served: Served
    page: "Page"
    emails: int = 0
    seen: set[str] = field(default_factory=set)

    def look(self) -> None:
        """Every kind of page once: nothing out of reach, cut off or too small to touch."""
        kind = self.page.evaluate("location.pathname.split('/')[1] + document.forms.length")
        kind += self.page.title()
        if kind in self.seen:
            return
        self.seen.add(kind)
        assert accessibility_faults(self.page) == []
        assert self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        heights = "[...document.querySelectorAll('button, select, input[type=email]')]"
        small = f"{heights}.filter(e => e.getBoundingClientRect().height < 44).length"
        assert self.page.evaluate(small) == 0

    def go(self, path: str) -> None:
        self.page.goto(self.served.url + path)
        self.look()

    def press(self, button: str) -> None:
        self.page.click(button)
        self.look()

    def next_link(self, place: str) -> str:
        self.emails += 1
        return link_in(self.served.wait_for_email(ANA, self.emails), place)

    def plan(self) -> tuple[dict[str, int], dict[str, int]]:
        return self.served.planned()


def choose(page: "Page", topics: tuple[str, ...]) -> None:
    for box in page.query_selector_all("input[name=topics]"):
        box.set_checked(box.get_attribute("value") in topics)


@pytest.mark.parametrize(
    ("width", "mode", "language"), [(375, "dark", "fr"), (1280, "light", "en")]
)
def test_a_whole_life(  # noqa: PLR0915 - one life, step by step
    folder: Path, tabs: Tabs, width: int, mode: Mode, language: str
) -> None:
    tabs.forgiven.append("status of 404")
    with serving(folder) as served:
        locale = {"fr": "fr-CA", "en": "en-GB"}[language]
        page = tabs.open(width=width, mode=mode, javascript=True, locale=locale)
        life = Life(served, page)
        whole = f"{language}-all"

        # signs up, by keyboard where that is how one does it
        life.go("/subscribe")
        assert page.locator("html").get_attribute("lang") == language
        page.fill("#email", ANA)
        page.fill("#name", "Ana Öztürk")
        choose(page, ("alliance",))
        page.wait_for_timeout(1100)  # as nobody is quicker
        life.press("form button")
        confirm = life.next_link("confirm")
        assert life.plan() == ({}, {"unconfirmed": 1})

        # confirms, and is welcomed
        life.go(confirm)
        assert life.plan() == ({}, {"unconfirmed": 1})
        life.press("form button")
        assert life.plan() == ({f"{language}-1": 1}, {})
        preferences = life.next_link("preferences")

        # receives, and reads on in the archive
        pipeline = served.pipeline
        pipeline.send(pipeline.sendable(MONTH))
        life.emails += 1
        issue = served.wait_for_email(ANA, life.emails)
        assert link_in(issue, "preferences") == preferences
        unsubscribe = link_in(issue, "unsubscribe")
        life.go(link_in(issue, f"{MONTH}/"))

        # changes topics, name
        life.go(preferences)
        assert page.is_checked("input[value=alliance]")
        choose(page, ())
        page.fill("#name", "")
        life.press("button[value=save]")
        assert life.plan() == ({whole: 1}, {})

        # pauses and goes on
        page.select_option("#until", index=2)
        life.press("button[value=pause]")
        assert life.plan() == ({}, {"paused": 1})
        page.select_option("#until", "")
        life.press("button[value=pause]")
        assert life.plan() == ({whole: 1}, {})

        # leaves, undoes it, leaves
        life.go(unsubscribe)
        assert life.plan() == ({whole: 1}, {})
        life.press("form button")
        assert life.plan() == ({}, {"unsubscribed": 1})
        life.press("button[value=return]")
        assert life.plan() == ({whole: 1}, {})
        life.go(unsubscribe)
        life.press("form button")
        life.go(preferences)
        assert life.plan() == ({}, {"unsubscribed": 1})

        # comes back by the form
        life.go("/subscribe")
        page.fill("#email", ANA.upper())
        page.wait_for_timeout(1100)
        life.press("form button")
        life.emails = 3
        life.go(next_confirmation(served, life))
        life.press("form button")
        assert life.plan() == ({whole: 1}, {})

        # takes the data along
        life.go(preferences)
        with page.expect_download() as download:
            page.click("button[value=data]")
        data = json.loads(Path(download.value.path()).read_text("utf-8"))
        assert data["subscriber"]["email"].casefold() == ANA
        assert [entry["month"] for entry in data["issues"]] == [MONTH]
        assert len(data["consents"]) == 3

        # is erased, after being asked
        life.press("button[value=erase]")
        assert life.plan() == ({whole: 1}, {})
        life.press("button[value=erase-for-good]")
        assert life.plan() == ({}, {})
        life.go(preferences)  # leads nowhere


def next_confirmation(served: Served, life: Life) -> str:
    """The link in the email to the address as it was written this time."""
    domain = ANA.partition("@")
    return served.link(f"{domain[0].upper()}@{domain[2]}", "confirm")


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1280])
def test_pages_that_few_see_are_as_well_made(
    served: Served, tabs: Tabs, width: int, mode: Mode
) -> None:
    tabs.forgiven += ["status of 404", "status of 422"]
    life = Life(served, tabs.open(width=width, mode=mode))
    for path in ("/", "/preferences", "/confirm/x", "/no-such-page", "/api/v1/docs"):
        life.go(path)
    life.go("/subscribe?lang=fr")
    life.page.evaluate("document.querySelector('form').noValidate = true")
    life.press("form button")
    assert life.page.locator("[role=alert]").is_visible()


def test_without_a_script_everything_works(served: Served, tabs: Tabs) -> None:
    page = tabs.open(f"{served.url}/subscribe", javascript=False)
    page.fill("#email", "plain@clinic.example")
    page.wait_for_timeout(1100)
    page.click("form button")
    page.goto(served.url + served.link("plain@clinic.example", "confirm"))
    page.click("form button")
    assert served.find("plain@clinic.example").status == "confirmed"


def test_the_form_can_be_filled_in_with_the_keyboard_alone(served: Served, tabs: Tabs) -> None:
    page = tabs.open(f"{served.url}/subscribe")
    order: list[str] = []
    for _ in range(60):
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.name || document.activeElement.tagName")
        order.append(focused)
        if focused == "BUTTON":
            break
    assert "website" not in order
    assert order.index("email") < order.index("name") < order.index("topics")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
