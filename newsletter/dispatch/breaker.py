"""Notices refusals that are not about a recipient, before the list is burnt. Pure."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from newsletter.model.delivery import Outcome, Receipt

_ENOUGH: Final = 20  # in a row, where nobody was accepted yet
_ENOUGH_AFTER_SUCCESS: Final = 100
_BARREN: Final = 8  # attempts
_ADDRESS: Final = re.compile(r"<?[^\s<>]+@[^\s<>]+>?")
# RFC 3463: the class of security and policy; and the reply of a server that wants none of it.
_ABOUT_US: Final = re.compile(r"\b5\.7\.[0-9]|^554\b")


@dataclass(slots=True)
class Breaker:
    """Counts refusals in a row that say the same, and are about the sender by their own code.

    Such a refusal is evidence against the sender until somebody is accepted after it. Attempts in
    a row of which everybody is to be tried again are counted too.
    """

    _words: str = ""  # of the last refusal, without the address it was said of
    _alike: int = 0
    _barren: int = 0
    _barren_words: str = ""
    _is_open: bool = False

    @property
    def verdict(self) -> str:
        """Why nobody more should be tried, or nothing."""
        if self._alike >= (_ENOUGH_AFTER_SUCCESS if self._is_open else _ENOUGH):
            return f"everybody is refused with the same words: {self._words}"
        return ""

    @property
    def last_verdict(self) -> str:
        """The same at the end, where nobody was accepted: then little evidence must be enough."""
        if self._alike and not self._is_open:
            return f"everybody is refused with the same words: {self._words}"
        return ""

    @property
    def barren_verdict(self) -> str:
        """Why the way out should be left alone for a while, or nothing."""
        if self._barren >= _BARREN:
            return f"nobody is taken at present: {self._barren_words}"
        return ""

    def note(self, receipt: Receipt) -> bool:
        """Take in one answer; whether it is evidence against the sender."""
        if receipt.outcome is Outcome.ACCEPTED:
            self._is_open = True
            self._alike = 0
            return False
        if receipt.outcome is not Outcome.REFUSED or not _ABOUT_US.search(receipt.detail):
            self._alike = 0
            return False
        words = _ADDRESS.sub("", receipt.detail)
        self._alike = self._alike + 1 if words == self._words else 1
        self._words = words
        return True

    def note_attempt(self, outcomes: Collection[Outcome], words: str) -> None:
        """Take in what an attempt came to; `words` is what was said of its last one."""
        if set(outcomes) == {Outcome.RETRY} and not self._alike:
            self._barren += 1
            self._barren_words = _ADDRESS.sub("", words)
        elif outcomes:
            self._barren = 0

    def judge(self, evidence: Sequence[Receipt]) -> list[Receipt]:
        """What to record of evidence after which nobody was accepted.

        Unless the way is known to be open nobody is written off by it.
        """
        if self._is_open and self._alike < _ENOUGH:
            return list(evidence)
        return [Receipt(one.delivery_id, Outcome.RETRY, one.detail) for one in evidence]
