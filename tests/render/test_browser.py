"""An email as a browser draws it, on a phone and on a desk, in light and in dark."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from newsletter.templates import Templates

pytestmark = [
    pytest.mark.parametrize("issue", ["2022-11"], indirect=True),
    pytest.mark.parametrize("language", ["fr"], indirect=True),
    pytest.mark.parametrize("rendered", [{0, 1}], indirect=True, ids=["two in full"]),
]

# Every visible text with its colour, its size and the first ground painted behind it.
TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement, style = getComputedStyle(element);
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    let ground = element;
    while (ground && getComputedStyle(ground).backgroundColor === "rgba(0, 0, 0, 0)")
      ground = ground.parentElement;
    found.push([walker.currentNode.data.trim(), style.color,
      ground && getComputedStyle(ground).backgroundColor, parseFloat(style.fontSize),
      !!element.closest(".prose p, .prose li, .teaser, .headline")]);
  }
  return found;
}"""
SMALL_LINKS = """() => [...document.links].filter(
  link => getComputedStyle(link).display !== "inline" && link.getBoundingClientRect().height < 24
).map(link => link.textContent)"""


@dataclass(frozen=True)
class Text:
    """A text on the page: its colours as `rgb(…)`, its size in pixels."""

    words: str
    colour: str
    ground: str
    size: float
    is_prose: bool


@pytest.fixture(scope="module", params=["light", "dark"])
def mode(request: pytest.FixtureRequest) -> Any:  # noqa: ANN401 - a literal type of playwright's
    return request.param


@pytest.fixture(scope="module", params=[375, 680])
def page(
    chromium: Browser, html: str, mode: Literal["light", "dark"], request: pytest.FixtureRequest
) -> Iterator[Page]:
    viewport = ViewportSize(width=request.param, height=900)
    page = chromium.new_page(viewport=viewport, color_scheme=mode)
    page.set_content(html)
    yield page
    page.close()


def texts(page: Page) -> list[Text]:
    return [Text(*found) for found in page.evaluate(TEXTS)]


def rgb(colour: str) -> str:
    """`#rrggbb` as a browser states it."""
    return f"rgb({', '.join(str(int(colour[place : place + 2], 16)) for place in (1, 3, 5))})"


def test_nothing_is_cut_off_or_scrolls_sideways(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate("document.compatMode") == "CSS1Compat"


def test_every_text_and_ground_is_of_the_modes_palette(
    page: Page, mode: str, templates: Templates
) -> None:
    colours = templates.palette[mode]
    grounds = {rgb(colours[name]) for name in ("page", "card", "callout")}
    inks = {rgb(colours[name]) for name in ("ink", "quiet", "accent")}
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == rgb(colours["page"])
    found = texts(page)
    assert [text for text in found if text.colour not in inks or text.ground not in grounds] == []
    assert {text.ground for text in found} == grounds
    assert {text.colour for text in found} == inks


def test_no_text_is_smaller_than_can_be_read(page: Page) -> None:
    assert [text for text in texts(page) if text.size < (16 if text.is_prose else 13)] == []


def test_links_are_lines_of_text_or_large_enough_to_touch(page: Page) -> None:
    assert page.evaluate(SMALL_LINKS) == []
