"""The archive's part in an issue's life: the copies of what was sent, and the public site."""

import gc
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import cache, partial

from newsletter.archive.program import program_digest
from newsletter.archive.publish import (
    PublishedIssue,
    PublishReport,
    Sending,
    SentVariant,
    publish_sent,
    publish_site,
    sent_at,
    sent_months,
)
from newsletter.archive.record import KnownIssues
from newsletter.archive.search import build_index
from newsletter.assemble import variant_by_id
from newsletter.desk import Compiled, Desk
from newsletter.errors import IssueError, NewsletterError, NotPublished, ProblemsFound
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.ledger import Ledger
from newsletter.ledger.states import FrozenIssue
from newsletter.locales import language_for
from newsletter.logs import WARNING, event
from newsletter.model.issue import Issue, IssueStatus
from newsletter.model.message import Personalisation
from newsletter.model.variant import Variant
from newsletter.personalise.greeting import greeting
from newsletter.personalise.mime import VariantEncoder
from newsletter.render.renderer import load_compiled


def build_archive(desk: Desk, ledger: Ledger, now: datetime) -> PublishReport:
    """The public site of everything sent or past, and the copies of what was sent.

    Copies that are gone are made anew as long as the ledger has the issue. Raises IssueError where
    the folder of a sent issue is gone.
    """
    folder = desk.folders.archive
    kept = sent_months(folder)
    deliveries, is_out = ledger.deliveries, ledger.appointments.is_out
    sent = {month for month in deliveries.months() if is_out(month, now=now)}
    for month in sorted(sent):
        _require_folder(desk, month)
        if frozen := deliveries.frozen(month):
            compiled = {} if month in kept else load_compiled(frozen.content)
            _copy(desk, deliveries, frozen, compiled)
    return build_site(desk, sent | kept, {}, is_searched=True)


class Publication:
    """One issue's way into the archive: early if it can be, and never in the way of the mail."""

    def __init__(
        self, desk: Desk, deliveries: Deliveries, issue: Issue, compiled: Compiled
    ) -> None:
        self.month = issue.month
        self._desk = desk
        self._deliveries = deliveries
        self._issue = issue
        self._compiled = compiled
        self._early: Future[NotPublished | None] | None = None
        self._is_made = False

    def make_early(self) -> None:
        """Publish beside the mail, from the first call on; should it fail, `finish` tries again."""
        if not self._early:
            thread = ThreadPoolExecutor(1, "archive")
            self._early = thread.submit(self._try, is_searched=False)
            thread.shutdown(wait=False)

    def wait(self) -> None:
        """Let what `make_early` began come to its end."""
        if self._early:
            wait([self._early])

    def finish(self) -> NotPublished | None:
        """Publish all there is to say now; gives what keeps the archive from being written."""
        return self._try(is_searched=True)

    def _try(self, *, is_searched: bool) -> NotPublished | None:
        try:
            self._publish(is_searched=is_searched)
        except NewsletterError as error:
            event("archive.postponed", WARNING, month=self.month, reason=str(error))
            return NotPublished(error)
        return None

    def _publish(self, *, is_searched: bool) -> None:
        month = self.month
        if frozen := self._deliveries.frozen(month):
            _copy(self._desk, self._deliveries, frozen, self._compiled)
        sent = {month, *sent_months(self._desk.folders.archive)}
        in_hand = {month: self._issue}
        report = build_site(self._desk, sent, in_hand, is_searched=is_searched)
        if not self._is_made:
            event("archive.published", month=month, files=len(report.written))
        for words in report.notes:
            event("archive.note", WARNING, month=month, words=words)
        self._is_made = True


def build_site(
    desk: Desk, sent: set[str], in_hand: Mapping[str, Issue], *, is_searched: bool
) -> PublishReport:
    """The site of the `sent` and the past; `in_hand` are issues that were read already."""
    for month in sorted(sent):
        _require_folder(desk, month)
    language = language_for(desk.newsletter.language, "en")
    known = KnownIssues(desk.folders.archive, program_digest(language))
    with _uncollected():
        report = publish_site(
            desk.folders.archive,
            _published(desk, sent, in_hand, known),
            newsletter=desk.newsletter,
            taxonomy=desk.taxonomy,
            templates=desk.templates,
            redirects=desk.redirects,
            indexer=build_index if is_searched else None,
        )
    known.keep()
    return report


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for garbage meanwhile: there is hardly any, and a sixth of the time is saved."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _published(
    desk: Desk, sent: set[str], in_hand: Mapping[str, Issue], known: KnownIssues
) -> Iterator[PublishedIssue]:
    folders = desk.folders
    for month in desk.months():
        read = cache(partial(_read, desk, in_hand, month))
        with suppress(*(() if month in sent else (ProblemsFound,))):  # else it is being written
            entry = known.entry(month, desk.fingerprint(month), read)
            if month in sent or entry.status is IssueStatus.PAST:
                at = sent_at(folders.archive, month) if month in sent else None
                is_new = month in known.read
                yield PublishedIssue(entry, folders.issues / month, read, at, is_new)


def _read(desk: Desk, in_hand: Mapping[str, Issue], month: str) -> Issue:
    return in_hand.get(month) or desk.read(month)


def _require_folder(desk: Desk, month: str) -> None:
    folder = desk.folders.issues / month
    if not folder.is_dir():
        where = desk.folders.shown(folder)
        raise IssueError("was sent, but its folder is gone; put it back", where=where)


def _copy(desk: Desk, deliveries: Deliveries, frozen: FrozenIssue, compiled: Compiled) -> None:
    """Put the copies of what was sent beside those that are there; without `compiled`, the counts.

    Their samples are dated when the sending began.
    """
    counts = {status.value: n for status, n in sorted(deliveries.counts(frozen.month).items())}
    variants = []
    if compiled:
        issue = desk.read(frozen.month)
        chosen = [variant_by_id(issue, name) for name in deliveries.variants(frozen.month)]
        variants = [_sent(desk, compiled, variant, frozen.started_at) for variant in chosen]
    sending = Sending(frozen.started_at, frozen.finished_at, counts)
    publish_sent(desk.folders.archive, frozen.month, variants, sending)


def _sent(desk: Desk, compiled: Compiled, variant: Variant, started_at: datetime) -> SentVariant:
    """The variant with a message to nobody: it goes back to where it comes from."""
    encode = VariantEncoder(desk.newsletter, desk.render(compiled, variant)).dated(started_at)
    nobody = Personalisation(
        delivery_id=f"copy.{variant.month}.{variant.id}",
        recipient=desk.newsletter.sender,
        greeting=greeting("", variant.language),
        unsubscribe_url=f"{desk.newsletter.base_url}/unsubscribe/copy",
        preferences_url=f"{desk.newsletter.base_url}/preferences/copy",
    )
    return replace(desk.impersonal(compiled, variant), message=b"".join(encode(nobody)))
