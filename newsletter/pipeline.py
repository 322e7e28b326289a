"""The way of an issue, in six steps: the file to read first.

    read → assemble → render → personalise → dispatch → archive

The first three are the editor's desk (`desk.py`), which a `Pipeline` leads on to the readers.
It opens nothing before a step needs it: planning takes no transport and no secret.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from threading import Event
from typing import Final
from uuid import uuid4

from newsletter.archive.publish import (
    PublishedIssue,
    PublishReport,
    publish_sent,
    publish_site,
    sent_months,
    write_variants,
)
from newsletter.assemble import variant_by_id
from newsletter.desk import Compiled, Desk
from newsletter.dispatch.dispatcher import DispatchReport, Manners, dispatch
from newsletter.dispatch.plan import Plan, make_plan
from newsletter.errors import (
    IssueError,
    NewsletterError,
    ProblemsFound,
    SubscriberError,
    TransportError,
)
from newsletter.ledger.ledger import Ledger
from newsletter.ledger.states import FrozenIssue
from newsletter.model.delivery import (
    PENDING,
    Delivery,
    DeliveryStatus,
    IssueState,
    Outcome,
    PlannedDelivery,
)
from newsletter.model.issue import Issue, IssueStatus
from newsletter.model.message import Address, Message, Personalisation
from newsletter.model.problem import Severity
from newsletter.model.variant import RenderedVariant, Variant
from newsletter.personalise.delivery_id import delivery_id
from newsletter.personalise.greeting import greeting
from newsletter.personalise.links import Links
from newsletter.personalise.mime import VariantEncoder
from newsletter.render.renderer import dump_compiled, load_compiled
from newsletter.sources.addresses import parse_address
from newsletter.transports.base import Transport

Progress = Callable[[int], None]  # how many deliveries have an outcome so far
MessageWriter = Callable[[str, Sequence[Delivery]], list[Message]]

NOBODY: Final = "0" * 32  # the subscriber of a test, whose links are refused politely
_STATES: Final = {
    IssueStatus.DRAFT: IssueState.DRAFT,
    IssueStatus.READY: IssueState.READY,
    IssueStatus.PAST: IssueState.FINISHED,
}

# Where somebody has got the issue, or may have.
_SENT: Final = {
    DeliveryStatus.ACCEPTED,
    DeliveryStatus.DELIVERED,
    DeliveryStatus.DEFERRED,
    DeliveryStatus.BOUNCED,
    DeliveryStatus.DROPPED,
    DeliveryStatus.COMPLAINED,
    DeliveryStatus.UNCERTAIN,
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How an issue stands: counts per delivery status, and what went wrong."""

    month: str
    state: IssueState
    counts: Mapping[DeliveryStatus, int]
    started_at: datetime | None = None
    finished_at: datetime | None = None


class _Publication:
    """The archive's part in a send: made early if it can be, and never in the way of the mail."""

    def __init__(self, publish: Callable[[], None]) -> None:
        self._publish = publish
        self._is_tried = False
        self._is_made = False

    def make(self) -> None:
        """Publish at the first call; should it fail, `finish` tries again and says why."""
        if not self._is_tried:
            self._is_tried = True
            with suppress(NewsletterError):
                self.finish()

    def finish(self) -> None:
        """Publish unless that was done. Raises what keeps the archive from being written."""
        if not self._is_made:
            self._publish()
            self._is_made = True


