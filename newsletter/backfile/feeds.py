"""RSS and Atom feeds, and WordPress's export (WXR), which is RSS with more in it -> items."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from html import unescape
from typing import Final
from zoneinfo import ZoneInfo

from lxml import etree
from lxml.etree import _Element

from newsletter.backfile.dates import moment_of
from newsletter.backfile.items import Item, LeftOut, PastArchive, undated
from newsletter.backfile.markup import read_html
from newsletter.backfile.surroundings import Surroundings
from newsletter.backfile.xml_files import name_of, text_of

_KINDS: Final = {
    "attachment": "files of the media library",
    "nav_menu_item": "entries of menus",
    "revision": "earlier versions",
}
_STATES: Final = {
    "draft": "a draft there",
    "pending": "not published there yet",
    "future": "not published there yet",
    "private": "private there",
    "trash": "in the bin there",
}
_SHORTCODE: Final = re.compile(r"\[/?(?:caption|gallery|embed|audio|video|playlist)\b[^\]]*\]")
_PRE: Final = re.compile(r"(<pre\b.*?</pre>)", re.DOTALL | re.IGNORECASE)
_TAG: Final = re.compile(r"<[^>]*>")


def read_feed(root: _Element, zone: ZoneInfo) -> PastArchive | None:
    """The items of a feed or WordPress export; nothing where the XML is neither."""
    name = name_of(root)
    if name == "feed":
        return PastArchive.of("an Atom feed", (_atom_item(e, zone) for e in _all(root, "entry")))
    if name not in {"rss", "RDF"}:
        return None
    entries = list(_all(root, "item"))
    if any(name_of(child) in {"post_type", "wxr_version"} for child in _near(root, entries)):
        return _read_wordpress(entries, _wordpress_authors(root), zone)
    return PastArchive.of("an RSS feed", (_rss_item(entry, zone) for entry in entries))


def _near(root: _Element, entries: list[_Element]) -> Iterator[_Element]:
    for parent in (*root, *entries[:1]):
        yield from parent


def _all(root: _Element, name: str) -> Iterator[_Element]:
    return (element for element in root.iter() if name_of(element) == name)


def _wordpress_authors(root: _Element) -> dict[str, str]:
    """Names under which people log in -> those that readers see."""
    authors = _all(root, "author")
    return {text_of(one, "author_login"): text_of(one, "author_display_name") for one in authors}


def _read_wordpress(
    entries: list[_Element], authors: Mapping[str, str], zone: ZoneInfo
) -> PastArchive:
    others = Counter(kind for entry in entries if (kind := _kind(entry)) not in {"post", "page"})
    posts = [entry for entry in entries if _kind(entry) in {"post", "page"}]
    found = [_wordpress_item(entry, authors, zone) for entry in posts]
    found += [
        LeftOut(f"{count:,} of the kind {kind}", "", _KINDS.get(kind, "no posts"))
        for kind, count in others.items()
    ]
    return PastArchive.of("a WordPress export", found)


def _kind(entry: _Element) -> str:
    return text_of(entry, "post_type") or "post"


def _wordpress_item(entry: _Element, authors: Mapping[str, str], zone: ZoneInfo) -> Item | LeftOut:
    title, where = _title(entry), _where(entry)
    state = text_of(entry, "status")
    if _kind(entry) == "page":
        return LeftOut(where, title, "a page, not a post")
    if state not in {"publish", ""}:
        return LeftOut(where, title, _STATES.get(state, f"its status there is {state}"))
    if text_of(entry, "post_password"):
        return LeftOut(where, title, "locked by a password there")
    date = text_of(entry, "post_date")
    html = _SHORTCODE.sub(" ", text_of(entry, "encoded", within="content"))
    html = html if "<!-- wp:" in html else _paragraphs(html)
    item = _item(entry, zone, "" if date.startswith("0000") else date, html)
    author = authors.get(text_of(entry, "creator"), "")
    return replace(item, author=author) if author and isinstance(item, Item) else item


def _rss_item(entry: _Element, zone: ZoneInfo) -> Item | LeftOut:
    html = text_of(entry, "encoded", "description")
    return _item(entry, zone, "", html)


def _atom_item(entry: _Element, zone: ZoneInfo) -> Item | LeftOut:
    contents = [child for child in entry if name_of(child) in {"content", "summary"}]
    contents.sort(key=name_of)  # content before summary
    html = next((made for child in contents if (made := _atom_html(child))), "")
    return _item(entry, zone, "", html)


def _atom_html(content: _Element) -> str:
    if content.get("type") == "xhtml":
        return "".join(etree.tostring(child, encoding="unicode") for child in content)
    text = (content.text or "").strip()
    if content.get("type", "text") == "text":
        return text.replace("&", "&amp;").replace("<", "&lt;")
    return text


def _item(entry: _Element, zone: ZoneInfo, date: str, html: str) -> Item | LeftOut:
    title, where = _title(entry), _where(entry)
    moment = moment_of(date or text_of(entry, "pubDate", "published", "date", "updated"), zone)
    if moment is None:
        return undated(where, title)
    excerpt = text_of(entry, "encoded", within="excerpt")
    return Item(
        where=where,
        month=f"{moment:%Y-%m}",
        title=title,
        read=partial(read_html, html),
        order=moment.isoformat(),
        slug=text_of(entry, "post_name"),
        teaser=unescape(_TAG.sub("", excerpt)),
        author=text_of(entry, "creator") if " " in text_of(entry, "creator") else "",
        labels=tuple(_labels(entry)),
        surroundings=partial(Surroundings, _link(entry)),
    )


def _title(entry: _Element) -> str:
    return unescape(_TAG.sub("", text_of(entry, "title")))


def _where(entry: _Element) -> str:
    return _link(entry) or f"line {entry.sourceline}"


def _link(entry: _Element) -> str:
    links = [child for child in entry if name_of(child) == "link"]
    whole = next((link for link in links if link.get("rel", "alternate") == "alternate"), None)
    return (whole.get("href") or whole.text or "").strip() if whole is not None else ""


def _labels(entry: _Element) -> Iterator[str]:
    for child in entry:
        if name_of(child) == "category":
            yield child.get("label") or child.get("term") or child.text or ""


def _paragraphs(html: str) -> str:
    """WordPress's own rule for texts of its older editor: line breaks are meant."""
    parts = _PRE.split(html)
    return "".join(
        part if number % 2 else part.strip("\n").replace("\n", "<br>")
        for number, part in enumerate(parts)
    )
