"""What an editor does to the list: import, export, look up, let go, keep out, erase."""

import csv
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TextIO

from newsletter.addresses import parse_address
from newsletter.errors import SubscriberError
from newsletter.ledger.imports import ImportCounts
from newsletter.ledger.ledger import Ledger
from newsletter.ledger.records import Departure, PastDelivery
from newsletter.model.issue import Taxonomy
from newsletter.model.problem import Problem
from newsletter.model.subscriber import (
    Consent,
    LiftedSuppression,
    Subscriber,
    SubscriberRow,
    SubscriptionStatus,
    Suppression,
    SuppressionReason,
)
from newsletter.personalise.keys import AddressDigests
from newsletter.sources.doubtful_addresses import THROWAWAY_DOMAINS
from newsletter.sources.foreign_exports import ForeignExport
from newsletter.sources.subscriber_cells import COLUMNS, guard
from newsletter.sources.subscribers import read_subscribers
from newsletter.sources.tag_map import TagMap, plain_tag_map, read_tag_map

CONSENT_COLUMNS: Final = (
    "email",
    "consent_at",
    "consent_source",
    "how",
    "recorded_at",
    "words",
    "version",
    "client",
)
_COMMAND: Final = "command"  # how a change came to the ledger
_MONTHS_SHOWN: Final = 12

Rows = Iterator[SubscriberRow]


@dataclass(frozen=True, slots=True)
class Dossier:
    """All that is stored of one address, which need not be a subscriber's."""

    subscriber: Subscriber | None
    suppression: Suppression | None
    lifted: list[LiftedSuppression]
    departure: Departure | None
    consents: list[Consent]
    deliveries: list[PastDelivery]


