"""One email ready to leave."""

from collections.abc import Callable
from dataclasses import dataclass

from newsletter.model.variant import RenderedVariant


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox: `email` is addr-spec (RFC 5322), `name` its display name or empty."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Personalisation:
    """One subscriber's merge values and address, as plain text: the writer escapes them."""

    delivery_id: str
    recipient: Address
    greeting: str
    unsubscribe_url: str
    preferences_url: str


@dataclass(frozen=True, slots=True)
class Message:
    """One subscriber's email: what a transport needs, as parts or as bytes (RFC 5322, CRLF)."""

    variant: RenderedVariant
    personalisation: Personalisation
    encode: Callable[[Personalisation], bytes]

    def to_bytes(self) -> bytes:
        """The whole message, headers first."""
        return self.encode(self.personalisation)
