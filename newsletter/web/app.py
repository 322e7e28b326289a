"""The public application: its routes, what an error looks like, and what lives beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from newsletter.errors import NewsletterError
from newsletter.logs import ERROR, event
from newsletter.web import leaving, operations, own_page, subscribing, webhooks
from newsletter.web.api import PLACE, create_api
from newsletter.web.archive import serve
from newsletter.web.guard import Guard
from newsletter.web.meters import Meters
from newsletter.web.pages import Pages
from newsletter.web.postman import Postman
from newsletter.web.site import Site, site_of
from newsletter.wiring import PublicSide

_KEPT: Final = {"Cache-Control": "public, max-age=300"}
_TOPICS: Final = {404: "no-such-page", 405: "no-such-page", 408: "too-slow", 413: "too-large"}


def create_app(public: PublicSide) -> ASGIApp:
    """The application of one newsletter, guarded; it writes letters while it runs."""
    postman = Postman(public.correspondence.write_due, public.membership.forget_unconfirmed)
    meters = Meters(public.ledger, public.timetable)
    pages = Pages(public.newsletter, public.taxonomy, public.templates)

    @asynccontextmanager
    async def live(_: FastAPI) -> AsyncIterator[None]:
        postman.start()
        yield
        await run_in_threadpool(postman.stop)
        public.database.close()

    app = FastAPI(
        title=public.newsletter.name,
        openapi_url=None,  # the pages are for people
        redirect_slashes=False,  # it would follow the Host header
        lifespan=live,
        exception_handlers={
            HTTPException: _explain,
            ClientDisconnect: _explain,  # to nobody
            NewsletterError: _apologise_for_now,
            Exception: _apologise,
        },
    )
    app.state.site = Site(public, pages, meters, postman)
    app.mount(PLACE, create_api(app.state.site))
    for part in (subscribing, own_page, leaving, webhooks, operations):
        app.include_router(part.routes)
    app.add_api_route("/pages.css", _style, methods=["GET", "HEAD"], include_in_schema=False)
    # The last: whatever else there is, is the archive's.
    app.add_api_route("/{path:path}", _archive, methods=["GET", "HEAD"], include_in_schema=False)
    return Guard(app, meters.observe)


async def _style(request: Request) -> Response:
    return Response(site_of(request).pages.style, media_type="text/css", headers=_KEPT)


async def _archive(request: Request, path: str) -> Response:
    site = site_of(request)
    headers = dict(request.headers)
    answer = await run_in_threadpool(serve, site.public.archive, path, headers)
    if answer:
        return answer
    if path == "favicon.ico":
        return Response(site.pages.icon, media_type="image/svg+xml", headers=_KEPT)
    if not path:
        return site.pages.message(request, "no-issue-yet")
    raise HTTPException(404)


async def _explain(request: Request, error: Exception) -> Response:
    """A plain page for what the visitor did wrong."""
    status = error.status_code if isinstance(error, HTTPException) else 400
    headers = error.headers if isinstance(error, HTTPException) else None
    topic = _TOPICS.get(status, "bad-request")
    return site_of(request).pages.message(request, topic, status=status, headers=headers)


async def _apologise_for_now(request: Request, error: Exception) -> Response:
    """A plain page while the database is away."""
    event("web.unavailable", ERROR, reason=str(error))
    return site_of(request).pages.message(
        request, "unavailable", status=503, headers={"Retry-After": "30"}
    )


async def _apologise(request: Request, _: Exception) -> Response:
    """A plain page for a fault of ours, which the server writes down."""
    return site_of(request).pages.message(request, "fault", status=500)
