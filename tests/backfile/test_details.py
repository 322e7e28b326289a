"""What editors expect of an import beyond the words: months, pictures, parts, and what is told."""

import json
import textwrap
from pathlib import Path

import pytest

from newsletter.backfile.importing import Newsroom, PastImport
from newsletter.model.issue import IssueStatus

from . import made_up
from .conftest import Import, put, read_back

CALLOUT = "<h3>Practice implications</h3><p>Do it.</p>"


def ghost(html: str, **fields: object) -> str:
    """One post with this HTML: the shortest way to an article."""
    post = {"title": "A title", "published_at": "2013-04-09T12:00:00Z", "html": html, **fields}
    return json.dumps({"data": {"posts": [post]}})


def body(newsroom: Newsroom) -> str:
    """The one article's Markdown."""
    [path] = (newsroom.issues / "2013-04").glob("*.md")
    return path.read_text("utf-8").split("+++\n", 2)[2].strip()


# months


def test_a_month_is_that_of_the_newsletters_own_clock(bring: Import) -> None:
    [report] = bring(ghost("<p>Text.</p>", published_at="2013-05-01T02:00:00.000Z"))

    assert report.month == "2013-04"


@pytest.mark.parametrize("line", ["avril 2013", "Avril 2013", "APRIL 2013", "2013-04", "Apr. 2013"])
def test_months_are_told_in_both_languages_and_as_numbers(bring: Import, line: str) -> None:
    page = made_up.page_text().replace("April 2013", line)

    assert [report.month for report in bring(page)] == ["2013-04", "2013-05"]


def test_files_without_a_date_take_that_of_their_names(bring: Import) -> None:
    reports = bring({"2013/x.md": "No date.", "b/2013_05_07-b.md": "Text.", "readme.md": "How to."})

    assert [report.month for report in reports] == ["2013-05"]


def test_an_export_may_come_among_other_files(newsroom: Newsroom, tmp_path: Path) -> None:
    files = {"data/old.json": made_up.ghost(), "data/redirects.json": "{}"}

    archive = PastImport(put(made_up.zipped(files), tmp_path), newsroom).archive

    assert (archive.kind, len(archive.items)) == ("a Ghost export", 3)
    assert archive.left_out[-1].where == "data/redirects.json"


def test_what_a_site_has_around_its_months_stays_outside(
    newsroom: Newsroom, tmp_path: Path, bring: Import
) -> None:
    side = "<div id=side><ul><li><a href=/a>April 2013</a><li>March 2012</ul></div>"
    page = made_up.page_html().replace("<main>", f"{side}<main>")

    reports = bring(page)

    assert [report.month for report in reports] == ["2013-04", "2013-05"]
    last = reports[-1].taken[-1].article.markdown
    assert last.endswith("stayed.")
    assert "All rights reserved" not in last


# the text


def test_a_call_out_is_known_whatever_it_is_set_in(newsroom: Newsroom, bring: Import) -> None:
    bring(ghost("<p>Text.</p><p><b>Practice Implications: </b>Do it.</p>"))

    assert body(newsroom) == "Text.\n\n## Practice Implications:\n\nDo it."


def test_headings_begin_below_the_title_and_leave_out_no_level(
    newsroom: Newsroom, bring: Import
) -> None:
    bring(ghost(f"<p>Text.</p><h3>One</h3><p>1</p><h5>Two</h5><p>2</p>{CALLOUT}"))

    assert [line for line in body(newsroom).split("\n") if line.startswith("#")] == [
        "## One",
        "### Two",
        "## Practice implications",
    ]


