"""Notices refusals that are not about a recipient, before the list is burnt. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from newsletter.model.delivery import Outcome, Receipt

_ALIKE: Final = 20
_ADDRESS: Final = re.compile(r"<?[^\s<>]+@[^\s<>]+>?")
# RFC 3463: the class of security and policy; and the reply of a server that wants none of it.
_ABOUT_US: Final = re.compile(r"\b5\.7\.[0-9]|^554\b")


@dataclass(slots=True)
class Breaker:
    """Counts refusals in a row that say the same, and are about the sender by their own code.

    Once somebody was accepted the way is known to be open, and it never trips.
    """

    words: str = ""
    alike: int = 0
    is_open: bool = False

    def trips(self, receipt: Receipt) -> bool:
        """Whether this receipt makes it twenty in a row."""
        self.is_open = self.is_open or receipt.outcome is Outcome.ACCEPTED
        if receipt.outcome is not Outcome.REFUSED or not _ABOUT_US.search(receipt.detail):
            self.alike = 0
            return False
        words = _ADDRESS.sub("", receipt.detail)
        self.alike = self.alike + 1 if words == self.words else 1
        self.words = words
        return self.alike >= _ALIKE and not self.is_open
