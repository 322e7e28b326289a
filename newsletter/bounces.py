"""The mailbox that failed mail returns to: read once, understood, and marked."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from newsletter.addresses import parse_address
from newsletter.feedback import Feedback
from newsletter.ledger.ledger import Ledger
from newsletter.model.feedback import DeliveryEvent, EventKind, FeedbackCounts
from newsletter.transports.smtp.bounces import Post, Report, Returns
from newsletter.transports.smtp.mailboxes import Mailbox, Unread

SOURCE: Final = "bounces"  # kept with each suppression
_PIECE: Final = 200  # messages whose news is taken together
_RECENT: Final = timedelta(days=7)  # mail servers give up after five (RFC 5321, 4.5.4.1)


@dataclass(frozen=True, slots=True)
class BounceCounts:
    """What a mailbox held. Reports of which no delivery is known are `unknown` in the feedback."""

    messages: int = 0
    reports: int = 0
    automatic: int = 0  # answering machines and the like
    letters: int = 0  # for a person to read
    feedback: FeedbackCounts = field(default_factory=FeedbackCounts)

    def __add__(self, other: "BounceCounts") -> "BounceCounts":
        return BounceCounts(
            self.messages + other.messages,
            self.reports + other.reports,
            self.automatic + other.automatic,
            self.letters + other.letters,
            self.feedback + other.feedback,
        )


class Bounces:
    """Reads what came back. A message is marked as read once what it says is in the ledger."""

    def __init__(self, ledger: Ledger, feedback: Feedback, returns: Returns) -> None:
        self._ledger = ledger
        self._feedback = feedback
        self._returns = returns

    def read(
        self,
        mailbox: Mailbox,
        *,
        now: datetime,
        progress: Callable[[BounceCounts], None] = lambda _: None,
    ) -> BounceCounts:
        """Take the news of all unread messages; letters are marked for a person to find."""
        counts = BounceCounts()
        unread = mailbox.unread()
        while piece := [(one.key, self._understand(one, now)) for one in islice(unread, _PIECE)]:
            counts += self._take([said for _, said in piece], now)
            letters = [key for key, said in piece if said is Post.LETTER]
            mailbox.mark([key for key, said in piece if said is not Post.LETTER], flagged=False)
            mailbox.mark(letters, flagged=True)
            progress(counts)
        return counts

    def _understand(self, unread: Unread, now: datetime) -> Report | Post:
        return self._returns.read(unread.raw, received_at=min(unread.received_at, now))

    def _take(self, piece: list[Report | Post], now: datetime) -> BounceCounts:
        reports = [said for said in piece if isinstance(said, Report)]
        events = list(self._events(reports, now))
        taken = self._feedback.take(events, source=SOURCE, now=now)
        return BounceCounts(
            messages=len(piece),
            reports=len(reports),
            automatic=piece.count(Post.AUTOMATIC),
            letters=piece.count(Post.LETTER),
            feedback=taken + FeedbackCounts(unknown=len(reports) - len(events)),
        )

    def _events(self, reports: list[Report], now: datetime) -> Iterator[DeliveryEvent]:
        for report in reports:
            if report.delivery_id:
                yield DeliveryEvent(report.delivery_id, report.kind, report.at, report.reason)
            elif event := self._by_address(report, now):
                yield event

    def _by_address(self, report: Report, now: datetime) -> DeliveryEvent | None:
        """News of the last delivery to an address, which is all that the report names.

        A delivery's id is known to its reader alone, so who names it has had the message; an
        address anybody can write into a forged report. Such a report counts only while the
        delivery is recent and only as a soft bounce, so that no one email silences a reader.
        """
        if report.kind not in {EventKind.HARD_BOUNCE, EventKind.SOFT_BOUNCE}:
            return None
        try:
            key = parse_address(report.address).key
        except ValueError:
            return None
        delivery = self._ledger.events.last_delivery(key, since=now - _RECENT)
        if delivery is None:
            return None
        return DeliveryEvent(delivery, EventKind.SOFT_BOUNCE, report.at, report.reason)
