"""What providers and mailboxes report back: delivery statuses, suppressions, people who left."""

from collections.abc import Sequence
from datetime import datetime

from newsletter.ledger.ledger import Ledger
from newsletter.model.feedback import SOFT_BOUNCES, DeliveryEvent, FeedbackCounts


class Feedback:
    """Takes delivery events into the ledger. Repeats and disorder change nothing."""

    def __init__(self, ledger: Ledger, *, soft_bounces: int = SOFT_BOUNCES) -> None:
        self._ledger = ledger
        self._soft_bounces = soft_bounces

    def take(
        self, events: Sequence[DeliveryEvent], *, source: str, now: datetime
    ) -> FeedbackCounts:
        """Move deliveries, suppress and unsubscribe, in one transaction.

        `source` ("sendgrid", "bounces") is kept with each suppression and departure. An issue of
        which nothing is open any more by this news is finished.
        """
        if not events:
            return FeedbackCounts()
        news = self._ledger.events.take(
            events, source=source, soft_bounces=self._soft_bounces, now=now
        )
        for month in sorted(news.settled):
            self._ledger.deliveries.finish_if_done(month, now=now)
        return news.counts
