"""The way of an issue, in six steps: the file to read first.

    read → assemble → render → personalise → dispatch → archive

The first three are the editor's desk (`desk.py`), which a `Pipeline` leads on to the readers;
`control.py` holds what may be asked of a sending and said to it, `publication.py` the archive's
part. Nothing is opened before a step needs it: planning takes no transport and no secret.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, cached_property, lru_cache
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import Final
from uuid import uuid4

from newsletter.addresses import parse_address
from newsletter.archive.publish import PublishReport, write_variants
from newsletter.assemble import variant_by_id
from newsletter.calendar import DueTime
from newsletter.control import Control, Standing
from newsletter.desk import Compiled, Desk
from newsletter.dispatch.dispatcher import (
    DispatchReport,
    Manners,
    MessageWriter,
    StopReason,
    dispatch,
)
from newsletter.dispatch.plan import Plan, make_plan
from newsletter.doubts import Doubts
from newsletter.errors import LedgerError, SubscriberError, TransportError
from newsletter.ledger.ledger import Ledger
from newsletter.model.delivery import PENDING, Delivery, Outcome, PlannedDelivery
from newsletter.model.issue import Issue, IssueStatus
from newsletter.model.message import Address, Message, Personalisation
from newsletter.model.problem import Place, Problem
from newsletter.model.variant import RenderedVariant, Variant
from newsletter.personalise.delivery_id import delivery_id
from newsletter.personalise.greeting import greeting
from newsletter.personalise.links import Links
from newsletter.personalise.mime import VariantEncoder
from newsletter.publication import Publication, build_archive
from newsletter.send_log import SendLog
from newsletter.transports.base import Transport

Progress = Callable[[int], None]  # how many deliveries have an outcome so far

NOBODY: Final = "0" * 32  # the subscriber of a test, whose links are refused politely


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
        self._open_ledger = open_ledger
        self._open_links = open_links
        self._open_transport = open_transport
        self._per_second = per_second
        self._now = clock

    @cached_property
    def ledger(self) -> Ledger:
        """The subscribers and what was promised to them."""
        return self._open_ledger()

    @cached_property
    def control(self) -> Control:
        """How each issue stands, and the ways to stop its sending or let it go on."""
        return Control(self.desk, self.ledger, self._open_transport, self._now)

    @cached_property
    def doubts(self) -> Doubts:
        """Whether an issue was sent that the ledger has as still to be sent."""
        return Doubts(self.desk, self.ledger)

    def plan(self, issue: Issue) -> Plan:
        """Who would get which variant now, and who nothing and why."""
        groups = self.ledger.subscribers.groups(issue.month)
        return make_plan(issue.month, groups, self.desk.choice(issue))

    def check(self, month: str) -> list[Problem]:
        """All there is to say of an issue; of one that may yet be sent, also of who would get it.

        A database that cannot be read costs that part alone, and a note.
        """
        issue = self.desk.reading(month).issue
        try:
            return self.desk.check(month, self._plan_to_come(issue) if issue else None)
        except LedgerError as error:
            what = f"who would get {month} was not looked at: {error.what}"
            return [Place(error.where).note(what), *self.desk.check(month)]

    def _plan_to_come(self, issue: Issue) -> Plan | None:
        frozen = self.ledger.deliveries.frozen(issue.month)
        is_over = issue.status is IssueStatus.PAST or (frozen and frozen.state.is_over)
        return None if is_over else self.plan(issue)

    def build(self, month: str, out: Path) -> list[Variant]:
        """Write the variants that somebody gets, without anything personal, and their manifest."""
        issue = self.desk.read(month)
        compiled = self.desk.compile(issue)
        variants = list(self.plan(issue).variants) or [self.desk.whole(issue)]
        write_variants(out, [self.desk.impersonal(compiled, variant) for variant in variants])
        return variants

    def standing(self, month: str) -> Standing:
        """How an issue stands, from the editor's word and the ledger together."""
        return self.control.standing(month)

    def sendable(self, month: str) -> Issue:
        """The issue, which may be sent as it stands. Raises IssueError with the reason if not."""
        return self.control.sendable(month)

    def outstanding(self, issue: Issue, plan: Plan | None = None) -> int:
        """How many would get the issue by sending it now: promised already, or to be promised.

        With the `plan` of today a first send need not count everybody again.
        """
        promised = self.ledger.deliveries.counts(issue.month)
        if not promised:
            return (plan or self.plan(issue)).recipients
        pending = sum(promised.get(status, 0) for status in PENDING)
        unplanned = self.ledger.subscribers.groups(issue.month, unplanned_alone=True)
        return pending + make_plan(issue.month, unplanned, self.desk.choice(issue)).recipients

    def send(
        self,
        issue: Issue,
        *,
        due: DueTime | None = None,
        limit: int | None = None,
        progress: Progress = lambda _: None,
        stop: Event | None = None,
    ) -> DispatchReport:
        """Send a sendable issue to everybody who has not got it, and archive it as it goes out.

        With a due time it leaves then, and a provider may be given it before. Run again after any
        interruption, it goes on; nobody gets it twice. Raises TransportError where the way out is
        closed, AlreadySent where the ledger may be older than the world, and NotPublished where
        all else is done.
        """
        month = issue.month
        transport, links = self._open_transport(), self._open_links()
        stop = stop or Event()
        compiled, promised = self._promise(issue, due, stop)
        if stop.is_set():
            transport.close()
            return DispatchReport(0, 0, 0, 0, StopReason.ASKED)
        is_ahead = due is not None and due.at > self._now()
        publication = Publication(self.desk, self.ledger.deliveries, issue, compiled)
        log = SendLog(month, transport.name, promised)

        def note(report: DispatchReport) -> None:
            if report.accepted and not is_ahead:
                publication.make_early()  # a reader may follow a link at once
            log.record(report)
            progress(report.done)

        with self._ending(publication), closing(transport), log.told():
            report = dispatch(
                month,
                self.ledger,
                transport,
                self._writer(issue, compiled, links),
                Manners(
                    limit,
                    self._per_second,
                    # One, as what several give in goes under as many names at the provider.
                    senders=1 if is_ahead else None,
                    is_asked_for=due is None,
                ),
                progress=note,
                stop=stop,
                clock=self._now,
            )
            publication.wait()
            log.end(report)
        return report

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
            for receipt in transport.send(write(variant.id, [delivery], None)):
                if receipt.outcome is not Outcome.ACCEPTED:
                    raise TransportError(f"the test was not accepted: {receipt.detail}")
        return variant

    def build_archive(self) -> PublishReport:
        """The public site of everything sent or past. Raises IssueError where a folder is gone."""
        return build_archive(self.desk, self.ledger, self._now())

    @contextmanager
    def _ending(self, publication: Publication) -> Iterator[None]:
        """However a send ends, the issue is finished if it is done, and published if it is out."""
        unpublished = None
        try:
            yield
        finally:
            publication.wait()
            self.ledger.deliveries.finish_if_done(publication.month, now=self._now())
            if self.control.was_sent(publication.month):
                unpublished = publication.finish()
        if unpublished:
            raise unpublished

    def _promise(self, issue: Issue, due: DueTime | None, stop: Event) -> tuple[Compiled, int]:
        """Freeze the issue and write down who gets it, which the next send goes on with at a stop.

        Gives what all of them get, and how many are new.
        """
        month, due_at = issue.month, due.at if due else None
        doubt = self.doubts.about(month)
        compiled = self.control.freeze(issue, due_at)
        self.ledger.appointments.appoint(month, due_at)
        promises = takewhile(lambda _: not stop.is_set(), self._promises(issue, due))
        promised = self.ledger.deliveries.plan(month, promises, now=self._now())
        self.doubts.settle(month, doubt, now=self._now())
        return compiled, promised

    def _promises(self, issue: Issue, due: DueTime | None = None) -> Iterator[PlannedDelivery]:
        choose = self.desk.choice(issue)
        list_id = self.desk.newsletter.list_id
        leaves_at = cache(due.for_reader) if due else lambda _: None
        unplanned = self.ledger.subscribers.unplanned(issue.month)
        for subscriber_id, topics, language, timezone in unplanned:
            if variant := choose(topics, language):
                promised = delivery_id(list_id, issue.month, subscriber_id)
                yield PlannedDelivery(promised, subscriber_id, variant.id, leaves_at(timezone))

    def _writer(self, issue: Issue, compiled: Compiled, links: Links) -> MessageWriter:
        """What turns deliveries of a variant into messages dated now, or when they leave."""

        @lru_cache(maxsize=64)
        def prepare(variant_id: str) -> tuple[RenderedVariant, VariantEncoder]:
            rendered = self.desk.render(compiled, variant_by_id(issue, variant_id))
            return rendered, VariantEncoder(self.desk.newsletter, rendered)

        def write(
            variant_id: str, deliveries: Sequence[Delivery], leaves_at: datetime | None = None
        ) -> list[Message]:
            rendered, encoder = prepare(variant_id)
            now = self._now()
            encode = encoder.dated(max(now, leaves_at or now))
            language = rendered.variant.language
            readers = [_personalise(delivery, language, links) for delivery in deliveries]
            shared = encoder.shared_headers
            return [Message(rendered, r, encode, shared, encoder.own_headers(r)) for r in readers]

        return write


def _personalise(delivery: Delivery, language: str, links: Links) -> Personalisation:
    return Personalisation(
        delivery.id,
        Address(delivery.email, delivery.name),
        greeting(delivery.name, language),
        *links.mail_urls(delivery.subscriber_id),
    )
