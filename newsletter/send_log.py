"""What the log tells of one send: numbers, never people."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from newsletter.errors import NewsletterError
from newsletter.logs import DEBUG, ERROR, INFO, event

if TYPE_CHECKING:
    from newsletter.dispatch.dispatcher import DispatchReport


class SendLog:
    """The events of a send that has just begun, with so many deliveries newly `promised`."""

    def __init__(self, month: str, transport: str, promised: int) -> None:
        self._month = month
        self._retried = 0
        event("send.begun", month=month, transport=transport, promised=promised)

    def record(self, report: "DispatchReport") -> None:
        """Answers have been recorded; worth more than a detail where some were "not now"."""
        level = INFO if report.retried > self._retried else DEBUG
        self._retried = report.retried
        self._tell("send.recorded", level, report)

    def end(self, report: "DispatchReport") -> None:
        """It came to its end, whatever that was."""
        self._tell("send.ended", INFO, report)

    @contextmanager
    def told(self) -> Iterator[None]:
        """What breaks it off meanwhile is told of."""
        try:
            yield
        except NewsletterError as error:
            kind = type(error).__name__
            event("send.failed", ERROR, month=self._month, kind=kind, reason=str(error))
            raise

    def _tell(self, name: str, level: int, report: "DispatchReport") -> None:
        event(
            name,
            level,
            month=self._month,
            accepted=report.accepted,
            refused=report.refused,
            retried=report.retried,
            uncertain=report.uncertain,
            because=report.stopped_because,
        )