def test_emphasis_links_lists_quotes_and_tables_stay_what_they_are(
    newsroom: Newsroom, bring: Import
) -> None:
    bring(
        ghost(
            "<p>With <em>care</em> and <strong>often</strong>, <a href='https://x.example/a b'>see"
            "</a>.<br>R<sup>2</sup></p><ol start=3><li>Three<ul><li>more</ul><li>Four</ol>"
            "<blockquote><p>Said.</p></blockquote><table><tr><th>a<th>b<tr><td>1|2<td>3</table>"
        )
    )

    assert body(newsroom) == (
        "With *care* and **often**, [see](<https://x.example/a%20b>).\\\nR²\n\n"
        "3. Three\n   - more\n4. Four\n\n> Said.\n\n| a | b |\n| --- | --- |\n| 1\\|2 | 3 |"
    )


def test_line_breaks_of_wordpress_own_editor_are_meant(newsroom: Newsroom, bring: Import) -> None:
    source = made_up.wordpress((made_up.POSTS[0],))
    start, end = source.index("[CDATA[<p>") + 7, source.index("]]></content")

    bring(f"{source[:start]}One\ntwo\n\n[gallery ids='1']Three{source[end:]}")

    assert body(newsroom) == "One\\\ntwo\n\nThree"


def test_an_author_of_wordpress_has_the_name_that_readers_saw(bring: Import) -> None:
    author = (
        "<wp:author><wp:author_login>editor</wp:author_login>"
        "<wp:author_display_name>Ann Bell</wp:author_display_name></wp:author>"
    )

    [report] = bring(made_up.wordpress((made_up.POSTS[0],), author))

    assert report.taken[0].article.author == "Ann Bell"


def test_boxes_for_signing_up_are_left_out_and_told_of(newsroom: Newsroom, bring: Import) -> None:
    [report] = bring(
        ghost(
            "<p>Text.</p><div class='subscription-widget-wrap'><p>Subscribe!</p></div>"
            "<iframe src='https://video.example/1'></iframe>"
        )
    )

    assert body(newsroom) == "Text."
    assert report.taken[0].article.notes == (
        "a button or box for signing up or sharing was left out",
        "an embedded <iframe> was left out: https://video.example/1",
    )


def test_a_post_with_several_call_outs_is_a_whole_issue(newsroom: Newsroom, bring: Import) -> None:
    parts = "".join(f"<h2>{p.title}</h2>{made_up.post_html(p)}" for p in made_up.POSTS)

    [report] = bring(
        ghost(f"<p>Three this <i>month</i>.</p>{parts}", title="The April issue"), accept=True
    )

    issue = read_back(newsroom, "2013-04")
    assert [article.title for article in issue.articles] == [p.title for p in made_up.POSTS]
    assert (issue.subject, report.has_own_subject) == ("The April issue", True)
    assert issue.intro is not None
    assert issue.intro.markdown.strip() == "Three this *month*."


def test_words_that_programs_keep_beside_a_text_come_along(
    newsroom: Newsroom, bring: Import
) -> None:
    front = 'title: T\ndescription: "What it says."\nauthor: {name: Ann Bell}\nslug: Ein Maß\n'
    [report] = bring({"2013-04-09-x.md": f"---\n{front}---\n\nText.\n"})

    [path] = (newsroom.issues / "2013-04").glob("*.md")
    assert path.name == "01-ein-mass.md"
    article = report.taken[0].article
    assert (article.teaser, article.author) == ("What it says.", "Ann Bell")


def test_a_text_that_was_wrapped_at_a_width_has_its_paragraphs_again(bring: Import) -> None:
    lines = made_up.page_text().split("\n")
    wrapped = "\n\n".join(textwrap.fill(line, 72, subsequent_indent="  ") for line in lines)

    reports = bring(wrapped)

    articles = [taken.article for report in reports for taken in report.taken]
    assert [len(article.markdown.split("\n\n")) for article in articles] == [4, 4, 4]
    assert [article.words.split() for article in articles] == [p.words for p in made_up.POSTS]


# pictures


