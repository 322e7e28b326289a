"""What becomes of a delivery after the transport took it, as a provider or a mailbox reports it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from newsletter.model.delivery import TRANSITIONS, DeliveryStatus


class EventKind(StrEnum):
    """What a delivery event says; a list that no provider can add to."""

    ACCEPTED = "accepted"  # the provider has the message
    DELIVERED = "delivered"  # the reader's server has it
    DEFERRED = "deferred"  # that server asked to wait
    SOFT_BOUNCE = "soft bounce"  # given up this time; the address may be good
    HARD_BOUNCE = "hard bounce"  # the address is not
    DROPPED = "dropped"  # the provider did not try
    COMPLAINT = "complaint"  # the reader pressed "spam"
    UNSUBSCRIBED = "unsubscribed"  # the reader left through the provider


SOFT_BOUNCES: Final = 5  # issues in a row, after which an address counts as gone

_S, _K = DeliveryStatus, EventKind

_BECOMES: Final = {
    _K.ACCEPTED: _S.ACCEPTED,
    _K.DEFERRED: _S.DEFERRED,
    _K.DELIVERED: _S.DELIVERED,
    _K.DROPPED: _S.DROPPED,
    _K.SOFT_BOUNCE: _S.BOUNCED,
    _K.HARD_BOUNCE: _S.BOUNCED,
    _K.COMPLAINT: _S.COMPLAINED,
}
# Kinds that mean something for the reader and not for the delivery alone.
EFFECTIVE: Final = frozenset({_K.SOFT_BOUNCE, _K.HARD_BOUNCE, _K.COMPLAINT, _K.UNSUBSCRIBED})
# Where a kind of news is told of a delivery that stands here, it stands there from now on; any
# other pair changes nothing. A provider may have what it can still be asked not to send, so that
# it has it says nothing of a delivery that is being sent.
MOVES: Final[Mapping[tuple[DeliveryStatus, EventKind], DeliveryStatus]] = {
    (status, kind): becomes
    for status, arrows in TRANSITIONS.items()
    for kind, becomes in _BECOMES.items()
    if becomes in arrows and (status, kind) != (_S.SENDING, _K.ACCEPTED)
}
# Kinds as they follow each other, for those of one second.
ORDER: Final = {kind: place for place, kind in enumerate([*_BECOMES, _K.UNSUBSCRIBED])}

# RFC 3463: a 5 says "for good", but of a full mailbox or a long message (2.2, 2.3), the sender's
# address (1.7, 1.8), the system (3), a delay (4.7), the content (6) or a policy (7) and not of the
# address. Of these another message may meet none.
_NOT_THE_ADDRESS: Final = re.compile(r"5\.(?:1\.[78]|2\.[23]|3\.\d+|4\.7|[67]\.\d+)")
_LONGEST_WORDS: Final = 500


class DeliveryEvent(NamedTuple):
    """One piece of news about one delivery; `at` is when it happened, `reason` the server's words.

    Two with the same delivery, kind and time are the same event told twice. `month` is that of its
    issue where the provider says so. (A tuple, because they come by the thousand.)
    """

    delivery_id: str
    kind: EventKind
    at: datetime
    reason: str = ""
    month: str = ""


@dataclass(frozen=True, slots=True)
class FeedbackCounts:
    """What came of some events. Each is counted once among the first three."""

    taken: int = 0  # news of deliveries of ours
    repeated: int = 0  # told before, or overtaken by later news
    unknown: int = 0  # no delivery of ours: a test copy, a confirmation, somebody else's mail
    suppressed: int = 0  # addresses that are not mailed any more
    unsubscribed: int = 0  # subscribers who left

    def __add__(self, other: "FeedbackCounts") -> "FeedbackCounts":
        return FeedbackCounts(
            self.taken + other.taken,
            self.repeated + other.repeated,
            self.unknown + other.unknown,
            self.suppressed + other.suppressed,
            self.unsubscribed + other.unsubscribed,
        )


def is_hard(status: str) -> bool:
    """Whether an enhanced status code (RFC 3463), or a bare reply code, condemns the address."""
    return status.startswith("5") and not _NOT_THE_ADDRESS.fullmatch(status)


def plain_words(text: str) -> str:
    """A server's words as they are kept: one line, printable, without any address."""
    head = text[: 4 * _LONGEST_WORDS]
    printable = "".join(letter if letter.isprintable() else " " for letter in head)
    words = ("…" if "@" in word else word for word in printable.split())
    return " ".join(words)[:_LONGEST_WORDS]
