"""What an editor does to the list: import, export, look up, let go, keep out, erase."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from newsletter.errors import SubscriberError
from newsletter.ledger.imports import ImportCounts
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.issue import Taxonomy
from newsletter.model.problem import Problem
from newsletter.model.subscriber import (
    Consent,
    Subscriber,
    SubscriberRow,
    SubscriptionStatus,
    SuppressionReason,
)
from newsletter.personalise.keys import AddressDigests
from newsletter.sources.addresses import parse_address
from newsletter.sources.subscribers import read_subscribers

COLUMNS: Final = (
    "email",
    "name",
    "topics",
    "language",
    "status",
    "consent_at",
    "consent_source",
)
_COMMAND: Final = "command"  # how a change came to the ledger


class Subscriptions:
    """The list of one newsletter. An address is compared without case."""

    def __init__(
        self,
        subscribers: Subscribers,
        taxonomy: Taxonomy,
        open_digests: Callable[[], AddressDigests],
    ) -> None:
        self._subscribers = subscribers
        self._taxonomy = taxonomy
        self._open_digests = open_digests

    def import_file(
        self, path: Path, shown: str, report: Callable[[Problem], None]
    ) -> ImportCounts:
        """Upsert the rows of a CSV file; a row that cannot be read is reported and passed over."""
        return self._subscribers.import_rows(
            self._rows(path, shown, report), now=datetime.now(UTC), is_erased=self._erasures()
        )

    def export(self, file: TextIO) -> int:
        """Write everybody as a CSV file that can be imported; gives their number.

        A suppressed address is written as unsubscribed, so that no other system mails it.
        """
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        number = 0
        for number, subscriber in enumerate(self._subscribers.iterate(), start=1):  # noqa: B007 - the last is wanted
            writer.writerow(_cells(subscriber))
        return number

    def everybody(self) -> Iterator[Subscriber]:
        """Every subscriber, in the order of their addresses."""
        return self._subscribers.iterate()

    def find(self, address: str) -> Subscriber:
        """The subscriber of an address. Raises SubscriberError where there is none."""
        found = self._subscribers.find(_key(address))
        if found is None:
            raise SubscriberError("no subscriber has this address", where=address)
        return found

    def history(self, subscriber: Subscriber) -> list[Consent]:
        """Every consent on record, oldest first."""
        return self._subscribers.history(subscriber.id)

    def unsubscribe(self, address: str) -> bool:
        """Let a subscriber go, from the very next claim on; False where they had left before."""
        subscriber = self.find(address)
        return self._subscribers.unsubscribe(
            _key(subscriber.email), _COMMAND, now=datetime.now(UTC)
        )

    def suppress(self, address: str) -> bool:
        """Never mail an address again, subscribed or not; False where that was so before."""
        return self._subscribers.suppress(
            _key(address), SuppressionReason.MANUAL, _COMMAND, now=datetime.now(UTC)
        )

    def erase(self, address: str) -> bool:
        """Forget a person; only a keyed digest stays, against a later import. False: unknown."""
        key = _key(address)
        return self._subscribers.erase(key, self._open_digests().digest(key), now=datetime.now(UTC))

    def _rows(
        self, path: Path, shown: str, report: Callable[[Problem], None]
    ) -> Iterator[SubscriberRow]:
        for row in read_subscribers(path, shown, self._taxonomy):
            if isinstance(row, Problem):
                report(row)
            else:
                yield row

    def _erasures(self) -> Callable[[str], bool] | None:
        erased = self._subscribers.erased_digests()
        if not erased:
            return None
        digests = self._open_digests()
        return lambda key: not erased.isdisjoint(digests.candidates(key))


def _key(address: str) -> str:
    try:
        return parse_address(address).key
    except ValueError as error:
        raise SubscriberError(str(error), where=address) from error


def _cells(subscriber: Subscriber) -> tuple[str, ...]:
    consent = subscriber.consent
    status = SubscriptionStatus.UNSUBSCRIBED if subscriber.suppression else subscriber.status
    return (
        subscriber.email,
        subscriber.name,
        ";".join(subscriber.topics),
        subscriber.language,
        status.value,
        consent.at.isoformat() if consent and consent.at else "",
        consent.source if consent else "",
    )
