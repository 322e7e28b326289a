"""Whose message it is, as SMTP says it: apart from the headers, which it does not read."""

import re
from typing import Final, NamedTuple

# What could end a command or its path, and what UTF-8 cannot write. RFC 5321, 4.5.3.1.3 for the
# length.
_PATH: Final = re.compile(r"[^\x00-\x20\x7f<>\ud800-\udfff]+@[^\x00-\x20\x7f<>@\ud800-\udfff]+")
_LONGEST: Final = 254


class Envelope(NamedTuple):
    """The address that failed mail returns to, and the reader's with its domain in ASCII."""

    sender: str
    recipient: str

    @property
    def is_sound(self) -> bool:
        """Whether the recipient can stand in a command without becoming another."""
        return len(self.recipient) <= _LONGEST and _PATH.fullmatch(self.recipient) is not None

    @property
    def is_international(self) -> bool:
        """Whether it takes a server with SMTPUTF8 (RFC 6531)."""
        return not self.recipient.isascii()

    def without_recipient(self, words: str) -> str:
        """The server's words with the reader's address left out: they are kept and shown."""
        return re.sub(re.escape(self.recipient), "…", words, flags=re.IGNORECASE)
