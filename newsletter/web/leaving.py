"""Leaving: a page that changes nothing, and the POST that does, with one click (RFC 8058)."""

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from newsletter.ledger.memberships import Leaving
from newsletter.model.subscriber import SubscriptionStatus
from newsletter.personalise.links import LinkPurpose
from newsletter.web.site import consent_words, site_of
from newsletter.web.subscribing import no_such_link

routes = APIRouter(include_in_schema=False)


@routes.api_route("/unsubscribe/{token}", methods=["GET", "HEAD"])
async def show_button(request: Request, token: str) -> Response:
    """One button, and the other ways: fewer topics, a pause."""
    return await _page(request, token)


@routes.post("/unsubscribe/{token}")
async def leave(request: Request, token: str) -> Response:
    """Unsubscribe at once, whatever the body says: it is not even read.

    The page's own button posts to `?page`, and is answered with a page.
    """
    site = site_of(request)
    leaving = await run_in_threadpool(site.public.membership.leave, token)
    if leaving is Leaving.UNKNOWN:
        return no_such_link(request)
    if leaving is Leaving.LEFT:
        site.meters.departures.inc()
    if "page" in request.query_params:
        return await _page(request, token)
    return PlainTextResponse("Unsubscribed.\n")


async def _page(request: Request, token: str) -> Response:
    site = site_of(request)
    membership = site.public.membership
    person = await run_in_threadpool(membership.whose, LinkPurpose.UNSUBSCRIBE, token)
    if person is None:
        return no_such_link(request)
    values = {
        "has_left": person.status is SubscriptionStatus.UNSUBSCRIBED,
        "can_return": person.suppression is None,
        "preferences_token": membership.preferences_token(person),
        "words": consent_words(site.public.newsletter, site.pages.language(request, person)),
    }
    return site.pages.page(request, "unsubscribe", values, person=person)
