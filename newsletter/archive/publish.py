"""ARCHIVE's door: the site and the copies of what was sent, brought up to date on disk."""

import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Final

from newsletter.archive.copies import (
    Sending,
    SentVariant,
    publish_sent,
    recorded_sending,
    sent_at,
    sent_months,
    write_variants,
)
from newsletter.archive.entries import PublishedIssue
from newsletter.archive.files import locked, remove, write_whole
from newsletter.archive.record import Record
from newsletter.archive.report import PublishReport
from newsletter.archive.search import FOLDER, NoSearch
from newsletter.archive.site import plan_site
from newsletter.model.issue import Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates

__all__ = [
    "PublishReport",
    "PublishedIssue",
    "Sending",
    "SentVariant",
    "publish_sent",
    "publish_site",
    "recorded_sending",
    "sent_at",
    "sent_months",
    "write_variants",
]

_ARTICLE: Final = re.compile(r"[0-9]{4}-[0-9]{2}/[^/]+/index\.html")

Indexer = Callable[[Path], Mapping[str, bytes]]  # the site's folder -> files by their path


def publish_site(  # noqa: PLR0913 - what a site is made of
    folder: Path,
    issues: Iterable[PublishedIssue],
    *,
    newsletter: Newsletter,
    taxonomy: Taxonomy,
    templates: Templates,
    redirects: Mapping[str, str] | None = None,
    indexer: Indexer | None = None,
) -> PublishReport:
    """Make the site in `folder` that of these issues: write what changed, remove what is over.

    The same issues, in any order, give the same bytes. Only what an earlier call wrote is ever
    removed. Killed at any moment, it leaves whole files, and the next call finishes the work.
    Without an `indexer` the search index stays as it is. Raises RenderError before anything is
    written, and ArchiveError where the disk refuses.
    """
    pages = plan_site(
        issues,
        newsletter=newsletter,
        taxonomy=taxonomy,
        templates=templates,
        redirects=redirects,
    )
    with locked(folder):
        record = Record(folder)
        stale = [path for path, page in pages.items() if not record.is_current(path, page.key)]
        contents = {path: pages[path].make() for path in stale}
        over = record.paths - pages.keys()
        kept = {path for path in over if path.startswith(f"{FOLDER}/")}
        if contents or over - kept:
            record.announce(contents)
        written = {path for path, data in contents.items() if _put(folder, path, data)}
        for path in sorted(over - kept):
            remove(folder / path, folder)
        keys = {path: page.key for path, page in pages.items()}
        index = _Index(folder, record, kept, _articles_key(keys) if indexer else "")
        notes = index.bring_up_to_date(indexer)
        settled = keys | dict.fromkeys(index.paths, index.key)
        if contents or over or index.written:
            record.settle(settled)
    return PublishReport.of(
        written | index.written,
        settled.keys() - written - index.written,
        (over - kept) | index.removed,
        notes,
    )


class _Index:
    """The search index in the site, which is made anew when an article's page has changed."""

    def __init__(self, folder: Path, record: Record, before: set[str], key: str) -> None:
        self._folder = folder
        self._record = record
        self._before = before
        self.key = key
        self.paths: set[str] = set()
        self.written: set[str] = set()
        self.removed: set[str] = set()

    def bring_up_to_date(self, indexer: Indexer | None) -> list[str]:
        """Make the index unless it is current; a sentence where it cannot be had here."""
        if indexer is None:  # as it is, until somebody has the time
            self.key = next(map(self._record.key_of, self._before), "")
        is_current = all(self._record.is_current(path, self.key) for path in self._before)
        if indexer is None or (self._before and is_current):
            self.paths = self._before
            return []
        files: Mapping[str, bytes] = {}
        notes = []
        try:
            files = indexer(self._folder) if self.key else {}
        except NoSearch as error:
            notes = [f"The site is built without its search: {error.what}."]
        self._record.announce(files.keys() - self._before)
        self.paths = set(files)
        self.written = {path for path, data in files.items() if _put(self._folder, path, data)}
        self.removed = self._before - self.paths
        for path in sorted(self.removed):
            remove(self._folder / path, self._folder)
        return notes


def _articles_key(keys: Mapping[str, str]) -> str:
    """Changes with any article's page; nothing where there is none."""
    made_of = "".join(key for path, key in sorted(keys.items()) if _ARTICLE.fullmatch(path))
    return blake2b(made_of.encode(), digest_size=12).hexdigest() if made_of else ""


def _put(folder: Path, path: str, content: bytes) -> bool:
    # Unsynced: a page that a power cut tore has another size or time than the record says.
    return write_whole(folder / path, content, is_synced=False)
