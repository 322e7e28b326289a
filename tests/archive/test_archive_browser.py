"""The site in a real browser: the filters and the search, with a script and without, and axe."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from newsletter.archive.entries import PublishedIssue
from newsletter.archive.publish import publish_site
from newsletter.archive.search import build_index
from newsletter.model.issue import Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates
from newsletter.web import archive as served
from tests.browser import Mode, Tabs, accessibility_faults


class Quiet(SimpleHTTPRequestHandler):
    """Any web server, with the rules for content that ours sends along."""

    def end_headers(self) -> None:
        policy = served._HEADERS["Content-Security-Policy"]  # noqa: SLF001
        self.send_header("Content-Security-Policy", policy)
        super().end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site(  # noqa: PLR0917 - fixtures
    october: PublishedIssue,
    november: PublishedIssue,
    newsletter: Newsletter,
    taxonomy: Taxonomy,
    templates: Templates,
    archive: Path,
) -> Iterator[str]:
    publish_site(
        archive,
        [october, november],
        newsletter=newsletter,
        taxonomy=taxonomy,
        templates=templates,
        indexer=build_index,
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(archive)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("has_script", [True, False])
def test_both_filters_work_together_with_a_script_and_without(
    site: str, tabs: Tabs, *, has_script: bool
) -> None:
    page = tabs.open(f"{site}/articles/index.html", javascript=has_script)
    shown = page.locator(".entry:visible .headline")
    assert shown.count() == 4
    page.get_by_text("Alliance", exact=True).first.click()
    assert shown.all_inner_texts() == ["The alliance & its ruptures"]
    page.get_by_text("All topics (clear)").click()
    page.get_by_text("Outcomes", exact=True).first.click()
    page.get_by_text("Review", exact=True).first.click()
    assert shown.all_inner_texts() == ["The alliance & its ruptures"]
    if has_script:
        assert page.url.endswith("?topic=outcomes&type=review")
        assert page.locator("#tally").inner_text() == "1 article"


def test_a_link_holds_the_choice(site: str, tabs: Tabs) -> None:
    page = tabs.open(f"{site}/articles/index.html?topic=alliance&type=review")
    page.wait_for_function("document.getElementById('tally').textContent === '1 article'")
    assert page.locator("#topic-alliance").is_checked()


def test_the_search_finds_words_of_the_text(site: str, tabs: Tabs) -> None:
    page = tabs.open(f"{site}/articles/index.html")
    page.locator("input[type=search]").fill("steady")
    found = page.locator("[data-search-results] .headline")
    found.first.wait_for()
    assert found.all_inner_texts() == ["The alliance & its ruptures"]
    assert page.locator("[data-search-results] mark").first.inner_text() == "steady"
    page.locator("input[type=search]").fill("zzzz")
    page.get_by_text("Nothing found.").wait_for()


def test_without_a_script_the_page_says_so_and_lists_everything(site: str, tabs: Tabs) -> None:
    page = tabs.open(f"{site}/articles/index.html", javascript=False)
    assert page.locator(".search-note").is_visible()
    assert page.locator(".entry:visible").count() == 4


@pytest.mark.parametrize(("width", "mode"), [(375, "light"), (1280, "dark")])
def test_nobody_is_kept_out(site: str, tabs: Tabs, width: int, mode: Mode) -> None:
    paths = ("", "2022-11/", "2022-11/01-alliance/", "articles/", "topics/outcomes/", "about/")
    for path in paths:
        page = tabs.open(f"{site}/{path}", width=width, mode=mode)
        assert accessibility_faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
