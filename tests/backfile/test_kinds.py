"""Whatever an archive comes as, its articles are the same afterwards, word for word."""

from pathlib import Path

import pytest

from newsletter.backfile.importing import Newsroom, PastImport
from newsletter.markdown import parse
from newsletter.model.issue import Article, IssueStatus

from . import made_up
from .conftest import Import, put, read_back

KINDS = {
    "a page's text": made_up.page_text(),
    "a web page": made_up.page_html(),
    "a WordPress export": made_up.wordpress(),
    "an RSS feed": made_up.rss(),
    "an Atom feed": made_up.atom(),
    "a Substack export": made_up.substack(),
    "a Ghost export": made_up.ghost(),
    "3 Markdown files": made_up.markdown_files(),
    "3 Markdown files ": made_up.zipped(made_up.markdown_files()),
}


def article_words(article: Article) -> list[str]:
    assert article.implications is not None
    heading = article.implications_heading
    return [
        *parse(article.body).words.split(),
        *heading.split(),
        *parse(article.implications).words.split(),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_by_its_content(newsroom: Newsroom, tmp_path: Path, kind: str) -> None:
    assert PastImport(put(KINDS[kind], tmp_path), newsroom).archive.kind == kind.strip()


@pytest.mark.parametrize("content", KINDS.values(), ids=KINDS)
def test_every_kind_gives_the_same_issues_word_for_word(
    newsroom: Newsroom, bring: Import, content: object
) -> None:
    reports = bring(content, accept=True)

    assert [(report.month, report.status) for report in reports] == [
        ("2013-04", IssueStatus.PAST),
        ("2013-05", IssueStatus.PAST),
    ]
    articles = [a for month in ("2013-04", "2013-05") for a in read_back(newsroom, month).articles]
    assert [article.title for article in articles] == [post.title for post in made_up.POSTS]
    assert [article_words(article) for article in articles] == [
        post.words for post in made_up.POSTS
    ]
    waiting, silence, groups = articles
    assert waiting.citation == (
        "Doe, J., & Poe-Roe, A.-M. (2012). Waiting, and what it does to hope. Journal of Invented "
        "Results, 12(3), 45-67."
    )
    assert waiting.doi == "10.5555/jir.2012.045"
    assert (silence.citation, silence.doi) == (made_up.POSTS[1].citation, None)
    assert groups.citation is None
    assert waiting.teaser == "Waiting lists are long in most towns."
