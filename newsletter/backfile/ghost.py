"""Ghost's export, a JSON of its tables -> items."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.backfile.dates import moment_of
from newsletter.backfile.items import Item, LeftOut, PastArchive, undated
from newsletter.backfile.markup import read_html
from newsletter.backfile.surroundings import FindFile, Surroundings
from newsletter.errors import NewsletterError


def read_ghost(text: str, shown: str, zone: ZoneInfo, find: FindFile) -> PastArchive | None:
    """The posts of Ghost's JSON; nothing where it is other JSON. Raises NewsletterError."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        what = f"this JSON is cut off or damaged: {error.msg}"
        raise NewsletterError(what, where=f"{shown}:{error.lineno}") from None
    except (ValueError, RecursionError):
        raise NewsletterError("this JSON cannot be read", where=shown) from None
    tables = _ghost_tables(document)
    if tables is None:
        return None
    tags, authors = _names(tables, "tags"), _names(tables, "users")
    labels, writers = _joined(tables, "tag_id", tags), _joined(tables, "author_id", authors)
    found = [
        _ghost_item(
            post,
            labels.get(_key(post.get("id")), []),
            writers.get(_key(post.get("id")), []),
            zone,
            find,
        )
        for post in _rows(tables, "posts")
    ]
    return PastArchive.of("a Ghost export", found)


def _ghost_tables(document: object) -> dict[str, Any] | None:
    if isinstance(document, dict) and isinstance(document.get("db"), list) and document["db"]:
        document = document["db"][0]
    tables = document.get("data") if isinstance(document, dict) else None
    return tables if isinstance(tables, dict) and isinstance(tables.get("posts"), list) else None


def _rows(tables: Mapping[str, Any], name: str) -> Iterator[dict[str, Any]]:
    rows = tables.get(name)
    return (row for row in rows if isinstance(row, dict)) if isinstance(rows, list) else iter(())


def _names(tables: Mapping[str, Any], table: str) -> dict[object, str]:
    return {
        _key(row.get("id")): name
        for row in _rows(tables, table)
        if (name := _text(row, "name")) and row.get("visibility") != "internal"
    }


def _joined(
    tables: Mapping[str, Any], key: str, names: Mapping[object, str]
) -> dict[object, list[str]]:
    joined: dict[object, list[str]] = {}
    rows = [*_rows(tables, "posts_tags"), *_rows(tables, "posts_authors")]
    for row in sorted(rows, key=lambda row: str(row.get("sort_order", "")).zfill(6)):
        if name := names.get(_key(row.get(key))):
            joined.setdefault(_key(row.get("post_id")), []).append(name)
    return joined


def _key(value: object) -> object:
    return value if isinstance(value, str | int) else None


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value.strip() if isinstance(value, str) else ""


def _ghost_item(
    post: Mapping[str, Any], labels: list[str], writers: list[str], zone: ZoneInfo, find: FindFile
) -> Item | LeftOut:
    title, where = _text(post, "title"), _text(post, "slug") or str(post.get("id", ""))
    status = _text(post, "status") or "published"
    if _text(post, "type") == "page" or post.get("page") == 1:
        return LeftOut(where, title, "a page, not a post")
    if status not in {"published", "sent"}:
        return LeftOut(where, title, "a draft there" if status == "draft" else f"{status} there")
    moment = _ghost_moment(post.get("published_at"), zone)
    if moment is None:
        return undated(where, title)
    html = _text(post, "html")
    if not html and (_text(post, "lexical") or _text(post, "mobiledoc")):
        why = (
            "its text is there in Ghost's editor format alone; open and save it there, export again"
        )
        return LeftOut(where, title, why, is_amiss=True)
    return Item(
        where=where,
        month=f"{moment:%Y-%m}",
        title=title,
        read=partial(read_html, html),
        order=moment.isoformat(),
        slug=_text(post, "slug"),
        teaser=_text(post, "custom_excerpt"),
        author=", ".join(writers),
        labels=tuple(labels),
        surroundings=partial(Surroundings, "", find),
    )


def _ghost_moment(value: object, zone: ZoneInfo) -> datetime | None:
    if isinstance(value, int) and 0 < value < 10**13:  # older exports count milliseconds
        return datetime.fromtimestamp(value / 1000, UTC).astimezone(zone)
    return moment_of(value, zone) if isinstance(value, str) else None
