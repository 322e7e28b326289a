"""The site that readers see: its pages, their words and links, and its one stylesheet."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise, product
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from lxml import etree

from newsletter.archive.publish import PublishedIssue, PublishReport, publish_site
from newsletter.model.issue import Notice, Passage, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates

Publish = Callable[..., PublishReport]

_VOID = {"br", "hr", "img", "input", "link", "meta"}
_HOSTILE = "<script>alert(1)</script>\"'&amp;{{ 7*7 }}{% x %}<img src=x onerror=y>"
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}\b")


@pytest.fixture
def site(
    publish: Publish, october: PublishedIssue, november: PublishedIssue, archive: Path
) -> Path:
    publish(october, november)
    return archive


def pages(site: Path) -> list[Path]:
    found = sorted(site.rglob("*.html"))
    assert len(found) == 13
    return found


def parse(page: Path) -> etree._Element:
    return etree.fromstring(page.read_text("utf-8"), etree.HTMLParser(recover=False))


def words(element: etree._Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


def texts(page: Path, selector: str) -> list[str]:
    return [words(found) for found in parse(page).cssselect(selector)]


def targets(page: Path) -> Iterator[str]:
    """Everything a page leads to or loads; what is the newsletter's own web side is absolute."""
    for found in parse(page).cssselect(
        "a[href], link[href]:not([rel=canonical]), img, script[src]"
    ):
        yield str(found.get("href") or found.get("src"))


