"""Ten years of issues: the site stays light, whole, and quick to add to."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import etree

from newsletter.archive.publish import PublishedIssue, PublishReport, publish_site
from newsletter.model.issue import Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates
from tests.archive.conftest import article, issue

_MONTHS = [f"{2013 + n // 12}-{n % 12 + 1:02}" for n in range(121)]
_TOPICS = [f"topic-{n}" for n in range(20)]
_TYPES = [f"type-{n}" for n in range(8)]

Publish = Callable[[Path, int], PublishReport]


def parse(page: Path) -> etree._Element:
    return etree.fromstring(page.read_bytes(), etree.HTMLParser(recover=False))


def of_month(number: int, folder: Path) -> PublishedIssue:
    """An issue of three articles, each on two of the topics."""
    articles = [
        replace(
            article(f"0{place}", f"What we know of subject {number} in part {place}"),
            topics=(_TOPICS[number % 20], _TOPICS[(number * place + 7) % 20])[: 1 + (place != 1)],
            research_type=_TYPES[(number + place) % 8],
            teaser="A sentence of the usual length, which says in plain words what was found. " * 2,
        )
        for place in (1, 2, 3)
    ]
    subject = "A subject of the usual length, as editors write them"
    return PublishedIssue.of(issue(_MONTHS[number], subject, articles), folder)


@pytest.fixture(scope="module")
def publish(newsletter: Newsletter, templates: Templates) -> Publish:
    """Publishes the first so many months into a folder."""
    taxonomy = Taxonomy(
        {slug: slug.title() for slug in _TOPICS}, {slug: slug.title() for slug in _TYPES}
    )

    def publish(folder: Path, months: int) -> PublishReport:
        issues = [of_month(number, folder) for number in range(months)]
        return publish_site(
            folder, issues, newsletter=newsletter, taxonomy=taxonomy, templates=templates
        )

    return publish


@pytest.fixture(scope="module")
def decade(publish: Publish, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decade")
    publish(folder, 120)
    return folder


def test_the_front_page_is_light_and_leads_to_every_month(decade: Path) -> None:
    front = (decade / "index.html").read_bytes()
    assert len(front) <= 60_000
    links = {link.get("href") for link in parse(decade / "index.html").cssselect("a[href]")}
    assert {f"./{month}/index.html" for month in _MONTHS[:120]} <= links


def test_no_link_of_ten_years_leads_nowhere(decade: Path) -> None:
    pages = list(decade.rglob("*.html"))
    assert len(pages) > 500
    for page in pages:
        for found in parse(page).cssselect("a[href], link[href], img[src]"):
            target = str(found.get("href") or found.get("src"))
            link = urlsplit(target)
            assert link.scheme or (page.parent / unquote(link.path)).exists(), f"{page}: {target}"


def test_a_month_more_rewrites_what_speaks_of_it_and_leaves_the_rest(
    publish: Publish, decade: Path, tmp_path: Path
) -> None:
    report = publish(decade, 121)
    newest = {path for path in report.written if path.startswith(_MONTHS[120])}
    assert len(newest) == 4
    assert len(report.written) < len(report.unchanged) / 10
    assert publish(decade, 121).written == ()
    publish(tmp_path, 121)
    anew = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("[!.]*") if p.is_file()}
    assert anew == {
        path.relative_to(decade): path.read_bytes()
        for path in decade.rglob("[!.]*")
        if path.is_file()
    }
