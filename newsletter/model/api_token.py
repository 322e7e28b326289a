"""The credentials of other programs, such as the organisation's own website."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """What the holder of an API token may do."""

    SUBSCRIBE = "subscriptions:write"  # pass sign-ups on
    READ = "subscribers:read"  # find people and see what is stored of them
    WRITE = "subscribers:write"  # change what they get, and let them go
    ERASE = "subscribers:erase"  # forget them for good


@dataclass(frozen=True, slots=True)
class ApiToken:
    """An API token as it is kept, without its secret; `name` says whose it is.

    `used_at` is when it was last used, to the hour.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None