class Nesting(HTMLParser):
    """Fails where an element is closed that is not the innermost open one, or never."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - HTMLParser's
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_internal_link_leads_to_a_file_or_a_place_on_the_page(site: Path) -> None:
    """The site works from a disk: relative links name files, also where a fragment follows."""
    for page in pages(site):
        internal = [urlsplit(target) for target in targets(page) if not urlsplit(target).scheme]
        assert internal
        for link in internal:
            led = page.parent / unquote(link.path) if link.path else page
            assert led.is_file(), f"{page}: {link.geturl()}"
            if link.fragment:
                assert parse(led).xpath("//*[@id=$id]", id=link.fragment)


def test_every_page_can_be_reached_from_the_front(site: Path) -> None:
    reached, ahead = set(), [site / "index.html"]
    while ahead:
        page = ahead.pop()
        if page not in reached and page.suffix == ".html":
            reached.add(page)
            ahead += [
                (page.parent / target).resolve()
                for target in targets(page)
                if not urlsplit(target).scheme and not target.startswith("#")
            ]
    assert sorted(reached) == pages(site)


def test_every_page_is_sound_html_with_one_title_and_no_heading_level_left_out(site: Path) -> None:
    for page in pages(site):
        assert page.read_text("utf-8").startswith("<!DOCTYPE html>\n")
        Nesting(page.read_text("utf-8"))
        root = parse(page)
        levels = [int(h.tag[1]) for h in root.cssselect("h1, h2, h3, h4, h5, h6")]
        assert levels.count(1) == 1
        assert levels[0] == 1
        assert all(below - above <= 1 for above, below in pairwise(levels))
        assert len(root.cssselect("main#content")) == 1
        assert root.cssselect("body > a")[0].get("href") == "#content"
        ids = [element.get("id") for element in root.cssselect("[id]")]
        assert len(ids) == len(set(ids))


def test_nothing_is_loaded_from_elsewhere_and_one_script_runs_on_one_page(site: Path) -> None:
    for page in pages(site):
        root = parse(page)
        assert not root.cssselect("iframe, object, embed, style, base")
        assert not root.xpath("//@*[starts-with(name(), 'on') or name() = 'style']")
        run = root.cssselect("script:not([type='application/ld+json'])")
        assert bool(run) is (page == site / "articles/index.html")
        sources = [urlsplit(str(script.get("src"))).path for script in run]
        assert sources in ([], ["../articles.js"])
        for loaded in root.cssselect("link[rel=stylesheet], link[rel=icon], img"):
            source = str(loaded.get("href") or loaded.get("src"))
            assert not urlsplit(source).netloc
            assert ":" not in source
    for sheet in ("style.css", "filters.css"):
        assert not re.search(r"@import|url\(|@font-face", (site / sheet).read_text("utf-8"))


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("index.html", "https://news.example/digest/"),
        ("2022-11/index.html", "https://news.example/digest/2022-11/"),
        ("2022-11/01-alliance/index.html", "https://news.example/digest/2022-11/01-alliance/"),
    ],
)
def test_the_canonical_address_is_the_public_one(site: Path, path: str, address: str) -> None:
    [canonical] = parse(site / path).cssselect("link[rel=canonical]")
    assert canonical.get("href") == address


def test_the_front_has_the_latest_issue_first_then_the_earlier_ones_newest_first(
    publish: Publish, october: PublishedIssue, november: PublishedIssue, archive: Path
) -> None:
    september = PublishedIssue.of(replace(october.read(), month="2022-09"), october.folder)
    publish(october, november, september)
    front = archive / "index.html"
    assert texts(front, "h1") == ["Research Digest"]
    assert texts(front, "time") == ["November 2022", "October 2022", "September 2022"]
    assert texts(front, ".year h3") == ["2022"]
    assert texts(front, ".headline") == ["The alliance & its ruptures", "What clients say"]
    assert texts(front, ".titles li") == ["Progress feedback", "Therapy online"] * 2
    assert "https://news.example/digest/subscribe" in targets(front)


def test_before_the_first_issue_the_front_says_so_and_offers_to_sign_up(
    publish: Publish, archive: Path
) -> None:
    publish()
    assert "No issue has been sent yet." in words(parse(archive / "index.html"))
    assert "https://news.example/digest/subscribe" in targets(archive / "index.html")


def test_an_issue_page_has_all_of_the_issue(site: Path) -> None:
    page = site / "2022-11/index.html"
    [title] = texts(page, "title")
    assert title.startswith("November 2022: When the alliance is the treatment")
    assert texts(page, "h2") == [
        "In this issue",
        "The alliance & its ruptures",
        "What clients say",
        "Read with us",
        "Other months",
    ]
    assert texts(page, ".intro em") == ["listen"]
    assert texts(page, ".kind") == ["Review · Alliance, Outcomes", "Outcomes"]
    assert texts(page, ".author") == ["Summary by Anna Bell"]
    assert texts(page, ".prose h3") == ["Method", "Practice implications"]
    assert texts(page, ".callout p") == ["Ask early, and ask again."]
    assert texts(page, ".citation") == [
        "Doe, J. (2022). A paper. A Journal, 1(2), 3-4. doi.org/10.1000/a<b>"
    ]
    assert {"https://doi.org/10.1000/a%3Cb%3E", "https://a.example/x"} <= set(targets(page))


def test_an_article_page_stands_alone_and_leads_on(site: Path) -> None:
    page = site / "2022-11/01-alliance/index.html"
    assert texts(page, "h1") == ["The alliance & its ruptures"]
    assert texts(page, ".prose h2") == ["Method", "Practice implications"]
    assert texts(page, ".back") == ["← November 2022"]
    assert texts(page, ".aside .kind a") == ["Review", "Alliance", "Outcomes"]
    [cite] = texts(page, ".cite")
    assert cite.startswith("Anna Bell (November 2022). The alliance & its ruptures")
    assert cite.endswith("Research Digest. https://news.example/digest/2022-11/01-alliance/")
    assert texts(page, ".headline") == ["Progress feedback", "Therapy online"]  # of other issues
    [cite] = texts(site / "2022-10/online/index.html", ".cite")
    assert cite.startswith("The Institute (October 2022). Therapy online. Research Digest.")
    links = {link.get("rel"): link.get("href") for link in parse(page).cssselect("a[rel]")}
    assert links == {
        "prev": "../../2022-10/online/index.html",
        "next": "../../2022-11/02-survey/index.html",
    }
    assert "../../2022-11/index.html" in targets(page)


@pytest.mark.parametrize(
    ("month", "neighbours"),
    [
        ("2022-10", {"next": "../2022-11/index.html"}),
        ("2022-11", {"prev": "../2022-10/index.html"}),
    ],
)
def test_an_issue_leads_to_the_months_beside_it(
    site: Path, month: str, neighbours: dict[str, str]
) -> None:
    links = parse(site / month / "index.html").cssselect("a[rel]")
    assert {link.get("rel"): link.get("href") for link in links} == neighbours


def test_pictures_are_copied_and_shown_from_the_archive_itself(site: Path) -> None:
    for page in ("2022-11/index.html", "2022-11/01-alliance/index.html"):
        [image] = parse(site / page).cssselect("img")
        shown = (site / page).parent / str(image.get("src"))
        assert shown.resolve() == site / "2022-11/plot.png"
        assert (image.get("alt"), image.get("width")) == ("Effects", "560")
    assert (site / "2022-11/plot.png").read_bytes() == (site.parent / "plot.png").read_bytes()


def test_the_pages_speak_the_newsletters_language(
    publish: Publish, november: PublishedIssue, newsletter: Newsletter, archive: Path
) -> None:
    publish(november, by=replace(newsletter, language="fr-CA"))
    for page in archive.rglob("*.html"):
        assert parse(page).get("lang") == "fr-CA"
    assert texts(archive / "2022-11/index.html", "h1") == ["Novembre 2022"]
    assert "de novembre 2022." in " ".join(texts(archive / "about/index.html", "p"))
    assert texts(archive / "2022-11/index.html", ".skip") != ["Skip to the text"]


def test_text_from_people_stays_text_in_every_field(
    publish: Publish, november: PublishedIssue, newsletter: Newsletter, archive: Path
) -> None:
    """Whatever stands in a field is shown as it is; it is neither markup nor a template."""
    passage = Passage(_HOSTILE, "issue.toml", 1)
    article = replace(
        november.read().articles[0],
        title=_HOSTILE,
        teaser=_HOSTILE,
        body=passage,
        implications_heading=_HOSTILE,
        implications=passage,
        citation=_HOSTILE,
        doi=f"10.1000/{_HOSTILE}",
        author=_HOSTILE,
    )
    issue = replace(
        november.read(),
        subject=_HOSTILE,
        preheader=_HOSTILE,
        intro=passage,
        articles=(article,),
        notices=(Notice(_HOSTILE, passage),),
    )
    sender = replace(
        newsletter,
        name=_HOSTILE,
        organisation=_HOSTILE,
        postal_address=_HOSTILE,
        contact=_HOSTILE,
    )
    publish(PublishedIssue.of(issue, november.folder), by=sender)
    found = list(archive.rglob("*.html"))
    assert len(found) == 9
    for page in found:
        root = parse(page)
        assert not root.cssselect("img, [onerror]")
        for script in root.cssselect("script"):
            assert script.get("src") or json.loads(script.text or "")["@context"]
        assert "49" not in words(root)
        is_list = page.parent.parent.name in {"topics", "types"}
        assert words(root).count(_HOSTILE) > (5 if is_list or page.parent.name == "about" else 8)
        [description] = root.cssselect("meta[name=description]")
        assert _HOSTILE in str(description.get("content"))


def test_labels_of_the_taxonomy_are_text_too(
    november: PublishedIssue, newsletter: Newsletter, templates: Templates, archive: Path
) -> None:
    labels = Taxonomy({"alliance": _HOSTILE, "outcomes": "B"}, {"review": _HOSTILE})
    publish_site(archive, [november], newsletter=newsletter, taxonomy=labels, templates=templates)
    assert texts(archive / "index.html", ".kind")[0] == f"{_HOSTILE} · {_HOSTILE}, B"


def test_colours_come_from_the_palette_alone(
    site: Path, template_folder: Path, templates: Templates
) -> None:
    """Templates name colours, never write them; the stylesheet holds those of both modes."""
    for template in (template_folder / "archive").iterdir():
        assert not _COLOUR.search(re.sub(r'href="#[^"]*"|&#\d+;', "", template.read_text("utf-8")))
    light, dark = (set(templates.palette[mode].values()) for mode in ("light", "dark"))
    sheet = (site / "style.css").read_text("utf-8")
    assert set(_COLOUR.findall(sheet)) == light | dark
    assert set(re.findall(r"[\s:]var\(--([a-z]+)\)", sheet)) <= {
        *templates.palette["light"],
        *templates.palette["type"],
        "gutter",
        "underline",
    }


@pytest.mark.parametrize(
    ("mode", "text", "ground"),
    list(product(("light", "dark"), ("ink", "quiet", "accent"), ("page", "card", "callout"))),
)
def test_text_stands_out_from_every_ground_it_can_stand_on(
    templates: Templates, mode: str, text: str, ground: str
) -> None:
    """WCAG 2.2, 1.4.3: at least 4.5 : 1."""
    light, dark = sorted(
        (luminance(templates.palette[mode][name]) for name in (text, ground)), reverse=True
    )
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour: str) -> float:
    """The relative luminance of `#rrggbb` as WCAG 2.2 defines it."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
