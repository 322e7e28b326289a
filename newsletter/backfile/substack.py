"""Substack's export, a ZIP or the folder it unpacks to -> items."""

import csv
from collections.abc import Mapping, Sequence
from functools import partial
from io import StringIO
from typing import Final
from zoneinfo import ZoneInfo

from newsletter.backfile.dates import moment_of
from newsletter.backfile.encodings import decode
from newsletter.backfile.files import MOST_TEXT, SourceFiles
from newsletter.backfile.items import Item, LeftOut, PastArchive, undated
from newsletter.backfile.markup import read_html
from newsletter.backfile.pieces import Piece
from newsletter.backfile.surroundings import Surroundings
from newsletter.errors import NewsletterError

SUBSTACK_LIST: Final = "posts.csv"


def read_substack(files: SourceFiles, listing: str, zone: ZoneInfo) -> PastArchive:
    """The posts that `listing`, the export's posts.csv, names. Raises NewsletterError."""
    text, notes = decode(files.read(listing), f"{files.shown}: {listing}")
    home = listing.removesuffix(SUBSTACK_LIST)
    try:
        rows = list(csv.DictReader(StringIO(text, newline="")))
    except csv.Error as error:
        raise NewsletterError(f"no CSV: {error}", where=f"{files.shown}: {listing}") from None
    found = [_substack_item(row, files, home, zone) for row in rows]
    return PastArchive.of("a Substack export", found, notes)


def _substack_item(
    row: Mapping[str, str | None], files: SourceFiles, home: str, zone: ZoneInfo
) -> Item | LeftOut:
    post, title = row.get("post_id") or "", (row.get("title") or "").strip()
    if (row.get("is_published") or "").strip().casefold() != "true":
        return LeftOut(post, title, "a draft there")
    moment = moment_of(row.get("post_date") or row.get("email_sent_at") or "", zone)
    if moment is None:
        return undated(post, title)
    names = [
        name for name in (f"{home}posts/{post}.html", f"{home}{post}.html") if name in files.names
    ]
    if not names:
        kind = row.get("type") or "post"
        return LeftOut(post, title, f"its text is not in the export (a {kind})", is_amiss=True)

    def read(around: Surroundings) -> Sequence[Piece]:
        html, notes = decode(files.read(names[0], MOST_TEXT), f"{files.shown}: {names[0]}")
        around.notes += notes
        return read_html(html, around)

    return Item(
        where=names[0],
        month=f"{moment:%Y-%m}",
        title=title,
        read=read,
        order=moment.isoformat(),
        slug=post.partition(".")[2],
        teaser=row.get("subtitle") or "",
        surroundings=partial(Surroundings, "", partial(files.find, home=f"{home}posts")),
    )
