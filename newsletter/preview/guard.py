"""What keeps the preview this person's alone: who may ask, and what a page may do."""

from collections.abc import Collection
from secrets import compare_digest, token_urlsafe
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAGE: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# No script of an email runs, no form of it is sent, and nothing in it opens another page.
FRAMED: Final = (
    "sandbox allow-same-origin; default-src 'none'; img-src 'self'; style-src 'self' "
    "'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # without a referrer a form would have no origin either
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Refuses whatever does not come from a page of this preview or from the person at it.

    A page elsewhere may have its name resolve to this machine (DNS rebinding): the Host must be
    one of `hosts`. It may also send requests here: only following a link to a page is allowed.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._refusal(request)

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("Content-Security-Policy", _PAGE)
            await send(message)

        answer = PlainTextResponse(refusal, 403) if refusal else self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, request: Request) -> str:
        if request.headers.get("host", "").lower() not in self._hosts:
            return "This is the preview of a newsletter, for the machine it runs on."
        origin = request.headers.get("origin")
        if origin and origin.lower() not in {f"http://{host}" for host in self._hosts}:
            return "This came from another site."
        site = request.headers.get("sec-fetch-site", "none")
        follows_link = request.method == "GET" and (
            request.headers.get("sec-fetch-dest") == "document"
        )
        if site not in {"none", "same-origin"} and not follows_link:
            return "This came from another site."
        return ""


class FormToken:
    """What a form of this run of the preview holds, and no other page can know."""

    def __init__(self) -> None:
        self.value = token_urlsafe()

    def matches(self, given: str) -> bool:
        """Whether a form was one of ours."""
        return compare_digest(self.value.encode(), given.encode())
