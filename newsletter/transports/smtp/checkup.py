"""Asking an SMTP server whether it would take our email, without sending any."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from newsletter.transports.smtp.opening import Extensions, look_up, open_wire
from newsletter.transports.smtp.relay import Relay
from newsletter.transports.smtp.waiting import Dialogue, Dialogues

if TYPE_CHECKING:
    from newsletter.transports.smtp.wire import Wire


class Welcome(NamedTuple):
    """How a server let us in; without TLS there is no certificate."""

    certificate_expires_at: datetime | None


def visit(relay: Relay, timeout: float) -> Welcome:
    """Go as far as a message would, its certificate and password included, and take leave.

    Raises TransportError where a message would not get so far. No step takes longer than
    `timeout` seconds.
    """
    dialogues: Dialogues[str, tuple[Wire, Extensions]] = Dialogues()
    dialogues.start("visit", _open(relay, timeout))
    while not (ended := dialogues.advance(wait=True)):
        pass
    wire, _ = ended[0][1]
    try:
        return Welcome(wire.certificate_expires_at)
    finally:
        wire.close(b"QUIT\r\n")


def _open(relay: Relay, timeout: float) -> "Dialogue[tuple[Wire, Extensions]]":
    endpoints = yield from look_up(relay, timeout)
    return (yield from open_wire(relay, endpoints, timeout))
