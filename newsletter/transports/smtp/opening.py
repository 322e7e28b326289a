"""From a server's name to a wire ready for the first message (RFC 5321, 3207, 4954).

Whatever goes wrong on this way goes wrong for everybody: it is a TransportError.
"""

import socket
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import closing
from select import POLLIN
from time import monotonic

from newsletter.errors import TransportError
from newsletter.transports.look_up import Endpoint, LookUp
from newsletter.transports.smtp.relay import Protection, Relay
from newsletter.transports.smtp.reply import Reply
from newsletter.transports.smtp.waiting import DeadlinePassed, Dialogue, Wait
from newsletter.transports.smtp.wire import ConnectionLost, Wire
from newsletter.undoing import on_failure

Extensions = Mapping[str, Sequence[str]]  # what EHLO offers: keyword -> parameters, in capitals


def look_up(relay: Relay, patience: float) -> Dialogue[Sequence[Endpoint]]:
    """Where the server listens, the best first; known within `patience` seconds."""
    try:
        with closing(LookUp(relay.host, relay.port)) as asked:
            yield Wait(asked.fileno(), POLLIN, monotonic() + patience)
            return asked.endpoints()
    except DeadlinePassed as passed:
        what = f"DNS {str(passed) or f'gave no answer within {patience:g} s'}"
        raise TransportError(what, where=relay.place) from None
    except OSError as error:
        what = f"its name cannot be looked up: {error.strerror}"
        raise TransportError(what, where=relay.place) from error


def open_wire(
    relay: Relay, endpoints: Sequence[Endpoint], timeout: float
) -> Dialogue[tuple[Wire, Extensions]]:
    """A wire whose server has greeted us, protected it and let us in, as the relay asks."""
    try:
        wire = yield from _connect(endpoints, timeout)
        with on_failure(wire.close):
            extensions = yield from _begin(wire, relay)
    except ConnectionLost as lost:
        raise TransportError(str(lost), where=relay.place) from lost
    return wire, extensions


def _connect(endpoints: Sequence[Endpoint], timeout: float) -> Dialogue[Wire]:
    """A wire to the first endpoint that answers; they share the time."""
    patience = timeout / len(endpoints)
    losses = []
    for endpoint in endpoints:
        try:
            return (yield from Wire.connect(endpoint, patience=patience, timeout=timeout))
        except ConnectionLost as lost:
            losses.append(lost)
    raise losses[0]


def _begin(wire: Wire, relay: Relay) -> Dialogue[Extensions]:
    if relay.protection is Protection.TLS:
        yield from wire.start_tls(relay.tls, relay.host)
    _require((yield from wire.reply()), "takes no email from this machine")
    extensions = yield from _introduce(wire)
    if relay.protection is Protection.STARTTLS:
        if "STARTTLS" not in extensions:
            raise ConnectionLost("offers no STARTTLS, so nothing was sent to it")
        _require((yield from _ask(wire, "STARTTLS")), "does not begin TLS")
        yield from wire.start_tls(relay.tls, relay.host)
        extensions = yield from _introduce(wire)  # what was offered in clear does not count
    if relay.username is not None:
        yield from _log_in(wire, relay.username, relay.password, extensions.get("AUTH", ()))
    return extensions


def _introduce(wire: Wire) -> Dialogue[Extensions]:
    hello = yield from _ask(wire, f"EHLO {_own_name(wire)}")
    if hello.kind == 5:  # a server from before extensions
        _require((yield from _ask(wire, f"HELO {_own_name(wire)}")), "does not greet us")
        return {}
    _require(hello, "does not greet us")
    # Once there was "AUTH=LOGIN", which some servers still offer beside "AUTH LOGIN".
    offers = (line.decode("ascii", "replace").upper().split() for line in hello.lines[1:])
    return {keyword: parameters for keyword, *parameters in filter(None, offers)}


def _log_in(wire: Wire, username: str, password: str, mechanisms: Sequence[str]) -> Dialogue[None]:
    if not wire.is_private:
        raise ConnectionLost("would have been told the password in clear")
    if "PLAIN" in mechanisms:
        reply = yield from _ask(wire, f"AUTH PLAIN {_base64('', username, password)}")
    elif "LOGIN" in mechanisms:
        reply = yield from _ask(wire, "AUTH LOGIN")
        for word in (username, password):
            if reply.kind == 3:
                reply = yield from _ask(wire, _base64(word))
    else:
        raise ConnectionLost("offers no way to log in that is known here (PLAIN, LOGIN)")
    _require(reply, "does not let us in; look at username and SMTP_PASSWORD")


def _own_name(wire: Wire) -> str:
    """This machine's name where it is a full one, else its address. DNS is not asked."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else wire.own_address


def _ask(wire: Wire, line: str) -> Dialogue[Reply]:
    yield from wire.write(f"{line}\r\n".encode())
    return (yield from wire.reply())


def _require(reply: Reply, otherwise: str) -> None:
    if reply.kind != 2:
        raise ConnectionLost(f"{otherwise}: {reply.words}")


def _base64(*words: str) -> str:
    return b64encode("\0".join(words).encode()).decode()
