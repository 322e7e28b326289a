"""What a dispatch tells of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class StopReason(StrEnum):
    """Why a dispatch came to its end."""

    NOT_STOPPED = "it goes on"
    NOTHING_LEFT = "nothing is left to claim"  # others may hold some, and some may wait
    LIMITED = "the limit is reached"
    ASKED = "it was asked to stop"
    PAUSED = "the issue is paused"
    CANCELLED = "the issue is cancelled"
    FAILED = "a sender failed"


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """How many deliveries got which answer, as far as it is recorded."""

    accepted: int
    refused: int
    retried: int
    uncertain: int
    stopped_because: StopReason

    @property
    def done(self) -> int:
        """How many got an answer that stands."""
        return self.accepted + self.refused + self.uncertain


Progress = Callable[[DispatchReport], None]
