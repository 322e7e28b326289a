"""The ledger as a whole: one database, and who speaks to it about what."""

from dataclasses import dataclass
from typing import Self

from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.lock import OwnerLocks
from newsletter.ledger.paces import Paces
from newsletter.ledger.subscribers import Subscribers


@dataclass(frozen=True, slots=True)
class Ledger:
    """The people, what was promised to them, who is sending, and how fast they may."""

    subscribers: Subscribers
    deliveries: Deliveries
    owners: OwnerLocks
    paces: Paces

    @classmethod
    def of(cls, database: Database) -> Self:
        """The ledger in an open database."""
        return cls(
            Subscribers(database), Deliveries(database), OwnerLocks(database), Paces(database)
        )
