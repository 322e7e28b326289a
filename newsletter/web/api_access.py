"""Who may call the API: a bearer token (RFC 6750), what it allows, and how often."""

from collections.abc import Awaitable, Callable
from math import ceil
from threading import Lock
from time import monotonic
from typing import Annotated, Final

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from newsletter.model.api_token import ApiToken, Scope
from newsletter.web.site import site_of

PER_MINUTE: Final = 300  # requests with one token, as many at once as were left unused

_Bearer = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(auto_error=False, description="A token of `newsletter token create`.")),
]


class Allowances:
    """How many requests each token has left: a bucket that fills steadily (a token bucket)."""

    def __init__(
        self, per_minute: int = PER_MINUTE, clock: Callable[[], float] = monotonic
    ) -> None:
        self._most = float(per_minute)
        self._per_second = per_minute / 60
        self._now = clock
        self._left: dict[str, tuple[float, float]] = {}  # id -> requests left, and when
        self._lock = Lock()

    def take(self, token_id: str) -> float:
        """Take one; the seconds to wait where none is left, else 0."""
        with self._lock:
            now = self._now()
            left, at = self._left.get(token_id, (self._most, now))
            left = min(self._most, left + (now - at) * self._per_second)
            is_allowed = left >= 1
            self._left[token_id] = (left - is_allowed, now)
        return 0 if is_allowed else (1 - left) / self._per_second


def requires(scope: Scope | None = None) -> Callable[..., Awaitable[None]]:
    """The check before a route: 401 without a token of ours, 429 too often, 403 without `scope`."""

    async def check(request: Request, bearer: _Bearer) -> None:
        token = None
        if bearer:
            verify = site_of(request).public.api_tokens.verify
            token = await run_in_threadpool(verify, bearer.credentials)
        if token is None:
            raise _refusal(is_wrong=bearer is not None)
        allowances: Allowances = request.app.state.allowances
        if wait := allowances.take(token.id):
            detail = "This token is used too often."
            raise HTTPException(429, detail, {"Retry-After": str(ceil(wait))})
        if scope and scope not in token.scopes:
            raise _missing(token, scope)

    return check


def _refusal(*, is_wrong: bool) -> HTTPException:
    challenge = 'Bearer realm="newsletter"'
    if is_wrong:
        challenge += ', error="invalid_token"'
    detail = "A token that is known and not revoked is required."
    return HTTPException(401, detail, {"WWW-Authenticate": challenge})


def _missing(token: ApiToken, scope: Scope) -> HTTPException:
    detail = f"Token {token.id} does not have the scope {scope}."
    challenge = f'Bearer realm="newsletter", error="insufficient_scope", scope="{scope}"'
    return HTTPException(403, detail, {"WWW-Authenticate": challenge})
