"""What a monitor may know: counts and times, of nobody. The only file that knows Prometheus."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from newsletter.errors import LedgerError, NewsletterError
from newsletter.ledger.ledger import Ledger
from newsletter.model.delivery import PENDING, DeliveryStatus
from newsletter.timetable import Timetable

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meters:
    """The numbers of one process; those of the ledger are read when somebody asks."""

    def __init__(self, ledger: Ledger, timetable: Timetable) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_LedgerNumbers(ledger))
        self._registry.register(_DueTime(timetable))
        self.sign_ups = Counter(
            "newsletter_sign_ups",
            "Sign-ups by what became of them: asked, confirmed, limited, refused, trapped.",
            ["outcome"],
            registry=self._registry,
        )
        self.departures = Counter(
            "newsletter_departures",
            "Unsubscribes on the site that took effect.",
            registry=self._registry,
        )
        self.events = Counter(
            "newsletter_provider_events",
            "Events that a provider reported, by what became of them.",
            ["outcome"],
            registry=self._registry,
        )
        self._requests = Histogram(
            "newsletter_request_seconds",
            "Time to answer a request, by its route.",
            ["method", "route", "status"],
            buckets=_SECONDS,
            registry=self._registry,
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def text(self) -> bytes:
        """Everything, in Prometheus' own format."""
        return generate_latest(self._registry)


class _LedgerNumbers(Collector):
    """What the ledger knows. While it is gone these are missing, and the rest is there."""

    def __init__(
        self, ledger: Ledger, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._ledger = ledger
        self._now = clock

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked of the ledger before somebody wants the numbers."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The deliveries of the newest issue by status, and how long what waits has waited."""
        deliveries = GaugeMetricFamily(
            "newsletter_deliveries",
            "Deliveries of the issue that was begun last, by status.",
            labels=["month", "status"],
        )
        age = GaugeMetricFamily(
            "newsletter_queue_age_seconds",
            "How long the oldest has waited that is not done: a letter, or a sending's deliveries.",
            labels=["queue"],
        )
        try:
            self._read(deliveries, age)
        except LedgerError:
            return
        yield deliveries
        yield age

    def _read(self, deliveries: GaugeMetricFamily, age: GaugeMetricFamily) -> None:
        now = self._now()
        waiting: datetime | None = None
        if months := self._ledger.deliveries.months():
            month = months[-1]
            counts = self._ledger.deliveries.counts(month)
            for status in DeliveryStatus:
                deliveries.add_metric([month, status.value], counts.get(status, 0))
            frozen = self._ledger.deliveries.frozen(month)
            if frozen and any(counts.get(status) for status in PENDING):
                waiting = frozen.started_at
        for queue, since in (
            ("letters", self._ledger.letters.oldest_asked()),
            ("deliveries", waiting),
        ):
            age.add_metric([queue], max((now - since).total_seconds(), 0) if since else 0)


class _DueTime(Collector):
    """What the calendar says, so that somebody notices an issue that does not leave."""

    def __init__(self, timetable: Timetable) -> None:
        self._timetable = timetable

    def describe(self) -> Iterable[Metric]:
        """Nothing is read before somebody wants to know."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """The time of the first issue on the calendar."""
        due = GaugeMetricFamily(
            "newsletter_next_due_timestamp_seconds",
            "When the first issue that was not sent is due; in the past, it is late or missed.",
            labels=["month"],
        )
        try:
            entries = self._timetable.entries(datetime.now(UTC))
        except NewsletterError:
            return
        due.add_metric([entries[0].month], entries[0].due_at.timestamp())
        yield due
