"""What machines ask: is it alive, is it ready, how does it go."""

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from newsletter.errors import NewsletterError
from newsletter.logs import WARNING, event
from newsletter.web.meters import CONTENT_TYPE
from newsletter.web.site import Site, site_of

routes = APIRouter(include_in_schema=False)


@routes.api_route("/healthz", methods=["GET", "HEAD"])
async def is_alive() -> Response:
    """The process answers; nothing else is asked."""
    return PlainTextResponse("alive\n")


@routes.api_route("/readyz", methods=["GET", "HEAD"])
async def is_ready(request: Request) -> Response:
    """Whether the database is there, with this program's tables, and the way out is set up."""
    checks = await run_in_threadpool(_check, site_of(request))
    is_well = all(found == "ok" for found in checks.values())
    return JSONResponse({"ready": is_well, **checks}, 200 if is_well else 503)


@routes.api_route("/metrics", methods=["GET", "HEAD"])
async def metrics(request: Request) -> Response:
    """The numbers, for Prometheus."""
    text = await run_in_threadpool(site_of(request).meters.text)
    return Response(text, media_type=CONTENT_TYPE)


def _check(site: Site) -> dict[str, str]:
    """What is asked and how it stands; why not is in the log, as it may name a host."""
    found = {}
    for name, check in (
        ("database", site.public.database.check),
        ("transport", site.public.check_transport),
    ):
        try:
            check()
            found[name] = "ok"
        except NewsletterError as error:
            event("web.not_ready", WARNING, what=name, reason=str(error))
            found[name] = "not ready"
    return found