class Subscriptions:
    """The list of one newsletter. An address is compared without case."""

    def __init__(
        self,
        ledger: Ledger,
        taxonomy: Taxonomy,
        open_digests: Callable[[], AddressDigests],
        throwaway: Collection[str] = THROWAWAY_DOMAINS,
    ) -> None:
        self._ledger = ledger
        self._subscribers = ledger.subscribers
        self._taxonomy = taxonomy
        self._open_digests = open_digests
        self._throwaway = throwaway

    def tag_map(self, path: Path | None = None) -> TagMap:
        """What tags of other programs mean, by the file at `path` or by the topics' own names."""
        if path is None:
            return plain_tag_map(self._taxonomy)
        return read_tag_map(path, str(path), self._taxonomy)

    def import_file(  # noqa: PLR0913 - the last four have their usual values
        self,
        path: Path,
        shown: str,
        report: Callable[[Problem], None],
        *,
        tag_map: TagMap | None = None,
        tell: Callable[[ForeignExport], None] = lambda _: None,
        follow: Callable[[Rows], Rows] = lambda rows: rows,
        rehearse: bool = False,
    ) -> ImportCounts:
        """Upsert the rows of a CSV file; a row that cannot be read is reported and passed over.

        `tell` learns which other program wrote the file; `follow` sees the rows pass and may end
        them; a rehearsal counts what would be done and does nothing.
        """
        bring = self._subscribers.rehearse_import if rehearse else self._subscribers.import_rows
        found = read_subscribers(
            path, shown, self._taxonomy, tag_map, tell, throwaway=self._throwaway
        )
        rows = follow(_rows(found, report))
        return bring(rows, now=datetime.now(UTC), is_erased=self._is_erased())

    def export(self, file: TextIO) -> int:
        """Write everybody as a CSV file that can be imported; gives their number.

        A suppressed address is written as unsubscribed, so that no other system mails it. What a
        spreadsheet would take for a formula is guarded, which an import takes away again.
        """
        # The last column is for those few newsletters that ask for time zones.
        columns = COLUMNS if self._subscribers.has_timezones() else COLUMNS[:-1]
        people = (_cells(person)[: len(columns)] for person in self._subscribers.iterate())
        return _write(file, columns, people)

    def export_consents(self, file: TextIO) -> int:
        """Write every consent on record as a CSV file, a line each; gives their number."""
        lines = (_consent_cells(email, one) for email, one in self._ledger.records.consents())
        return _write(file, CONSENT_COLUMNS, lines)

    def everybody(self) -> Iterator[Subscriber]:
        """Every subscriber, in the order of their addresses."""
        return self._subscribers.iterate()

    def suppressed_strangers(self) -> Iterator[tuple[str, Suppression]]:
        """The suppressed addresses that are no subscriber's, as they are compared."""
        return self._ledger.records.suppressed_strangers()

    def find(self, address: str) -> Subscriber:
        """The subscriber of an address. Raises SubscriberError where there is none."""
        found = self._subscribers.find(_key(address))
        if found is None:
            raise SubscriberError("no subscriber has this address", where=address)
        return found

    def dossier(self, address: str) -> Dossier:
        """All that is stored of an address. Raises SubscriberError where nothing is."""
        key, records = _key(address), self._ledger.records
        person = self._subscribers.find(key)
        dossier = Dossier(
            person,
            records.suppression(key),
            self._ledger.suppressions.lifted(key),
            records.departure(person.id) if person else None,
            self._subscribers.history(person.id) if person else [],
            records.deliveries(person.id, most=_MONTHS_SHOWN) if person else [],
        )
        if not (dossier.subscriber or dossier.suppression or dossier.lifted):
            raise SubscriberError("nothing is stored of this address", where=address)
        return dossier

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

    def lift_suppression(self, address: str, *, by: str, because: str) -> Dossier:
        """Let an address be mailed again, for a reason that stays on record; gives what is left.

        Raises SubscriberError where it is not suppressed.
        """
        key = _key(address)
        if not self._ledger.suppressions.lift(key, by=by, because=because, now=datetime.now(UTC)):
            raise SubscriberError("this address is not suppressed", where=address)
        return self.dossier(address)

    def erase(self, address: str) -> bool:
        """Forget a person; only a keyed digest stays, against a later import. False: unknown."""
        key = _key(address)
        return self._subscribers.erase(key, self._open_digests().digest(key), now=datetime.now(UTC))

    def _is_erased(self) -> Callable[[frozenset[str], str], bool]:
        opened: list[AddressDigests] = []  # only where somebody was erased is the key needed

        def is_erased(kept: frozenset[str], key: str) -> bool:
            if not opened:
                opened.append(self._open_digests())
            return not kept.isdisjoint(opened[0].candidates(key))

        return is_erased


def _rows(found: Iterator[SubscriberRow | Problem], report: Callable[[Problem], None]) -> Rows:
    for one in found:
        if isinstance(one, Problem):
            report(one)
        else:
            yield one


def _key(address: str) -> str:
    try:
        return parse_address(address).key
    except ValueError as error:
        raise SubscriberError(str(error), where=address) from error


def _write(file: TextIO, columns: tuple[str, ...], lines: Iterator[tuple[str, ...]]) -> int:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    number = 0
    for number, cells in enumerate(lines, start=1):  # noqa: B007 - the last is wanted
        writer.writerow(map(guard, cells))
    return number


def _cells(subscriber: Subscriber) -> tuple[str, ...]:
    consent = subscriber.consent
    status = SubscriptionStatus.UNSUBSCRIBED if subscriber.suppression else subscriber.status
    return (
        subscriber.email,
        subscriber.name,
        ";".join(subscriber.topics),
        subscriber.language,
        status.value,
        _moment(consent.at) if consent else "",
        consent.source if consent else "",
        subscriber.timezone,
    )


def _consent_cells(email: str, consent: Consent) -> tuple[str, ...]:
    return (
        email,
        _moment(consent.at),
        consent.source,
        consent.how,
        _moment(consent.recorded_at),
        consent.words,
        consent.version,
        consent.client,
    )


def _moment(at: datetime | None) -> str:
    return at.isoformat() if at else ""
