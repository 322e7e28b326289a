"""A folder or ZIP of Markdown files, as Jekyll, Hugo, Eleventy and others keep them -> items."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any, Final
from zoneinfo import ZoneInfo

from newsletter.backfile.dates import date_in_name, moment_of, month_of_heading
from newsletter.backfile.encodings import decode
from newsletter.backfile.files import MOST_TEXT, SourceFiles
from newsletter.backfile.front_matter import split_front_matter
from newsletter.backfile.items import Item, LeftOut, PastArchive
from newsletter.backfile.markup import read_html
from newsletter.backfile.pieces import Piece
from newsletter.backfile.surroundings import Surroundings
from newsletter.errors import NewsletterError
from newsletter.markdown import foreign_html

MARKDOWN: Final = (".md", ".markdown", ".mdown")
_DATES: Final = ("date", "published", "publishdate", "pubdate", "published_at", "created")
_TEASERS: Final = ("description", "excerpt", "summary", "subtitle", "teaser")
_LABELS: Final = ("topics", "categories", "category", "tags", "tag", "keywords")
_NO_POSTS: Final = frozenset(
    {"readme", "license", "licence", "contributing", "changelog", "_index"}
)
_DATE: Final = re.compile(r"^\d{4}-?\d{2}(?:-?\d{2})?[-_ ]*")


def read_markdown(files: SourceFiles, zone: ZoneInfo) -> PastArchive:
    """Every Markdown file as one post. Raises NewsletterError."""
    found = [_item(files, name, zone) for name in files.ending(*MARKDOWN)]
    kind = "a Markdown file" if len(found) == 1 else f"{len(found):,} Markdown files"
    return PastArchive.of(kind, found)


def _item(files: SourceFiles, name: str, zone: ZoneInfo) -> Item | LeftOut:
    path = PurePosixPath(name)
    try:
        text, notes = decode(files.read(name, MOST_TEXT), f"{files.shown}/{name}")
        values, body = split_front_matter(text)
    except NewsletterError as error:
        return LeftOut(name, "", error.what, is_amiss=True)
    except ValueError as fault:
        return LeftOut(name, "", str(fault), is_amiss=True)
    title = _line(values, "title")
    if values.get("draft") is True or values.get("published") is False:
        return LeftOut(name, title, "a draft there")
    if path.stem.casefold() in _NO_POSTS or "page" in {values.get("layout"), values.get("type")}:
        return LeftOut(name, title, "a page, not a post")
    month, order = _when(values, name, zone)
    if not month:
        why = "neither its front matter nor its name has a date that can be read"
        return LeftOut(name, title, why, is_amiss=True)

    def read(around: Surroundings) -> Sequence[Piece]:
        around.notes += notes
        return read_html(foreign_html(body), around)

    stem = path.parent.name if path.stem in {"index", "readme"} else path.stem
    return Item(
        where=name,
        month=month,
        title=title or _heading(body),
        read=read,
        order=order,
        slug=_line(values, "slug") or _DATE.sub("", stem),
        teaser=_line(values, *_TEASERS),
        author=", ".join(_words(values.get("author") or values.get("authors"))),
        labels=tuple(word for key in _LABELS for word in _words(values.get(key))),
        surroundings=partial(Surroundings, "", partial(files.find, home=str(path.parent))),
    )


def _when(values: Mapping[str, Any], name: str, zone: ZoneInfo) -> tuple[str, str]:
    """The month, and what puts the item into its place there."""
    for key in _DATES:
        value = values.get(key)
        if isinstance(value, date) and not isinstance(value, datetime):
            return f"{value:%Y-%m}", value.isoformat()
        if isinstance(value, datetime | str):
            moment = moment_of(str(value), zone)
            if moment:
                return f"{moment:%Y-%m}", moment.isoformat()
            if month := month_of_heading(str(value)):
                return month, month
    day = date_in_name(name)
    return day[:7], day


def _heading(body: str) -> str:
    first = body.lstrip("\n").partition("\n")[0]
    return first.lstrip("# ").rstrip("# ") if first.startswith("#") else ""


def _line(values: Mapping[str, Any], *keys: str) -> str:
    found = (values.get(key) for key in keys)
    return next((str(value).strip() for value in found if isinstance(value, str | int)), "")


def _words(value: object) -> list[str]:
    """A text, words between commas, a list of them, or of tables with a name."""
    if isinstance(value, str):
        return [word for part in value.split(",") if (word := part.strip())]
    if isinstance(value, dict):
        return _words(value.get("name"))
    if isinstance(value, list):
        return [word for one in value if isinstance(one, str | dict) for word in _words(one)]
    return []
