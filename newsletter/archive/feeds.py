"""The feeds: Atom (RFC 4287) and JSON Feed 1.1, of everything and of each topic."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from newsletter.archive.entries import ArticleEntry, PublishedIssue
from newsletter.archive.press import Press
from newsletter.views import ArticleView

MOST_WHOLE: Final = 15  # articles that are in a feed with all their text
MOST_LISTED: Final = 30
_ILLEGAL: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class FeedItem:
    """An article in a feed; `html` is its text, or empty."""

    entry: ArticleEntry
    url: str
    topics: tuple[str, ...]
    published_at: datetime
    html: str = ""


def whole_items(
    press: Press, entries: Sequence[ArticleEntry], issues: Mapping[str, PublishedIssue]
) -> list[FeedItem]:
    """The articles with all their text."""
    return [
        _item(press, entry, issues, _body(press, press.article(issues[entry.month], entry)))
        for entry in entries[:MOST_WHOLE]
    ]


def topic_feed(
    press: Press,
    slug: str,
    label: str,
    entries: Sequence[ArticleEntry],
    issues: Mapping[str, PublishedIssue],
) -> bytes:
    """The Atom feed of a topic: its articles with their teasers alone."""
    title = f"{label} \N{EN DASH} {press.newsletter.name}"
    items = [_item(press, entry, issues, "") for entry in entries[:MOST_LISTED]]
    folder = f"topics/{slug}"
    return atom(press, f"{folder}/feed.xml", title, f"{folder}/index.html", items)


def atom(press: Press, path: str, title: str, home: str, items: Sequence[FeedItem]) -> bytes:
    """The feed at `path`, which speaks of the page at `home`. XML 1.0, UTF-8."""
    values = {
        "newsletter": press.newsletter,
        "title": title,
        "home": press.address(home),
        "address": press.address(path),
        "updated_at": max((item.published_at for item in items), default=None),
        "items": items,
    }
    return _ILLEGAL.sub("", press.render("feed.xml", values)).encode()


def json_feed(press: Press, path: str, title: str, items: Sequence[FeedItem]) -> bytes:
    """The same as JSON (jsonfeed.org, version 1.1)."""
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        "home_page_url": f"{press.newsletter.base_url}/",
        "feed_url": press.address(path),
        "language": press.newsletter.language,
        "authors": [{"name": press.newsletter.organisation}],
        "items": [_json_item(item) for item in items],
    }
    return (json.dumps(feed, ensure_ascii=False, indent=1) + "\n").encode()


def _json_item(item: FeedItem) -> dict[str, Any]:
    value: dict[str, Any] = {
        "id": item.url,
        "url": item.url,
        "title": item.entry.title,
        "summary": item.entry.teaser,
        "content_html": item.html,
        "date_published": item.published_at.isoformat(),
        "tags": list(item.topics),
    }
    if item.entry.author:
        value["authors"] = [{"name": item.entry.author}]
    return value


def _item(
    press: Press, entry: ArticleEntry, issues: Mapping[str, PublishedIssue], html: str
) -> FeedItem:
    return FeedItem(
        entry=entry,
        url=press.newsletter.article_url(entry.month, entry.id),
        topics=tuple(press.taxonomy.topics.get(slug, slug) for slug in entry.topics),
        published_at=issues[entry.month].published_at,
        html=html,
    )


def _body(press: Press, article: ArticleView) -> str:
    return press.render("feed_article.html", {"article": article})
