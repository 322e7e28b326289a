"""Notices refusals that are not about a recipient, before the list is burnt. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from newsletter.model.delivery import Outcome, Receipt

_ALIKE: Final = 20
_ADDRESS: Final = re.compile(r"<?[^\s<>]+@[^\s<>]+>?")
_ABOUT_THE_ADDRESS: Final = re.compile(r"\b5\.1\.[0-9]")  # RFC 3463: addressing status


@dataclass(slots=True)
class Breaker:
    """Counts refusals in a row that say the same, whoever the recipient is."""

    words: str = ""
    alike: int = 0

    def trips(self, receipt: Receipt) -> bool:
        """Whether this receipt makes it twenty in a row. That a mailbox is unknown never counts."""
        if receipt.outcome is not Outcome.REFUSED or _ABOUT_THE_ADDRESS.search(receipt.detail):
            self.alike = 0
            return False
        words = _ADDRESS.sub("", receipt.detail)
        self.alike = self.alike + 1 if words == self.words else 1
        self.words = words
        return self.alike >= _ALIKE
