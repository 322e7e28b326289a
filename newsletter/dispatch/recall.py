"""Takes back: from senders who died, and from a provider before the time has come."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex

from newsletter.ledger.ledger import Ledger
from newsletter.ledger.recovery import Orphan
from newsletter.logs import WARNING, event
from newsletter.transports.base import Transport


@dataclass(frozen=True, slots=True)
class Recall:
    """How many messages came back, and how many leave all the same."""

    back: int = 0
    leaving: int = 0


def recover(month: str, ledger: Ledger, transport: Transport, *, now: datetime) -> int:
    """Take over what senders who died had in hand; how many deliveries that is.

    Raises TransportError where the transport cannot be asked about them now.
    """

    def can_repeat(orphan: Orphan) -> bool:
        # Of what another way out was given this one knows nothing.
        is_ours = orphan.transport == transport.name
        return is_ours and transport.can_repeat(orphan.provider_batch_id)

    taken_over = ledger.deliveries.recover(
        month, is_alive=ledger.owners.is_alive, can_repeat=can_repeat, now=now
    )
    if taken_over:
        event("send.recovered", WARNING, month=month, deliveries=taken_over)
    return taken_over


def call_back(
    month: str, ledger: Ledger, transport: Transport, clock: Callable[[], datetime]
) -> Recall:
    """Call back what was given in for a time to come; it is planned again, or cancelled.

    Raises TransportError where the transport cannot be asked; then the next call asks again.
    """
    owner, appointments = token_hex(8), ledger.appointments
    with ledger.owners.hold(owner):
        back = recover(month, ledger, transport, now=clock())
        for name in appointments.names(month, transport.name, now=clock()):
            if appointments.begin_recall(month, name, owner):
                is_back = transport.can_repeat(name)
                back += appointments.end_recall(month, name, owner, is_back=is_back, now=clock())
    recall = Recall(back, appointments.held(month, now=clock()))
    event("issue.called_back", month=month, back=recall.back, leaving=recall.leaving)
    return recall
