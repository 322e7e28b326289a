"""An issue as the templates see it: labels instead of slugs, HTML and text instead of Markdown."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from markupsafe import Markup

from newsletter.markdown import ImageTag, parse
from newsletter.model.issue import Article, Issue, Passage, Taxonomy
from newsletter.model.newsletter import Newsletter

COLUMN: Final = 560  # pixels between the gutters of the 640 px card


@dataclass(frozen=True, slots=True)
class ArticleView:
    """An article for a template. `html` and `text` are the body's; what is absent is empty."""

    id: str
    url: str
    title: str
    teaser: str
    research_type: str
    topics: tuple[str, ...]
    author: str
    citation: str
    doi: str
    html: Markup
    text: str
    implications_heading: str
    implications_html: Markup
    implications_text: str

    @property
    def kind(self) -> str:
        """The quiet line over the title, as plain text."""
        topics = ", ".join(self.topics)
        return f"{self.research_type.upper()} · {topics}" if self.research_type else topics


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice for a template; `link_text` is its address as a person would say it."""

    title: str
    html: Markup
    text: str
    url: str
    link_text: str


@dataclass(frozen=True, slots=True)
class IssueView:
    """An issue for a template."""

    month: str
    subject: str
    preheader: str
    intro_html: Markup
    intro_text: str
    articles: tuple[ArticleView, ...]
    notices: tuple[NoticeView, ...]


def view_issue(
    issue: Issue,
    taxonomy: Taxonomy,
    newsletter: Newsletter,
    *,
    heading_base: int,
    with_text: bool = True,
) -> IssueView:
    """The issue with its pictures at their archive addresses, no wider than the email's column.

    `##` in an author's Markdown becomes a heading of level `heading_base`. Plain text takes longer
    to set than HTML: without `with_text` it is empty.
    """
    images = {
        name: ImageTag(
            src=newsletter.image_url(issue.month, name),
            width=min(image.width, COLUMN),
            height=round(image.height * min(1, COLUMN / image.width)),
        )
        for name, image in issue.images.items()
    }

    def html(passage: Passage | None) -> Markup:
        if passage is None:
            return Markup()
        rendered = parse(passage).to_html(heading_base=heading_base, image=images.__getitem__)
        return Markup(rendered)  # noqa: S704 - sanitised by the Markdown room

    def text(passage: Passage | None) -> str:
        return parse(passage).to_text() if passage and with_text else ""

    def view_article(article: Article) -> ArticleView:
        return ArticleView(
            id=article.id,
            url=newsletter.article_url(issue.month, article.id),
            title=article.title,
            teaser=article.teaser,
            research_type=taxonomy.research_types.get(article.research_type or "", ""),
            topics=tuple(taxonomy.topics[slug] for slug in article.topics),
            author=article.author or "",
            citation=article.citation or "",
            doi=article.doi or "",
            html=html(article.body),
            text=text(article.body),
            implications_heading=article.implications_heading,
            implications_html=html(article.implications),
            implications_text=text(article.implications),
        )

    return IssueView(
        month=issue.month,
        subject=issue.subject,
        preheader=issue.preheader,
        intro_html=html(issue.intro),
        intro_text=text(issue.intro),
        articles=tuple(map(view_article, issue.articles)),
        notices=tuple(
            NoticeView(n.title, html(n.body), text(n.body), n.url or "", _link_text(n.url or ""))
            for n in issue.notices
        ),
    )


def _link_text(url: str) -> str:
    return urlsplit(url).netloc or url.removeprefix("mailto:")
