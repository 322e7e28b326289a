"""How soon again: decided from numbers alone. Pure."""

from dataclasses import dataclass
from datetime import timedelta


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
