"""API tokens: a digest of each, never the token itself."""

from datetime import datetime

from sqlalchemy import insert, select, update

from newsletter.ledger.database import AnyRow, Database
from newsletter.ledger.tables import api_tokens
from newsletter.model.api_token import ApiToken, Scope

_t = api_tokens.c


class ApiTokens:
    """The tokens, each known by its id; a revoked one stays on record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, token: ApiToken, digest: str) -> None:
        """Keep a new token."""
        values = {
            "id": token.id,
            "name": token.name,
            "scopes": " ".join(sorted(token.scopes)),
            "digest": digest,
            "created_at": token.created_at,
        }
        with self._database.write() as connection:
            connection.execute(insert(api_tokens).values(values))

    def find(self, token_id: str) -> tuple[ApiToken, str] | None:
        """The token of an id, and its digest."""
        with self._database.read() as connection:
            row = connection.execute(select(api_tokens).where(_t.id == token_id)).one_or_none()
        return None if row is None else (_token(row), row.digest)

    def everyone(self) -> list[ApiToken]:
        """Every token, the oldest first."""
        statement = select(api_tokens).order_by(_t.created_at, _t.id)
        with self._database.read() as connection:
            return [_token(row) for row in connection.execute(statement)]

    def note_use(self, token_id: str, *, now: datetime) -> None:
        """Write down that a token was used."""
        with self._database.write() as connection:
            connection.execute(update(api_tokens).where(_t.id == token_id).values(used_at=now))

    def revoke(self, token_id: str, *, now: datetime) -> bool:
        """Take a token back, from the next request on; False where that was so before."""
        statement = (
            update(api_tokens)
            .where(_t.id == token_id, _t.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount == 1


def _token(row: AnyRow) -> ApiToken:
    return ApiToken(
        row.id,
        row.name,
        frozenset(map(Scope, row.scopes.split())),
        row.created_at,
        row.used_at,
        row.revoked_at,
    )
