"""Batches whose sender died: taken from it, with what can be known of their deliveries."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select

from newsletter.ledger.database import Database
from newsletter.ledger.outcomes import close, is_held, lose_sight
from newsletter.ledger.states import share_state
from newsletter.ledger.tables import BatchStatus, batches

_b = batches.c

_IN_HAND: Final = select(_b.id, _b.owner, _b.fence, _b.transport, _b.provider_batch_id).where(
    _b.month == bindparam("month"), _b.status == BatchStatus.SENDING
)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A batch whose sender died: the way out it was on, and what the provider calls it."""

    transport: str
    provider_batch_id: str | None


def take_over(
    database: Database,
    month: str,
    *,
    is_alive: Callable[[str], bool],
    can_repeat: Callable[[Orphan], bool],
    now: datetime,
) -> int:
    """Take the batches of dead owners, each in a transaction; how many deliveries had no answer.

    Nothing is locked while `can_repeat` asks, so a batch may be gone when it answers.
    """
    with database.read() as connection:
        in_hand = connection.execute(_IN_HAND, {"month": month}).all()
    alive = set(filter(is_alive, {batch.owner for batch in in_hand}))
    unanswered = 0
    for batch_id, owner, fence, *orphan in in_hand:
        if owner in alive:
            continue
        is_repeatable = can_repeat(Orphan(*orphan))
        with database.write() as connection:
            state = share_state(connection, month)
            if is_held(connection, batch_id, owner, fence):
                if not is_repeatable:
                    unanswered += lose_sight(connection, batch_id, now=now)
                unanswered += close(connection, batch_id, state, now=now)
    return unanswered
