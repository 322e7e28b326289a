"""Batches whose sender died: taken from it, with what can be known of their deliveries.

What shares a provider's name is called back together, so all of it is taken together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final

from sqlalchemy import bindparam, select

from newsletter.ledger.appointments import Appointments
from newsletter.ledger.database import AnyRow, Database
from newsletter.ledger.handovers import HandOverFiles, Held
from newsletter.ledger.outcomes import close, is_held, lose_sight
from newsletter.ledger.states import share_state
from newsletter.ledger.tables import BatchStatus, batches

_b = batches.c

_IN_HAND: Final = select(
    _b.id, _b.owner, _b.fence, _b.status, _b.transport, _b.provider_batch_id
).where(
    _b.month == bindparam("month"),
    _b.status.in_((BatchStatus.SENDING, BatchStatus.RECALLING)),
)
_HELD: Final = select(_b.id, _b.owner, _b.fence).where(_b.owner.is_not(None))


@dataclass(frozen=True, slots=True)
class Orphan:
    """A batch whose sender died: the way out it was on, and what the provider calls it."""

    transport: str
    provider_batch_id: str | None


def take_over(  # noqa: PLR0913 - what it meets, and what it is told
    database: Database,
    hand_overs: HandOverFiles,
    month: str,
    *,
    is_alive: Callable[[str], bool],
    can_repeat: Callable[[Orphan], bool],
    now: datetime,
) -> int:
    """Take the batches of dead owners, each in a transaction; how many deliveries had no answer.

    Nothing is locked while `can_repeat` asks, so a batch may be gone when it answers.
    """
    ask = cache(can_repeat)
    appointments = Appointments(database)
    _gather(appointments, month, _left_behind(database, month, is_alive))
    unanswered = 0
    for batch_id, owner, fence, status, transport, name in _left_behind(database, month, is_alive):
        is_repeatable = ask(Orphan(transport, name))
        if status is BatchStatus.RECALLING:
            unanswered += appointments.end_recall(
                month, name, owner, is_back=is_repeatable, now=now
            )
            continue
        with database.write() as connection:
            state = share_state(connection, month)
            if is_held(connection, batch_id, owner, fence):
                if not is_repeatable:
                    # What has a provider's name may have been called back since.
                    fates = None if name else hand_overs.read(batch_id, owner, fence)
                    unanswered += lose_sight(connection, batch_id, fates, now=now)
                unanswered += close(connection, batch_id, state, now=now)
        hand_overs.forget(batch_id, owner, fence)
    hand_overs.sweep(lambda: _held(database))
    return unanswered


def _held(database: Database) -> list[Held]:
    with database.read() as connection:
        return [(batch.id, batch.owner, batch.fence) for batch in connection.execute(_HELD)]


def _left_behind(database: Database, month: str, is_alive: Callable[[str], bool]) -> list[AnyRow]:
    with database.read() as connection:
        in_hand = connection.execute(_IN_HAND, {"month": month}).all()
    alive = set(filter(is_alive, {batch.owner for batch in in_hand}))
    return [batch for batch in in_hand if batch.owner not in alive]


def _gather(appointments: Appointments, month: str, left_behind: list[AnyRow]) -> None:
    """Put what was accepted under the same names beside it."""
    for name, owner in {batch.provider_batch_id: batch.owner for batch in left_behind}.items():
        if name is not None:
            appointments.begin_recall(month, name, owner)
