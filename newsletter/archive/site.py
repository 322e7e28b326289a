"""What the site is made of: every file, what it depends on, and how it is made."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property, partial
from hashlib import blake2b
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import urlsplit

from newsletter.archive.cards import draw_card
from newsletter.archive.entries import ArticleEntry, IssueEntry, PublishedIssue
from newsletter.archive.feeds import (
    MOST_WHOLE,
    FeedItem,
    atom,
    json_feed,
    topic_feed,
    whole_items,
)
from newsletter.archive.pictures import prepare_picture
from newsletter.archive.press import Press
from newsletter.archive.shelf import Shelf, counted
from newsletter.archive.sitemap import sitemap
from newsletter.archive.structured import article_data, card_url, issue_data
from newsletter.model.issue import Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates

_Entry = TypeVar("_Entry")
_VALUES: Final = attrgetter(*(field.name for field in fields(ArticleEntry)))

_MOST_WITH_TITLES: Final = 12  # earlier issues whose articles the front page names


class Page(NamedTuple):
    """A file of the site. The same `key` gives the same bytes; an empty one promises nothing."""

    key: str
    make: Callable[[], bytes]


def plan_site(
    issues: Iterable[PublishedIssue],
    *,
    newsletter: Newsletter,
    taxonomy: Taxonomy,
    templates: Templates,
    redirects: Mapping[str, str] | None = None,
) -> dict[str, Page]:
    """Every file of the site by its path in the archive, the search index apart.

    Nothing is made yet; `make` raises RenderError, or ArchiveError for a picture. `redirects` are
    old paths of pages and the new ones; those whose old page is there, or whose new one is not,
    are left out. The front page is last, so that it leads to nothing that is not yet there.
    """
    plan = _Plan(issues, Press(newsletter, taxonomy, templates), templates)
    pages = dict(plan.pages())
    moved = {
        f"{old}/index.html": new
        for old, new in (redirects or {}).items()
        if f"{old}/index.html" not in pages and f"{new}/index.html" in pages
    }
    front = pages.pop("index.html")
    return {**pages, **{path: plan.redirect(path, new) for path, new in moved.items()}} | {
        "index.html": front
    }


class _Plan:
    """Plans the pages of some issues."""

    def __init__(
        self, issues: Iterable[PublishedIssue], press: Press, templates: Templates
    ) -> None:
        self._press = press
        self._issues: dict[str, PublishedIssue] = {}
        for issue in issues:
            self._issues[issue.entry.month] = issue
            if issue.is_new:
                press.view(issue, heading_base=3)  # while its Markdown is still in memory, parsed
        self._shelf = Shelf.of(issue.entry for issue in self._issues.values())
        self._palette = templates.palette["light"]
        self._counts = {
            "topic_count": {slug: len(found) for slug, found in self._shelf.by_topic.items()},
            "type_count": {slug: len(found) for slug, found in self._shelf.by_type.items()},
        }
        self._marks = {one.path: _digest(repr(_VALUES(one))) for one in self._shelf.articles}
        self._dates = {month: i.published_at.isoformat() for month, i in self._issues.items()}

    def pages(self) -> Iterator[tuple[str, Page]]:
        """Path and page, issue by issue; then what speaks of several."""
        years = self._shelf.year_count
        for name in ("style.css", "filters.css", "articles.js", "icon.svg", "robots.txt"):
            values = {
                "taxonomy": self._press.taxonomy,
                "newsletter": self._press.newsletter,
                "root": urlsplit(self._press.newsletter.base_url).path,
                "years": years,
            }
            yield name, self._page(" ".join(years), partial(self._plain, name, values))
        yield from self._issue_pages()
        yield from self._topic_pages()
        yield from self._type_pages()
        yield from self._pages_of_all()

    def redirect(self, path: str, new: str) -> Page:
        """What leads from an old address to the new one."""
        values = {"target": new}
        return self._page(f"{path} {new}", lambda: self._set("redirect.html", path, values, of=new))

    def _issue_pages(self) -> Iterator[tuple[str, Page]]:
        beside = {one.path: (before, after) for before, one, after in _beside(self._shelf.articles)}
        for earlier, entry, later in _beside(self._shelf.issues):
            issue = self._issues[entry.month]
            about = self._about_issue(entry.month)
            for name, digest in entry.pictures.items():
                picture = partial(prepare_picture, issue.folder / name)
                yield (
                    f"{entry.month}/{name}",
                    Page(digest and _digest(self._press.version, digest), picture),
                )
            yield (
                f"cards/{entry.month}.png",
                self._page(f"{entry.month} {entry.subject}", partial(self._card, entry)),
            )
            named = repr([(one.month, one.subject) if one else None for one in (earlier, later)])
            yield (
                f"{entry.month}/index.html",
                self._page(f"{about} {named}", partial(self._issue, issue, earlier, later)),
            )
            for article in entry.articles:
                before, after = beside[article.path]
                related = self._shelf.related(article)
                depends = f"{about} {article.id} {self._mark(before, after, *related)}"
                make = partial(self._article, issue, article, before, after, related)
                yield f"{article.path}/index.html", self._page(depends, make)

    def _topic_pages(self) -> Iterator[tuple[str, Page]]:
        for slug, label in self._press.taxonomy.topics.items():
            articles = self._shelf.by_topic.get(slug, ())
            marks = self._mark(*articles)
            values = {"axis": "topic", "label": label, "articles": articles}
            yield f"topics/{slug}/index.html", self._list_page(f"topics/{slug}", values, marks)
            feed = partial(topic_feed, self._press, slug, label, articles, self._issues)
            depends = f"{slug} {marks} {self._dates_of(articles)}"
            yield f"topics/{slug}/feed.xml", self._page(depends, feed)

    def _type_pages(self) -> Iterator[tuple[str, Page]]:
        for slug, label in self._press.taxonomy.research_types.items():
            articles = self._shelf.by_type.get(slug, ())
            values = {"axis": "type", "label": label, "articles": articles}
            page = self._list_page(f"types/{slug}", values, self._mark(*articles))
            yield f"types/{slug}/index.html", page

    def _list_page(self, folder: str, values: Mapping[str, Any], marks: str) -> Page:
        path = f"{folder}/index.html"
        is_topic = values["axis"] == "topic"

        def make() -> bytes:
            feed = f"{folder}/feed.xml" if is_topic else ""
            axes = self._press.taxonomy
            labels = axes.research_types if is_topic else axes.topics
            narrower = counted(labels, values["articles"], by_type=is_topic)
            return self._set("list.html", path, {**values, "feed": feed, "narrower": narrower})

        return self._page(f"{folder} {marks}", make)

    def _pages_of_all(self) -> Iterator[tuple[str, Page]]:
        shelf = self._shelf
        everything = self._mark(*shelf.newest_first)
        dates = self._dates_of(shelf.newest_first)
        texts = " ".join(map(self._about_issue, self._newest_months()))
        months = repr([(i.month, i.subject, i.preheader) for i in shelf.issues])
        yield "articles/index.html", self._page(everything, self._articles)
        yield "about/index.html", self._page(f"{everything} {len(shelf.issues)}", self._about)
        yield "feed.xml", self._page(texts, self._feed)
        yield "feed.json", self._page(texts, self._json_feed)
        yield "sitemap.xml", self._page(f"{everything} {dates}", self._sitemap)
        yield "index.html", self._page(f"{everything} {months}", self._front)

    def _page(self, depends: str, make: Callable[[], bytes]) -> Page:
        return Page(_digest(self._press.version, depends), make)

    def _plain(self, name: str, values: Mapping[str, Any]) -> bytes:
        return self._press.render(name, values).encode()

    def _set(self, name: str, path: str, values: Mapping[str, Any], of: str = "") -> bytes:
        address = {"address": self._press.address(f"{of}/index.html")} if of else {}
        return self._press.page(name, path, {**self._counts, **values, **address})

    def _issue(
        self, issue: PublishedIssue, earlier: IssueEntry | None, later: IssueEntry | None
    ) -> bytes:
        month = issue.entry.month
        values = {
            "issue": self._press.view(issue, heading_base=3),
            "entries": {article.id: article for article in issue.entry.articles},
            "earlier": earlier,
            "later": later,
            "card": card_url(self._press, month),
            "json_ld": issue_data(self._press, issue),
        }
        return self._press.page("issue.html", f"{month}/index.html", values)

    def _article(
        self,
        issue: PublishedIssue,
        entry: ArticleEntry,
        before: ArticleEntry | None,
        after: ArticleEntry | None,
        related: Sequence[ArticleEntry],
    ) -> bytes:
        values = {
            "issue": issue.entry,
            "entry": entry,
            "article": self._press.article(issue, entry),
            "earlier": before,
            "later": after,
            "related": related,
            "card": card_url(self._press, entry.month),
            "json_ld": article_data(self._press, issue, entry),
        }
        return self._press.page("article.html", f"{entry.path}/index.html", values)

    def _card(self, entry: IssueEntry) -> bytes:
        return draw_card(
            self._press.newsletter.name,
            self._press.month_title(entry.month),
            entry.subject,
            paper=self._palette["card"],
            ink=self._palette["ink"],
        )

    def _front(self) -> bytes:
        issues = self._shelf.issues[::-1]
        values = {
            "latest": issues[0] if issues else None,
            "years": Shelf(self._shelf.issues[:-1]).years(),
            "with_titles": {issue.month for issue in issues[1 : _MOST_WITH_TITLES + 1]},
            "article_count": len(self._shelf.articles),
            "card": card_url(self._press, issues[0].month) if issues else "",
        }
        return self._set("front.html", "index.html", values)

    def _articles(self) -> bytes:
        years = self._shelf.year_count
        values = {
            "articles": self._shelf.newest_first,
            "year_count": years,
            "years": dict(zip(years, years, strict=True)),
        }
        return self._set("articles.html", "articles/index.html", values)

    def _about(self) -> bytes:
        values = {
            "first": self._shelf.issues[0] if self._shelf.issues else None,
            "issue_count": len(self._shelf.issues),
            "article_count": len(self._shelf.articles),
        }
        return self._set("about.html", "about/index.html", values)

    def _feed(self) -> bytes:
        name = self._press.newsletter.name
        return atom(self._press, "feed.xml", name, "index.html", self._whole_items)

    def _json_feed(self) -> bytes:
        return json_feed(self._press, "feed.json", self._press.newsletter.name, self._whole_items)

    @cached_property
    def _whole_items(self) -> list[FeedItem]:
        return whole_items(self._press, self._shelf.newest_first, self._issues)

    def _sitemap(self) -> bytes:
        days = {month: at[:10] for month, at in self._dates.items()}
        return sitemap(self._press, self._shelf, days)

    def _mark(self, *articles: ArticleEntry | None) -> str:
        return " ".join(self._marks[article.path] if article else "-" for article in articles)

    def _dates_of(self, articles: Iterable[ArticleEntry]) -> str:
        return " ".join(self._dates[month] for month in dict.fromkeys(a.month for a in articles))

    def _about_issue(self, month: str) -> str:
        return f"{self._issues[month].entry.digest} {self._dates[month]}"

    def _newest_months(self) -> list[str]:
        """The months whose articles are in the feed of everything."""
        return list(dict.fromkeys(a.month for a in self._shelf.newest_first[:MOST_WHOLE]))


def _beside(entries: Sequence[_Entry]) -> list[tuple[_Entry | None, _Entry, _Entry | None]]:
    """Each entry between the one before it and the one after it."""
    before: list[_Entry | None] = [None, *entries]
    after: list[_Entry | None] = [*entries[1:], None]
    return list(zip(before, entries, after, strict=False))


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode(), digest_size=12).hexdigest()
