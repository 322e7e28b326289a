"""The small emails to one person: a confirmation, a welcome, a link."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LetterKind(StrEnum):
    """What a letter is for."""

    CONFIRMATION = "confirmation"  # did you sign up?
    WELCOME = "welcome"  # you have
    LINK = "link"  # the way to your topics, as you asked


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter that is owed to an address; `key` is the address as it is compared.

    `name`, `topics`, `language` and `words` are what a sign-up form said and showed; `client` is a
    keyed digest of the network it came from, `source` whose form it was, if not our own.
    """

    id: str
    kind: LetterKind
    email: str
    key: str
    name: str
    topics: tuple[str, ...]
    language: str
    words: str
    client: str
    asked_at: datetime
    attempts: int = 0
    confirmed_at: datetime | None = None
    source: str = ""
