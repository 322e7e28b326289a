"""API tokens: made, known again, taken back. The secret is shown once and kept nowhere."""

import hmac
import re
import secrets
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from newsletter.errors import NewsletterError
from newsletter.ledger.ledger import Ledger
from newsletter.model.api_token import ApiToken, Scope

_TOKEN: Final = re.compile(r"newsletter_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_ID: Final = re.compile(r"[0-9a-f]{12}")
_NOTED_EVERY: Final = timedelta(hours=1)  # a use: a write for each request would slow them all


class ApiTokens:
    """The API tokens of one newsletter.

    A token is `newsletter_`, its id, and 256 random bits: nothing slower than SHA-256 is needed to
    keep them from being found again.
    """

    def __init__(
        self, ledger: Ledger, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._kept = ledger.api_tokens
        self._now = clock

    def create(self, name: str, scopes: Collection[Scope]) -> tuple[ApiToken, str]:
        """A new token, and the text that is its only copy."""
        secret = secrets.token_urlsafe(32)
        token = ApiToken(secrets.token_hex(6), name, frozenset(scopes), self._now())
        self._kept.add(token, _digest(secret))
        return token, f"newsletter_{token.id}_{secret}"

    def verify(self, text: str) -> ApiToken | None:
        """The token that a text is; nothing for a revoked one and for any other text."""
        match = _TOKEN.fullmatch(text)
        found = self._kept.find(match[1]) if match else None
        if match is None or found is None:
            return None
        token, digest = found
        if not hmac.compare_digest(digest, _digest(match[2])) or token.revoked_at:
            return None
        now = self._now()
        if token.used_at is None or now - token.used_at >= _NOTED_EVERY:
            self._kept.note_use(token.id, now=now)
        return token

    def everyone(self) -> list[ApiToken]:
        """Every token that was ever made, the oldest first."""
        return self._kept.everyone()

    def revoke(self, token_id: str) -> bool:
        """Take a token back; False where that was so before. Raises where there is none."""
        if not _ID.fullmatch(token_id) or self._kept.find(token_id) is None:
            raise NewsletterError("there is no such token; see newsletter token list", where="ID")
        return self._kept.revoke(token_id, now=self._now())


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
