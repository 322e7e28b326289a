"""The ledger as a whole: one database, and who speaks to it about what."""

from dataclasses import dataclass
from typing import Self

from newsletter.ledger.alerts import Alerts
from newsletter.ledger.api_tokens import ApiTokens
from newsletter.ledger.appointments import Appointments
from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.events import DeliveryEvents
from newsletter.ledger.letters import Letters
from newsletter.ledger.lock import OwnerLocks
from newsletter.ledger.memberships import Memberships
from newsletter.ledger.paces import Paces
from newsletter.ledger.records import Records
from newsletter.ledger.restoration import Restoration
from newsletter.ledger.subscribers import Subscribers
from newsletter.ledger.suppressions import Suppressions


@dataclass(frozen=True, slots=True)
class Ledger:
    """The people, what was promised to them, who is sending, and how fast they may."""

    subscribers: Subscribers
    deliveries: Deliveries
    appointments: Appointments
    owners: OwnerLocks
    paces: Paces
    suppressions: Suppressions
    events: DeliveryEvents
    memberships: Memberships
    letters: Letters
    records: Records
    alerts: Alerts
    api_tokens: ApiTokens
    restoration: Restoration

    @classmethod
    def of(cls, database: Database) -> Self:
        """The ledger in an open database."""
        return cls(
            Subscribers(database),
            Deliveries(database),
            Appointments(database),
            OwnerLocks(database),
            Paces(database),
            Suppressions(database),
            DeliveryEvents(database),
            Memberships(database),
            Letters(database),
            Records(database),
            Alerts(database),
            ApiTokens(database),
            Restoration(database),
        )

    def is_being_sent(self, month: str) -> bool:
        """Whether a sender that is alive has deliveries of the issue in hand."""
        return any(map(self.owners.is_alive, self.deliveries.owners(month)))
