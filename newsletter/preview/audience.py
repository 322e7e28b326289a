"""Who would get an issue, counted without ever keeping a page waiting for the database."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from time import monotonic
from typing import Final

from newsletter.addresses import parse_address
from newsletter.dispatch.plan import VariantChoice
from newsletter.errors import NewsletterError, SubscriberError
from newsletter.model.delivery import IssueState
from newsletter.model.subscriber import Subscriber, SubscriberGroup
from newsletter.model.variant import Variant
from newsletter.pipeline import Pipeline

_PATIENCE: Final = 0.4  # seconds that a page waits for the first count
_FRESH: Final = 2.0  # seconds after which people are counted again
_MOST_TOPICS: Final = 3


@dataclass(frozen=True, slots=True)
class Audience:
    """Everybody stored, in groups; `trouble` says why they are not known, or no longer."""

    groups: tuple[SubscriberGroup, ...] = ()
    states: Mapping[str, IssueState] = field(default_factory=dict)  # of issues being sent or sent
    is_known: bool = False
    trouble: str = ""


class Audiences:
    """Counts in the background; `announce` is called when a count differs from the last.

    The database is opened for each count alone: it may be replaced by another at any time.
    """

    def __init__(
        self,
        open_pipeline: Callable[[], AbstractContextManager[Pipeline]],
        announce: Callable[[], None],
    ) -> None:
        self._open_pipeline = open_pipeline
        self._announce = announce
        self._lock = Lock()
        self._known: dict[str, Audience] = {}
        self._counted_at: dict[str, float] = {}
        self._counting: dict[str, Event] = {}

    def forget(self) -> None:
        """Count anew at once, as when the settings have changed."""
        with self._lock:
            self._counted_at.clear()

    def of(self, month: str) -> Audience:
        """The audience of an issue as it was last counted; not known at first if that takes long.

        A database that is busy or gone costs nothing but the number: it stands in `trouble`.
        """
        counting = self._count(month)
        if month not in self._known:
            counting.wait(_PATIENCE)
        return self._known.get(month, Audience())

    def find(self, address: str) -> Subscriber:
        """The subscriber of an address. Raises SubscriberError, and LedgerError."""
        try:
            key = parse_address(address).key
        except ValueError as error:
            raise SubscriberError(f"{error}", where=address) from error
        with self._open_pipeline() as pipeline:
            subscriber = pipeline.ledger.subscribers.find(key)
        if subscriber is None:
            raise SubscriberError("nobody of this address is on the list", where=address)
        return subscriber

    def _count(self, month: str) -> Event:
        """The event of a count that is under way, or was fresh enough."""
        with self._lock:
            counting = self._counting.get(month)
            if counting and not counting.is_set():
                return counting
            if counting and monotonic() - self._counted_at.get(month, -_FRESH) < _FRESH:
                return counting
            counting = self._counting[month] = Event()
        Thread(target=self._count_now, args=(month, counting), daemon=True).start()
        return counting

    def _count_now(self, month: str, counting: Event) -> None:
        before = self._known.get(month)
        try:
            with self._open_pipeline() as pipeline:
                after = _audience(pipeline, month)
        except NewsletterError as error:
            last = before or Audience()
            after = Audience(last.groups, last.states, last.is_known, str(error))
        self._known[month] = after
        self._counted_at[month] = monotonic()
        counting.set()
        if before != after:
            self._announce()


def _audience(pipeline: Pipeline, month: str) -> Audience:
    ledger = pipeline.ledger
    there = set(pipeline.desk.months())
    frozen = {each: ledger.deliveries.frozen(each) for each in ledger.deliveries.months()}
    states = {each: one.state for each, one in frozen.items() if one and each in there}
    return Audience(tuple(ledger.subscribers.groups(month)), states, is_known=True)


@dataclass(frozen=True, slots=True)
class Likeness:
    """What the readers of a variant are like: their number, and the topics most of them chose."""

    readers: int = 0
    topics: tuple[str, ...] = ()
    has_more: bool = False

    @property
    def words(self) -> str:
        """`alliance, trauma, …`; those who chose none have `every topic`."""
        return ", ".join([*self.topics, *(["…"] if self.has_more else [])])


def likenesses(
    groups: Iterable[SubscriberGroup], choose: VariantChoice
) -> dict[Variant, tuple[Likeness, SubscriberGroup]]:
    """For each variant that somebody gets, its readers and the largest group among them."""
    found: dict[Variant, list[SubscriberGroup]] = {}
    for group in groups:
        if not group.skipped and (variant := choose(group.topics, group.language)):
            found.setdefault(variant, []).append(group)
    return {
        variant: (_likeness(theirs), max(theirs, key=lambda group: group.subscribers))
        for variant, theirs in found.items()
    }


def _likeness(groups: Iterable[SubscriberGroup]) -> Likeness:
    readers = 0
    chosen: Counter[str] = Counter()
    for group in groups:
        readers += group.subscribers
        for topic in group.topics or ("every topic",):
            chosen[topic] += group.subscribers
    common = sorted(chosen, key=lambda topic: (-chosen[topic], topic))
    return Likeness(readers, tuple(common[:_MOST_TOPICS]), len(common) > _MOST_TOPICS)
