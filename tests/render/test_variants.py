"""What every email keeps, whoever reads it."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest
from lxml import etree
from lxml.etree import _Element

from newsletter.assemble import whole_issue
from newsletter.model.issue import Article, Image, Issue, Passage, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, RenderedVariant
from newsletter.render.renderer import Renderer
from newsletter.templates import Templates

OUTLOOK_COMMENT = re.compile(r"\[if [^\]]*\](>.*<!\[endif\]|><!)|<!\[endif\]", re.DOTALL)


@pytest.fixture(scope="session")
def page(html: str) -> _Element:
    return etree.fromstring(html, etree.HTMLParser())


def links(page: _Element) -> list[str]:
    return [str(link) for link in page.xpath("//@href | //@src | //@background | //@action")]  # type: ignore[union-attr]


def test_it_is_in_standards_mode_and_names_its_language_and_direction(
    html: str, page: _Element, language: str
) -> None:
    assert html.startswith("<!DOCTYPE html>\n<html ")
    assert (page.get("lang"), page.get("dir")) == (language, "ltr")
    assert page.findtext("head/title")


def test_the_preheader_is_the_bodys_first_text(page: _Element, issue: Issue) -> None:
    [body] = page.iter("body")
    first = next(text for text in body.itertext("*") if str(text).strip())
    assert str(first).startswith(issue.preheader)
    assert str(first).removeprefix(issue.preheader).strip("\u034f\u200c\u00a0") == ""


def test_no_comment_is_left_but_outlooks_conditionals(page: _Element) -> None:
    comments = [comment.text or "" for comment in page.iter(etree.Comment)]
    assert [text for text in comments if not OUTLOOK_COMMENT.fullmatch(text)] == []


def test_nothing_is_in_it_that_email_programs_break_or_readers_distrust(page: _Element) -> None:
    kept_out = ["form", "input", "button", "script", "iframe", "object", "embed", "video", "link"]
    assert [element.tag for element in page.iter(*kept_out)] == []
    assert [element.tag for element in page.iter("*") if element.get("id")] == []
    assert page.xpath("//@*[starts-with(name(), 'on')]") == []


def test_every_link_leads_somewhere_from_an_inbox(page: _Element) -> None:
    assert [link for link in links(page) if not re.match(r"https://[^/]+/|mailto:", link)] == []


def test_nothing_is_fetched_but_the_issues_pictures(
    html: str, page: _Element, issue: Issue, newsletter: Newsletter
) -> None:
    pictures = {newsletter.image_url(issue.month, name) for name in issue.images}
    assert {image.get("src") for image in page.iter("img")} <= pictures
    assert not re.search(r"@import|@font-face|url\(", html)


def test_every_picture_has_words_in_its_place(page: _Element) -> None:
    assert [image.items() for image in page.iter("img") if not image.get("alt")] == []


def test_gmail_shows_all_of_it(html: str) -> None:
    assert len(html.encode()) <= 102_000


def test_each_merge_field_stands_once_in_each_part(rendered: RenderedVariant) -> None:
    for part in (rendered.html, rendered.text):
        fields = [piece for piece in part.pieces if isinstance(piece, MergeField)]
        assert sorted(fields) == sorted(MergeField)


def test_both_parts_say_who_sends_it_why_it_came_and_how_to_leave(
    page: _Element,
    text: str,
    issue: Issue,
    newsletter: Newsletter,
    values: dict[MergeField, str],
) -> None:
    words = " ".join(str(page.xpath("string(//body)")).split())
    for part in (words, " ".join(text.split())):
        assert newsletter.organisation in part
        assert " ".join(newsletter.postal_address.split()) in part
        assert newsletter.contact in part
        assert "subscribed" in part or "abonné" in part
    required = [
        values[MergeField.UNSUBSCRIBE_URL],
        values[MergeField.PREFERENCES_URL],
        newsletter.issue_url(issue.month),
        *(newsletter.article_url(issue.month, one.id) for one in issue.articles),
    ]
    assert [url for url in required if url not in links(page)] == []
    assert [url for url in required if url not in text.split()] == []


def test_it_leads_to_its_own_copy_in_the_archive(
    page: _Element, rendered: RenderedVariant, newsletter: Newsletter
) -> None:
    variant = rendered.variant
    assert newsletter.variant_url(variant.month, variant.id) in links(page)


def test_headings_follow_one_another_without_a_gap(page: _Element) -> None:
    levels = [int(h.tag[1]) for h in page.iter("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_what_is_not_in_the_emails_language_says_so(
    page: _Element, language: str, values: dict[MergeField, str]
) -> None:
    content = ".title, .kind, .headline, .teaser, .contents-item, .citation, .prose p, .prose li"
    spoken = {
        str(element.xpath("string(ancestor-or-self::*[@lang][1]/@lang)"))
        for element in page.cssselect(content)
        if element.text != values[MergeField.GREETING]
    }
    assert spoken == {"en"}
    for own in page.cssselect(".more, .footer p, .top, .month, .also-title, .label"):
        if not own.xpath("ancestor::*[contains(@class, 'prose')]"):
            assert own.xpath("string(ancestor-or-self::*[@lang][1]/@lang)") == language


def test_the_programs_own_words_are_in_the_readers_language(
    text: str, language: str, issue: Issue
) -> None:
    spoken = {
        "en": {"2022-10": "October 2022", "2022-11": "November 2022"},
        "fr": {"2022-10": "Octobre 2022", "2022-11": "Novembre 2022"},
    }
    assert text.splitlines()[1] == spoken[language][issue.month]
    english = ["In this issue", "Also this month", "Leave with", "You get it", "in the archive"]
    assert any(words in text for words in english) == (language == "en")


def test_the_text_part_is_broken_at_blanks_into_lines_of_72_columns(text: str) -> None:
    long = [line for line in text.splitlines() if len(line) > 72]
    assert [line for line in long if " " in line.strip()] == []
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert not re.search(r"<[a-z/!]|&[a-z]+;", text)


def test_long_words_of_the_newsletters_own_are_broken_at_blanks_too(
    templates: Templates, newsletter: Newsletter, taxonomy: Taxonomy, issue: Issue
) -> None:
    long = "Institute for Long Names and " * 6 + "Others"
    wordy = replace(
        newsletter, name=long, organisation=long, postal_address=long, contact=f"{long} a@b.example"
    )
    articles = tuple(replace(one, author=long, title=long, citation=long) for one in issue.articles)
    wordy_issue = replace(issue, articles=articles)
    compiled = Renderer(templates, wordy, taxonomy).compile(wordy_issue, "en")
    rendered = compiled.join(whole_issue(wordy_issue, "en"), wordy)
    text = rendered.text.filled(dict.fromkeys(MergeField, ""))
    assert [line for line in text.splitlines() if len(line) > 72 and " " in line.strip()] == []


def test_a_newsletter_in_a_language_of_its_own_marks_its_content(
    templates: Templates, newsletter: Newsletter, taxonomy: Taxonomy, issue: Issue
) -> None:
    def title_language(written_in: str, language: str) -> str | None:
        own = replace(newsletter, language=written_in)
        compiled = Renderer(templates, own, taxonomy).compile(issue, language)
        page = read(compiled.join(whole_issue(issue, language), own))
        return page.cssselect("h2.title")[0].get("lang")

    assert title_language("fr-CA", "fr") is None
    assert title_language("EN-gb", "en") is None
    assert title_language("fr-CA", "en") == "fr-CA"
    assert title_language("de", "en") == "de"


def test_a_picture_comes_from_the_archive_no_wider_than_the_column(
    renderer: Renderer, newsletter: Newsletter, issue: Issue
) -> None:
    alt = 'A plot: ❤️ "so" & it\'s <b>'
    body = Passage(f"Words\n\n![{alt}](a%20plot.png)\n\n![small](small.png)", "01-a.md", 9)
    images = {
        "a plot.png": Image("a plot.png", 1120, 700, 1),
        "small.png": Image("small.png", 20, 10, 1),
    }
    pictured = replace(
        issue, articles=(replace(issue.articles[0], body=body),), notices=(), images=images
    )
    rendered = renderer.compile(pictured, "en").join(whole_issue(pictured, "en"), newsletter)
    large, small = read(rendered).iter("img")
    assert (large.get("alt"), small.get("alt")) == (alt, "small")
    assert large.get("src") == f"https://news.example/{issue.month}/a%20plot.png"
    assert [large.get("width"), large.get("height")] == ["560", "350"]
    assert [small.get("width"), small.get("height")] == ["20", "10"]
    assert "max-width:100%" in large.get("style", "")


def read(rendered: RenderedVariant) -> _Element:
    filled = rendered.html.filled(dict.fromkeys(MergeField, "x"))
    return etree.fromstring(filled, etree.HTMLParser())


def test_an_article_for_whom_most_is_missing_leaves_no_empty_element(
    renderer: Renderer, newsletter: Newsletter, issue: Issue
) -> None:
    bare = [
        Article(
            id=one.id,
            title=one.title,
            topics=one.topics,
            research_type=None,
            teaser=one.teaser,
            body=one.body,
            implications_heading="",
            implications=None,
        )
        for one in issue.articles
    ]
    sparse = replace(issue, articles=tuple(bare), intro=None, notices=())
    rendered = renderer.compile(sparse, "en").join(whole_issue(sparse, "en"), newsletter)
    page = read(rendered)
    words = page.cssselect("p, h1, h2, h3, a, li")
    assert [element.get("class") for element in words if not element.xpath("string()")] == []
    assert page.cssselect(".callout, .citation, .author") == []
    assert "None" not in str(page.xpath("string(//body)"))
