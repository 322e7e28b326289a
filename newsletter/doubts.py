"""Whether an issue was sent although the ledger has it as still to be sent.

That is so where an older database was put back. It would send everything again: instead, what is in
doubt becomes uncertain, which is never sent by itself, and a person is asked.
"""

from collections.abc import Mapping
from datetime import datetime

from newsletter.archive.publish import Sending, publish_sent, recorded_sending
from newsletter.desk import Desk
from newsletter.errors import AlreadySent
from newsletter.feedback import Feedback
from newsletter.ledger.ledger import Ledger
from newsletter.logs import WARNING, event
from newsletter.model.delivery import SENT, DeliveryStatus

_SURE = {status.value for status in SENT - {DeliveryStatus.UNCERTAIN}}


class Doubts:
    """The doubts about one newsletter's issues."""

    def __init__(self, desk: Desk, ledger: Ledger) -> None:
        self._desk = desk
        self._ledger = ledger

    def about(self, month: str) -> str:
        """Why the issue may have been sent to people that the ledger knows nothing of, or nothing.

        To be asked before a send writes anything down.
        """
        recorded = recorded_sending(self._desk.folders.archive, month)
        if recorded and _sent_to(recorded.deliveries) > _sent_to(self._counts(month)):
            where = self._desk.folders.shown(self._desk.folders.archive / month / "sent")
            begun = _day(recorded.started_at)
            return f"{where} tells of a sending on {begun} that the database does not know of"
        if backed_up_at := self._ledger.restoration.backed_up_at():
            return f"the database is a backup of {_day(backed_up_at)} that was put back"
        return ""

    def settle(self, month: str, why: str, *, now: datetime) -> None:
        """Hold back what is in doubt, for a reason that `about` gave or the provider's news does.

        Raises AlreadySent where something is.
        """
        reports = self._ledger.restoration.reports(month)
        if reports and not why:
            why = "the provider reports deliveries that the database did not know of"
        if not why:
            return
        held = self._ledger.restoration.lose_sight(month, f"in doubt: {why}", now=now)
        Feedback(self._ledger).take(reports, source="sendgrid", now=now)
        self._agree(month)
        if held:
            event("send.doubted", WARNING, month=month, deliveries=held, reason=why)
            raise AlreadySent(month, why)

    def _agree(self, month: str) -> None:
        """Have the archive tell what the ledger does, lest the answer be doubted again."""
        folder = self._desk.folders.archive
        if recorded := recorded_sending(folder, month):
            now = Sending(recorded.started_at, recorded.finished_at, self._counts(month))
            publish_sent(folder, month, (), now)

    def _counts(self, month: str) -> dict[str, int]:
        return {status.value: n for status, n in self._ledger.deliveries.counts(month).items()}


def _sent_to(counts: Mapping[str, int]) -> int:
    return sum(number for status, number in counts.items() if status in _SURE)


def _day(at: datetime) -> str:
    return f"{at:%-d %B %Y, %H:%M} UTC"
