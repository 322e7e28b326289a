"""How soon again, and how fast: decided from numbers and the time alone. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a delivery that was refused for now is tried again.

    The waits grow by `factor` from `first` to `longest`; after `attempts` answers it has failed.
    """

    first: timedelta = timedelta(seconds=1)
    longest: timedelta = timedelta(hours=1)
    factor: float = 4
    attempts: int = 12

    def wait(self, attempts: int, chance: float) -> timedelta:
        """How long to wait after so many answers (≥ 1); `chance`, from 0 to 1, spreads the load.

        Half of the wait is certain, so that nobody is asked again at once.
        """
        growth = self.factor ** min(attempts - 1, 40)
        whole = min(self.longest, timedelta(seconds=self.first.total_seconds() * growth))
        return whole / 2 + whole / 2 * chance


def next_slot(now: datetime, free_at: datetime | None, number: int, per_second: float) -> datetime:
    """When the way is free again after `number` messages that may go from `free_at` on, or now."""
    begins_at = max(now, free_at) if free_at else now
    return begins_at + timedelta(seconds=number / per_second)
