"""What machines read in the pages: schema.org as JSON-LD, and how to cite an article."""

from json import JSONEncoder
from typing import Any, Final

from markupsafe import Markup

from newsletter.archive.entries import ArticleEntry, PublishedIssue
from newsletter.archive.press import Press, data_block

_CONTEXT: Final = "https://schema.org"
_ENCODER: Final = JSONEncoder(ensure_ascii=False)


def article_data(press: Press, issue: PublishedIssue, entry: ArticleEntry) -> Markup:
    """An article that is about a scholarly one."""
    sender = press.newsletter
    value: dict[str, Any] = {
        "@type": "Article",
        "headline": entry.title,
        "description": entry.teaser,
        "url": sender.article_url(entry.month, entry.id),
        "inLanguage": sender.language,
        "datePublished": issue.published_at.date().isoformat(),
        "author": {"@type": "Person", "name": entry.author} if entry.author else _publisher(press),
        "publisher": _publisher(press),
        "image": card_url(press, entry.month),
        "isPartOf": {
            "@type": "PublicationIssue",
            "name": press.month_title(entry.month),
            "url": sender.issue_url(entry.month),
        },
        "keywords": [press.taxonomy.topics.get(slug, slug) for slug in entry.topics],
    }
    if entry.citation or entry.doi:
        paper = {"@type": "ScholarlyArticle"}
        if entry.citation:
            paper["name"] = entry.citation
        if entry.doi:
            paper |= {"identifier": f"doi:{entry.doi}", "url": f"https://doi.org/{entry.doi}"}
        value["citation"] = paper
    return _dump(value)


def issue_data(press: Press, issue: PublishedIssue) -> Markup:
    """An issue and its articles."""
    entry, sender = issue.entry, press.newsletter
    return _dump(
        {
            "@type": "PublicationIssue",
            "name": f"{press.month_title(entry.month)}: {entry.subject}",
            "description": entry.preheader,
            "url": sender.issue_url(entry.month),
            "datePublished": issue.published_at.date().isoformat(),
            "publisher": _publisher(press),
            "image": card_url(press, entry.month),
            "isPartOf": {"@type": "Periodical", "name": sender.name, "url": f"{sender.base_url}/"},
            "hasPart": [
                {
                    "@type": "Article",
                    "headline": article.title,
                    "url": sender.article_url(article.month, article.id),
                }
                for article in entry.articles
            ],
        }
    )


def card_url(press: Press, month: str) -> str:
    """Where the picture of an issue is."""
    return f"{press.newsletter.base_url}/cards/{month}.png"


def _publisher(press: Press) -> dict[str, str]:
    return {"@type": "Organization", "name": press.newsletter.organisation}


def _dump(value: dict[str, Any]) -> Markup:
    return data_block(_ENCODER.encode({"@context": _CONTEXT, **value}))
