"""The site in a real browser: the filters and the search, with a script and without, and axe."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from newsletter.archive.entries import PublishedIssue
from newsletter.archive.publish import publish_site
from newsletter.archive.search import build_index
from newsletter.model.issue import Passage, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates
from newsletter.web import archive as served
from tests.archive.conftest import article, issue, november_in, october_in
from tests.browser import Tabs, accessibility_faults


class Quiet(SimpleHTTPRequestHandler):
    """Any web server, with the rules for content that ours sends along."""

    def end_headers(self) -> None:
        policy = served._HEADERS["Content-Security-Policy"]  # noqa: SLF001
        self.send_header("Content-Security-Policy", policy)
        super().end_headers()

    def log_message(self, *_: object) -> None: ...


_TABLE: Final = """\
| Treatment | Trials | Effect size (95% CI) | Heterogeneity | Quality of evidence |
|---|--:|---|--:|---|
| Cognitive-behavioural therapy | 1,204 | 0.34 (0.26 to 0.41) | 74.2% | moderate |
| Interpersonal psychotherapy | 312 | 0.29\u20130.38 | 61% | low |
"""
_PAGES: Final = (
    *("", "articles/", "about/", "topics/outcomes/#type-review", "types/review/"),
    *("2022-11/", "2022-11/01-alliance/", "2021-12/tables/"),
)


@pytest.fixture(scope="module")
def archive(
    newsletter: Newsletter,
    taxonomy: Taxonomy,
    templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Three issues in two years: two of two articles, and one of an article with a wide table."""
    folder = tmp_path_factory.mktemp("issues")
    archive = folder / "archive"
    table = replace(
        article("tables", "A wide table"),
        body=Passage(_TABLE, "tables.md", 9),
        research_type="survey",
    )
    december = PublishedIssue.of(issue("2021-12", "Counting", [table]), folder)
    publish_site(
        archive,
        [december, october_in(folder), november_in(folder)],
        newsletter=newsletter,
        taxonomy=taxonomy,
        templates=templates,
        indexer=build_index,
    )
    return archive


@pytest.fixture(scope="module")
def site(archive: Path) -> Iterator[str]:
    """The same behind a web server."""
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
    assert shown.count() == 5
    page.get_by_text("Alliance", exact=True).first.click()
    assert shown.all_inner_texts() == ["The alliance & its ruptures"]
    page.get_by_text("All topics (clear)").click()
    page.get_by_text("Outcomes", exact=True).first.click()
    page.get_by_text("Review", exact=True).first.click()
    page.get_by_role("radio", name="2022").check()
    assert shown.all_inner_texts() == ["The alliance & its ruptures"]
    if has_script:
        assert page.url.endswith("?topic=outcomes&type=review&year=2022")
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


def test_opened_from_the_folder_the_search_finds_words_of_the_list(
    archive: Path, tabs: Tabs
) -> None:
    """As after `make demo`: a browser loads no module from a file, the index among them."""
    tabs.forgiven = ["pagefind.js", "ERR_FAILED"]
    page = tabs.open((archive / "articles/index.html").as_uri())
    page.locator("input[type=search]").fill("wide table")
    page.locator("[data-search-results] .headline").first.wait_for()
    assert page.locator("#tally").inner_text() == "1 article"
    assert page.url.endswith("?q=wide+table")


def test_without_a_script_the_page_says_so_and_lists_everything(site: str, tabs: Tabs) -> None:
    page = tabs.open(f"{site}/articles/index.html", javascript=False)
    assert page.locator(".search-note").is_visible()
    assert page.locator(".entry:visible").count() == 5


def test_a_link_narrows_a_topic_to_a_type_of_research_without_a_script(
    site: str, tabs: Tabs
) -> None:
    page = tabs.open(f"{site}/topics/outcomes/#type-review", javascript=False)
    shown = page.locator(".entry:visible .headline")
    assert shown.all_inner_texts() == ["The alliance & its ruptures"]
    page.get_by_text("All (clear)").click()
    assert shown.count() == 5


@pytest.mark.parametrize("has_script", [True, False])
def test_on_a_phone_the_choice_opens_and_leads_back_to_the_articles(
    site: str, tabs: Tabs, *, has_script: bool
) -> None:
    page = tabs.open(f"{site}/articles/index.html", width=375, javascript=has_script)
    review = page.get_by_text("Review", exact=True).first
    assert not review.is_visible()
    page.get_by_text("Choose by topic, type and year").click()
    review.click()
    page.get_by_text("Show the articles").click()
    assert page.locator("#tally").is_visible()
    assert page.locator(".entry:visible").count() == 1
    assert review.is_visible() is not has_script


def test_figures_of_a_wide_table_stay_whole_on_a_phone(site: str, tabs: Tabs) -> None:
    page = tabs.open(f"{site}/2021-12/tables/", width=375)
    lines = "cell => cell.getBoundingClientRect().height"
    heights = {page.locator("td").nth(place).evaluate(lines) for place in (1, 2, 3, 6, 7, 8)}
    assert len(heights) <= 2  # those of the two rows
    one_line = page.locator("td", has_text="0.34").evaluate(
        "cell => { const words = document.createRange(); words.selectNodeContents(cell);"
        " return words.getClientRects().length }"
    )
    assert one_line == 1


@pytest.mark.parametrize("width", [375, 1280])
def test_nobody_is_kept_out(site: str, tabs: Tabs, width: int) -> None:
    page = tabs.open(width=width)
    for path in _PAGES:
        page.goto(f"{site}/{path}")
        for mode in ("light", "dark"):
            page.emulate_media(color_scheme=mode)
            assert accessibility_faults(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= width
