"""What the ledger remembers of each promise to deliver, and the ways it may go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple


class DeliveryStatus(StrEnum):
    """Where one delivery stands."""

    PLANNED = "planned"  # promised, nothing done yet
    SENDING = "sending"  # claimed by a sender; its intent is committed
    ACCEPTED = "accepted"  # the transport took responsibility
    DELIVERED = "delivered"  # the reader's server has it
    DEFERRED = "deferred"  # the reader's server asked to wait; the provider goes on
    BOUNCED = "bounced"  # the reader's server said no after we were done
    DROPPED = "dropped"  # the provider did not try
    COMPLAINED = "complained"  # the reader pressed "spam"
    REFUSED = "refused"  # the transport said no for good
    FAILED = "failed"  # attempts used up
    UNCERTAIN = "uncertain"  # we lost sight of the answer; never sent again by itself
    SKIPPED = "skipped"  # left or was suppressed before it could be sent
    CANCELLED = "cancelled"  # the issue was cancelled first


_S = DeliveryStatus

# What only a message that has left can meet: news of it may overtake the sender's own record, or a
# person's word that it is to be sent again.
_LEFT: Final = frozenset({_S.DELIVERED, _S.DEFERRED, _S.BOUNCED, _S.COMPLAINED})

# What an event may change. A status missing on the left is final.
TRANSITIONS: Final[Mapping[DeliveryStatus, frozenset[DeliveryStatus]]] = {
    _S.PLANNED: frozenset({_S.SENDING, _S.SKIPPED, _S.CANCELLED}) | _LEFT,
    _S.SENDING: frozenset(
        {_S.ACCEPTED, _S.REFUSED, _S.FAILED, _S.UNCERTAIN, _S.PLANNED, _S.DROPPED}
    )
    | _LEFT,
    _S.UNCERTAIN: frozenset(
        {_S.ACCEPTED, _S.DELIVERED, _S.DEFERRED, _S.BOUNCED, _S.DROPPED, _S.COMPLAINED, _S.PLANNED}
    ),
    _S.ACCEPTED: frozenset({_S.DELIVERED, _S.DEFERRED, _S.BOUNCED, _S.DROPPED, _S.COMPLAINED}),
    _S.DEFERRED: frozenset({_S.DELIVERED, _S.BOUNCED, _S.DROPPED, _S.COMPLAINED}),
    _S.DELIVERED: frozenset({_S.BOUNCED, _S.COMPLAINED}),
}

PENDING: Final = frozenset({_S.PLANNED, _S.SENDING})
# Where somebody has got the issue, or may have.
SENT: Final = frozenset(
    {_S.ACCEPTED, _S.DELIVERED, _S.DEFERRED, _S.BOUNCED, _S.DROPPED, _S.COMPLAINED, _S.UNCERTAIN}
)
PROBLEMATIC: Final = frozenset({_S.REFUSED, _S.FAILED, _S.UNCERTAIN})


class IssueState(StrEnum):
    """Where an issue stands, from the editor's word and the ledger together."""

    DRAFT = "draft"
    READY = "ready"
    SENDING = "sending"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    FINISHED = "finished"
    MISSED = "missed"

    @property
    def is_over(self) -> bool:
        """Whether nobody will be sent the issue any more."""
        return self in {IssueState.FINISHED, IssueState.CANCELLED}


class SkipReason(StrEnum):
    """Why a stored subscriber gets nothing."""

    UNCONFIRMED = "unconfirmed"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"
    PAUSED = "paused"
    NOTHING_MATCHES = "nothing matches"


class Outcome(StrEnum):
    """What a transport says of one message."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # for good
    RETRY = "retry"  # certainly not taken; another attempt is safe
    UNCERTAIN = "uncertain"  # may have been taken


class Receipt(NamedTuple):
    """A transport's answer for one recipient; `detail` holds the server's own code or words."""

    delivery_id: str
    outcome: Outcome
    detail: str = ""


class PlannedDelivery(NamedTuple):
    """A promise to be written down: this subscriber gets this variant, not before `leaves_at`."""

    delivery_id: str
    subscriber_id: str
    variant_id: str
    leaves_at: datetime | None = None


class Delivery(NamedTuple):
    """One claimed delivery with what is needed to write to its subscriber now."""

    id: str
    subscriber_id: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Up to 1000 deliveries of one variant, claimed together.

    `fence` grows with every claim; a write with an older one is refused by the ledger. `attempts`
    is the most that any of its deliveries has had before; none of it is to leave before
    `leaves_at`, if that is given.
    """

    id: int
    month: str
    variant_id: str
    owner: str
    fence: int
    attempts: int
    deliveries: tuple[Delivery, ...]
    leaves_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DeliveryProblem:
    """A delivery that was refused, failed or is uncertain, and why."""

    id: str
    email: str
    status: DeliveryStatus
    reason: str