class Pipeline:
    """The six steps for one newsletter."""

    def __init__(  # noqa: PLR0913 - each step brings what it needs
        self,
        desk: Desk,
        *,
        open_ledger: Callable[[], Ledger],
        open_links: Callable[[], Links],
        open_transport: Callable[[], Transport],
        per_second: float | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.desk = desk
        self._newsletter = desk.newsletter
        self._open_ledger = open_ledger
        self._open_links = open_links
        self._open_transport = open_transport
        self._per_second = per_second
        self._now = clock

    @cached_property
    def ledger(self) -> Ledger:
        """The subscribers and what was promised to them."""
        return self._open_ledger()

    def plan(self, issue: Issue) -> Plan:
        """Who would get which variant now, and who nothing and why."""
        return make_plan(issue.month, self.ledger.subscribers.groups(), self.desk.choice(issue))

    def build(self, month: str, out: Path) -> list[Variant]:
        """Write the variants that somebody gets, without anything personal, and their manifest."""
        issue = self.desk.read(month)
        compiled = self.desk.compile(issue)
        variants = list(self.plan(issue).variants) or [self.desk.whole(issue)]
        write_variants(out, [self.desk.impersonal(compiled, variant) for variant in variants])
        return variants

    def sendable(self, month: str) -> Issue:
        """The issue, which may be sent as it stands. Raises IssueError with the reason if not."""
        issue = self._ready(month)
        frozen = self.ledger.deliveries.frozen(month)
        if frozen and frozen.state in {IssueState.PAUSED, IssueState.CANCELLED}:
            where = self.desk.place(month)
            raise IssueError(f"{month} is {frozen.state}; nothing is sent", where=where)
        if frozen and _changed_files(issue, frozen) and self._was_sent(month):
            raise self._changed(issue, frozen)
        return issue

    def outstanding(self, issue: Issue) -> int:
        """How many would get the issue by sending it now: promised already, or to be promised."""
        promised = self.ledger.deliveries.counts(issue.month)
        pending = sum(promised.get(status, 0) for status in PENDING)
        return pending + sum(1 for _ in self._promises(issue))

    def send(
        self,
        issue: Issue,
        *,
        limit: int | None = None,
        progress: Progress = lambda _: None,
        stop: Event | None = None,
    ) -> DispatchReport:
        """Send a sendable issue to everybody who has not got it, and archive it as it goes out.

        Run again after any interruption, it goes on; nobody gets it twice. Raises TransportError
        where the way out is closed.
        """
        transport, links = self._open_transport(), self._open_links()
        compiled = self._freeze(issue)
        deliveries = self.ledger.deliveries
        deliveries.plan(issue.month, self._promises(issue), now=self._now())
        publication = _Publication(lambda: self._publish(issue, compiled))

        def note(report: DispatchReport) -> None:
            if report.accepted:
                publication.make()  # a reader may follow a link at once
            progress(report.done)

        try:
            return dispatch(
                issue.month,
                self.ledger,
                transport,
                self._writer(issue, compiled, links),
                Manners(limit=limit, per_second=self._per_second),
                progress=note,
                stop=stop or Event(),
                clock=self._now,
            )
        finally:
            transport.close()
            deliveries.finish_if_done(issue.month, now=self._now())
            if self._was_sent(issue.month):
                publication.finish()

    def send_test(
        self, month: str, address: str, topics: tuple[str, ...], language: str = ""
    ) -> Variant:
        """Send one marked copy to an address, outside the ledger; a draft may be tested too."""
        try:
            email = parse_address(address).email
        except ValueError as error:
            raise SubscriberError(str(error), where=address) from error
        issue = self.desk.read(month)
        issue = replace(issue, subject=f"[Test] {issue.subject}")
        variant = self.desk.choice(issue)(topics, language) or self.desk.whole(issue)
        delivery = Delivery(str(uuid4()), NOBODY, email, "")
        write = self._writer(issue, self.desk.compile(issue), self._open_links())
        with closing(self._open_transport()) as transport:
            for receipt in transport.send(write(variant.id, [delivery])):
                if receipt.outcome is not Outcome.ACCEPTED:
                    raise TransportError(f"the test was not accepted: {receipt.detail}")
        return variant

    def set_state(self, month: str, state: IssueState) -> None:
        """Pause, resume or cancel a ready issue; it need not have been sent to anybody yet."""
        if self.ledger.deliveries.frozen(month) is None and state is not IssueState.SENDING:
            self._freeze(self._ready(month))
        self.ledger.deliveries.set_state(month, state, now=self._now())

    def resolve(self, month: str, outcome: Outcome) -> int:
        """Settle the uncertain deliveries by a person's word; gives their number."""
        settled = self.ledger.deliveries.resolve(month, outcome, now=self._now())
        if settled:
            self.ledger.deliveries.finish_if_done(month, now=self._now())
        return settled

    def standing(self, month: str) -> Standing:
        """How an issue stands, from the editor's word and the ledger together."""
        deliveries = self.ledger.deliveries
        frozen = deliveries.frozen(month)
        if frozen is None:
            return Standing(month, _STATES[self.desk.status(month)], {})
        counts = deliveries.counts(month)
        if frozen.state is IssueState.SENDING and not counts:  # paused and resumed, no more
            return Standing(month, _STATES[self.desk.status(month)], counts)
        return Standing(month, frozen.state, counts, frozen.started_at, frozen.finished_at)

    def build_archive(self) -> PublishReport:
        """The public site of everything sent or past. Raises IssueError where a folder is gone."""
        return self._build_archive({})

    def _build_archive(self, in_hand: Mapping[str, Issue]) -> PublishReport:
        there = self.desk.months()
        sent = {month for month in self.ledger.deliveries.months() if self._was_sent(month)}
        sent |= sent_months(self.desk.folders.archive)  # also those of a database that was lost
        for month in sorted(sent):
            if month not in there:
                where = self.desk.folders.shown(self.desk.folders.issues / month)
                raise IssueError("was sent, but its folder is gone; put it back", where=where)
        past = [month for month in there if self.desk.status(month) is IssueStatus.PAST]
        issues = [in_hand.get(m) or self.desk.read(m) for m in sorted({*sent, *past})]
        return publish_site(
            self.desk.folders.archive,
            [PublishedIssue(i, self.desk.folders.issues / i.month) for i in issues],
            newsletter=self._newsletter,
            taxonomy=self.desk.taxonomy,
            templates=self.desk.templates,
        )

    def _ready(self, month: str) -> Issue:
        issue = self.desk.read(month)
        where = self.desk.place(month)
        if issue.status is IssueStatus.DRAFT:
            raise IssueError('the issue is a draft; set status = "ready" to send it', where=where)
        if issue.status is IssueStatus.PAST:
            raise IssueError("the issue is past: published elsewhere, never sent", where=where)
        return issue

    def _changed(self, issue: Issue, frozen: FrozenIssue) -> IssueError:
        return IssueError(
            f"{issue.month} has changed since it was first sent on {frozen.started_at:%d %B %Y} "
            f"({', '.join(_changed_files(issue, frozen))}); its readers all get the same, "
            "so put back what was sent",
            where=self.desk.place(issue.month),
        )

    def _was_sent(self, month: str) -> bool:
        return not self.ledger.deliveries.counts(month).keys().isdisjoint(_SENT)

    def _publish(self, issue: Issue, compiled: Compiled) -> None:
        variants = [
            self.desk.impersonal(compiled, variant_by_id(issue, variant_id))
            for variant_id in self.ledger.deliveries.variants(issue.month)
        ]
        publish_sent(self.desk.folders.archive, issue.month, variants)
        self._build_archive({issue.month: issue})

    def _freeze(self, issue: Issue) -> Compiled:
        """What everybody gets: the content frozen at the first send, or this, frozen now."""
        deliveries = self.ledger.deliveries
        frozen = deliveries.frozen(issue.month)
        if frozen and _changed_files(issue, frozen):
            if not deliveries.thaw(issue.month):
                raise self._changed(issue, frozen)
            frozen = None  # nobody has got it: the plan is made anew
        if frozen is None:
            compiled = self.desk.compile(issue)
            problems = self.desk.check_rendered(issue, compiled)
            if errors := [p for p in problems if p.severity is Severity.ERROR]:
                raise ProblemsFound(errors)
            frozen = deliveries.freeze(
                issue.month,
                digests=issue.digests,
                content=dump_compiled(compiled),
                now=self._now(),
            )
        return load_compiled(frozen.content)

    def _promises(self, issue: Issue) -> Iterator[PlannedDelivery]:
        choose = self.desk.choice(issue)
        list_id = self._newsletter.list_id
        for subscriber_id, topics, language in self.ledger.subscribers.unplanned(issue.month):
            if variant := choose(topics, language):
                promised = delivery_id(list_id, issue.month, subscriber_id)
                yield PlannedDelivery(promised, subscriber_id, variant.id)

    def _writer(self, issue: Issue, compiled: Compiled, links: Links) -> MessageWriter:
        """What turns deliveries of a variant into messages dated now."""

        @lru_cache(maxsize=64)
        def prepare(variant_id: str) -> tuple[RenderedVariant, VariantEncoder]:
            rendered = self.desk.render(compiled, variant_by_id(issue, variant_id))
            return rendered, VariantEncoder(self._newsletter, rendered)

        def write(variant_id: str, deliveries: Sequence[Delivery]) -> list[Message]:
            rendered, encoder = prepare(variant_id)
            encode = encoder.dated(self._now())
            language = rendered.variant.language
            readers = [_personalise(delivery, language, links) for delivery in deliveries]
            shared = encoder.shared_headers
            return [Message(rendered, r, encode, shared, encoder.own_headers(r)) for r in readers]

        return write


def _personalise(delivery: Delivery, language: str, links: Links) -> Personalisation:
    return Personalisation(
        delivery_id=delivery.id,
        recipient=Address(delivery.email, delivery.name),
        greeting=greeting(delivery.name, language),
        unsubscribe_url=links.unsubscribe_url(delivery.subscriber_id),
        preferences_url=links.preferences_url(delivery.subscriber_id),
    )


def _changed_files(issue: Issue, frozen: FrozenIssue) -> list[str]:
    names = sorted(frozen.digests.keys() | issue.digests.keys())
    return [name for name in names if frozen.digests.get(name) != issue.digests.get(name)]
