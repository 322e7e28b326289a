"""How soon again, how fast and how much: decided from numbers alone. Pure."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final


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


_USUAL: Final = Patience()


@dataclass(frozen=True, slots=True)
class Manners:
    """How a dispatch goes about it.

    Messages leave at no more than `per_second`, all senders together, of whom there are `senders`
    at most. What was refused for now is tried again with `patience`; the dispatch itself waits for
    that for `linger` in all. Where it `is_asked_for`, what an earlier one left waiting is tried at
    once: not where a clock begins one every minute, which would wear out all patience.
    """

    limit: int | None = None
    per_second: float | None = None
    patience: Patience = _USUAL
    linger: timedelta = timedelta(seconds=20)
    senders: int | None = None
    is_asked_for: bool = True
