"""Light and dark in the frame are the email's own, as a browser in that mode would set it."""

from typing import Literal

import pytest

from newsletter.config import load_config
from newsletter.preview.emulation import emulate, localise_images, without_images
from newsletter.preview.view import Mode
from newsletter.wiring import open_desk
from tests.browser import Tabs
from tests.preview.conftest import Previewed

COLOURS = """() => [...document.body.querySelectorAll("*")].map(element => {
  const style = getComputedStyle(element);
  return [element.tagName, style.color, style.backgroundColor, style.borderTopColor];
})"""


@pytest.mark.parametrize(("mode", "other"), [("light", "dark"), ("dark", "light")])
def test_a_mode_is_what_a_browser_in_it_would_show(
    preview: Previewed, tabs: Tabs, mode: Literal["light", "dark"], other: Literal["light", "dark"]
) -> None:
    shown = tabs.open(mode=other)  # a script may not look into the email itself
    shown.set_content(preview.get(f"/email?mode={mode}").text)
    plain = tabs.open(mode=mode)
    plain.set_content(source(preview))
    assert shown.evaluate(COLOURS) == plain.evaluate(COLOURS)


def source(preview: Previewed) -> str:
    """The email's HTML before anything is emulated."""
    desk = open_desk(load_config(preview.path / "config.toml", {}))
    issue = desk.read("2022-11")
    return desk.impersonal(desk.compile(issue), desk.whole(issue)).html


@pytest.mark.parametrize(
    ("query", "mode", "holds"),
    [
        ("(prefers-color-scheme: dark)", Mode.DARK, True),
        ("(prefers-color-scheme: dark)", Mode.LIGHT, False),
        ("( prefers-color-scheme:light )", Mode.LIGHT, True),
        ("screen and (prefers-color-scheme: dark) and (min-width: 1px)", Mode.DARK, True),
        ("not (prefers-color-scheme: dark)", Mode.DARK, False),
    ],
)
def test_every_form_of_the_query_is_decided(
    tabs: Tabs, query: str, mode: Mode, *, holds: bool
) -> None:
    html = f"<!DOCTYPE html><head><style>@media {query} {{ p {{ top: 1px }} }}</style></head><p>"
    page = tabs.open(mode="light" if mode is Mode.DARK else "dark")
    page.set_content(emulate(html, mode))
    assert page.evaluate("getComputedStyle(document.querySelector('p')).top === '1px'") is holds


def test_words_about_dark_mode_stay_as_they_are() -> None:
    html = "<head></head><p>@media (prefers-color-scheme: dark) and color-scheme: light dark</p>"
    assert emulate(html, Mode.DARK).endswith(html.removeprefix("<head>"))


def test_pictures_come_from_the_issue_alone() -> None:
    html = (
        '<img src="https://news.example/2022-11/a%20b.png" alt="one">'
        '<img alt="two" src="https://elsewhere.example/a.png"><p>src="https://x.example"</p>'
    )
    local = localise_images(html, "2022-11", "https://news.example", ["a b.png"])
    assert '<img src="/pictures/2022-11/a%20b.png" alt="one">' in local
    assert '<img alt="two" src="">' in local
    assert '<p>src="https://x.example"</p>' in local
    off = without_images(html)
    assert off.count('src=""') == 2
    assert 'alt="one"' in off
