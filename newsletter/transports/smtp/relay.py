"""The server that carries our email on, and how it wants to be spoken to."""

from dataclasses import dataclass, field
from enum import StrEnum
from ssl import SSLContext, create_default_context


class Protection(StrEnum):
    """How a connection is kept private."""

    STARTTLS = "starttls"  # begun in clear, then TLS or nothing (RFC 3207)
    TLS = "tls"  # TLS from the first byte (RFC 8314)
    NONE = "none"  # in clear


@dataclass(frozen=True, slots=True)
class Relay:
    """A server and our account there.

    The certificate is verified against `tls`, the machine's own authorities unless given.
    """

    host: str
    port: int
    protection: Protection
    username: str | None = None
    password: str = field(default="", repr=False)
    tls: SSLContext = field(default_factory=create_default_context, repr=False)

    @property
    def place(self) -> str:
        """How messages to a person name it."""
        return f"{self.host}:{self.port}"
