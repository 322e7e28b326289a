"""One email ready to leave.

Tuples, as these are made by the thousand: a frozen dataclass takes three times as long.
"""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import NamedTuple

from newsletter.model.variant import MergeField, RenderedVariant


class Address(NamedTuple):
    """A mailbox: `email` is addr-spec (RFC 5322), `name` its display name or empty."""

    email: str
    name: str = ""

    @property
    def wire_email(self) -> str:
        """The address with its domain in ASCII (RFC 5891), if email-validator normalised it.

        If it still is not ASCII its local part is not, and it travels by SMTPUTF8 alone (RFC 6531).
        """
        if self.email.isascii():
            return self.email
        local, _, domain = self.email.rpartition("@")
        labels = (
            label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
            for label in domain.split(".")
        )
        return f"{local}@{'.'.join(labels)}"


class Personalisation(NamedTuple):
    """One subscriber's merge values and address, as plain text: the writer escapes them."""

    delivery_id: str
    recipient: Address
    greeting: str
    unsubscribe_url: str
    preferences_url: str


Encode = Callable[[Personalisation], Sequence[bytes]]


class Message(NamedTuple):
    """One subscriber's email: what a transport needs, as parts or as bytes (RFC 5322, CRLF).

    A provider that writes the bytes itself gets the headers of a list, all in ASCII and on one
    line: `shared_headers` are the same for every reader of the variant, `own_headers` are not.

    `encode` writes it in pieces of whole lines. Long ones are the same objects for every reader.
    """

    variant: RenderedVariant
    personalisation: Personalisation
    encode: Encode
    shared_headers: Mapping[str, str] = {}
    own_headers: Mapping[str, str] = {}

    def to_pieces(self) -> Sequence[bytes]:
        """The whole message, headers first."""
        return self.encode(self.personalisation)

    def to_bytes(self) -> bytes:
        """The same in one."""
        return b"".join(self.to_pieces())


def merge_values(personalisation: Personalisation, *, escaped: bool) -> dict[MergeField, str]:
    """What stands in each merge field: plain text, or `escaped` for HTML text and attributes."""
    values = {
        MergeField.GREETING: personalisation.greeting,
        MergeField.UNSUBSCRIBE_URL: personalisation.unsubscribe_url,
        MergeField.PREFERENCES_URL: personalisation.preferences_url,
    }
    return {field: escape(value) for field, value in values.items()} if escaped else values