@pytest.mark.parametrize("pack", [dict, made_up.zipped])
def test_pictures_within_the_source_come_along(
    newsroom: Newsroom, bring: Import, pack: type[dict[str, str | bytes]]
) -> None:
    files: dict[str, str | bytes] = {
        "posts/2013-04-09-x.md": "![A plot](<images/the plot.png>)\n\nText.\n",
        "posts/images/the plot.png": made_up.picture(),
    }

    [report] = bring(pack(files))

    [picture] = (newsroom.issues / "2013-04").glob("*.png")
    assert picture.read_bytes() == made_up.picture()
    assert body(newsroom) == f"![A plot](<{picture.name}>)\n\nText."
    assert report.taken[0].article.teaser == "Text."


def test_two_pictures_of_one_name_keep_apart(newsroom: Newsroom, bring: Import) -> None:
    bring(
        {
            "a/2013-04-01-a.md": "One. ![A](x.png)",
            "a/x.png": made_up.picture("white"),
            "b/2013-04-02-b.md": "Two. ![B](x.png)",
            "b/x.png": made_up.picture("black"),
        }
    )

    assert len(list((newsroom.issues / "2013-04").glob("*.png"))) == 2


def test_other_pictures_are_left_out_by_name(bring: Import) -> None:
    [report] = bring(
        ghost(
            "<p>Text.<img src='https://cdn.example/a.png'><img src='data:image/png;base64,x'></p>"
        )
    )

    assert report.taken[0].article.notes == (
        "the picture 'https://cdn.example/a.png' was left out: it is on a web server",
        "the picture 'data:image/png;base64,x' was left out: it stands in the text itself",
    )


# what is told


def test_what_is_no_published_post_is_left_out_with_its_reason(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    item = (
        "<item><title>{0}</title><wp:status>{1}</wp:status><wp:post_type>{2}</wp:post_type></item>"
    )
    kinds = [
        ("Begun", "draft", "post"),
        ("About", "publish", "page"),
        ("No date", "publish", "post"),
        ("a.png", "inherit", "attachment"),
        ("b.png", "inherit", "attachment"),
    ]
    source = made_up.wordpress(more="".join(item.format(*kind) for kind in kinds))

    archive = PastImport(put(source, tmp_path), newsroom).archive

    assert [(left.title, left.why, left.is_amiss) for left in archive.left_out] == [
        ("Begun", "a draft there", False),
        ("About", "a page, not a post", False),
        ("No date", "it has no date that can be read", True),
        ("", "files of the media library", False),
    ]
    assert archive.left_out[-1].where == "2 of the kind attachment"


def test_the_sources_own_labels_are_proposed_first(newsroom: Newsroom, bring: Import) -> None:
    april, _ = bring(made_up.wordpress(made_up.POSTS))

    assert april.taken[0].proposal.topics == ("alliance", "waiting")


def test_proposals_stand_beside_empty_topics_until_they_are_accepted(
    newsroom: Newsroom, bring: Import
) -> None:
    april, _ = bring(made_up.page_text())

    [path] = (newsroom.issues / "2013-04").glob("02-*.md")
    lines = path.read_text("utf-8").split("\n")
    assert 'topics = []    # proposed: ["alliance"]' in lines
    assert '# research_type = "meta-analysis"    # proposed' in lines
    assert april.status is IssueStatus.DRAFT


def test_a_month_stays_a_draft_while_anything_is_untold(newsroom: Newsroom, bring: Import) -> None:
    untold = made_up.Post("About nothing at all", "2013-05-20", ("Text.",), ("Do it.",))

    april, may = bring(made_up.ghost((*made_up.POSTS, untold)), accept=True)

    assert (april.status, may.status) == (IssueStatus.PAST, IssueStatus.DRAFT)
    assert 'status = "draft"' in (newsroom.issues / "2013-05" / "issue.toml").read_text("utf-8")


def test_titles_that_an_existing_issue_lacks_are_told(newsroom: Newsroom, bring: Import) -> None:
    bring(made_up.ghost(made_up.POSTS[:1]))

    april, may = bring(made_up.ghost())

    assert (april.is_old, april.unknown) == (True, ("Does silence help the alliance?",))
    assert (may.is_old, len(may.taken)) == (False, 1)
