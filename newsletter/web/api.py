"""The API for the organisation's own website: sign-ups, and what is stored of a person."""

import json
from dataclasses import asdict
from functools import cache, partial
from math import ceil
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Path
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from newsletter.addresses import parse_address
from newsletter.errors import SubscriberError
from newsletter.membership import SignUp
from newsletter.model.api_token import Scope
from newsletter.model.subscriber import Subscriber
from newsletter.web.api_access import PER_MINUTE, Allowances, requires
from newsletter.web.api_shapes import (
    Asked,
    Change,
    Problem,
    Search,
    ShownSubscriber,
    SignUpRequest,
    TopicList,
)
from newsletter.web.own_page import coming_months
from newsletter.web.pages import topic_groups
from newsletter.web.problems import HANDLERS, MEDIA_TYPE, Wrong
from newsletter.web.site import Site, in_order, network_of, site_of

PLACE: Final = "/api/v1"

_ABOUT: Final = f"""\
For programs on a server of yours, never for a script in a visitor's browser: a token there would be
everybody's. Every request but for this page carries `Authorization: Bearer TOKEN`, and a token may
be used {PER_MINUTE} times a minute. Errors are problem documents (RFC 9457)."""
_WHY: Final = {
    400: "The body is not JSON.",
    401: "No token, a wrong or a revoked one.",
    403: "The token does not have the scope.",
    404: "There is no such subscriber.",
    408: "The body came too slowly.",
    413: "The body is larger than 64 kB.",
    422: "A member of the body cannot be; `errors` says which.",
    429: "Too often; `Retry-After` says when to come again.",
    503: "The database is away; `Retry-After` says when to come again.",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    # FastAPI lists `model` as application/json; ours is another media type.
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {MEDIA_TYPE: {"schema": schema}}
    return {
        status: {"description": _WHY[status], "content": content}
        for status in sorted({401, 429, 503, *statuses})
    }


_OF_BODIES: Final = (400, 408, 413, 422)

routes = APIRouter()

PersonId = Annotated[
    str, Path(pattern=r"^[0-9a-f]{32}$", description="As `newsletter subscribers show` has it.")
]


def create_api(site: Site) -> FastAPI:
    """The API of one newsletter, an application of its own to be mounted at `PLACE`."""
    api = FastAPI(
        title=f"{site.public.newsletter.name}: API",
        version="1",
        description=_ABOUT,
        servers=[{"url": PLACE}],
        root_path_in_servers=False,
        openapi_url=None,  # served by a route below, with our own schema of errors
        redirect_slashes=False,
        exception_handlers=HANDLERS,
    )
    api.state.site = site
    api.state.allowances = Allowances()
    api.include_router(routes)
    return api


@routes.get(
    "/topics",
    response_description="Every topic.",
    dependencies=[Depends(requires())],
    responses=_problems(),
)
async def topics(request: Request) -> TopicList:
    """The topics that readers can choose. Any token will do."""
    groups = topic_groups(site_of(request).public.taxonomy)
    found = [
        {"slug": slug, "label": label, "group": heading}
        for heading, members in groups
        for slug, label in members
    ]
    return TopicList.model_validate({"topics": found})


@routes.post(
    "/subscriptions",
    status_code=202,
    response_description="Taken in.",
    dependencies=[Depends(requires(Scope.SUBSCRIBE))],
    responses=_problems(403, *_OF_BODIES),
)
async def sign_up(request: Request, given: SignUpRequest) -> Asked:
    """Pass on a sign-up. Needs `subscriptions:write`.

    The person is asked by email to confirm, and is subscribed when they do. The answer is the same
    whoever the address is. The same again within an hour sends no second email; at most three go to
    an address in a day, and twenty sign-ups from one client in ten minutes: then 429.
    """
    site = site_of(request)
    filled = SignUp(
        given.email,
        given.name,
        _chosen(site, given.topics),
        given.language or site.public.newsletter.language,
        given.consent.words,
        given.consent.source,
    )
    client = network_of(given.consent.client)
    wait = await run_in_threadpool(site.public.membership.sign_up, filled, client)
    if wait:
        site.meters.sign_ups.labels("limited").inc()
        seconds = str(ceil(wait.total_seconds()))
        raise HTTPException(429, "Too many sign-ups from there.", {"Retry-After": seconds})
    site.meters.sign_ups.labels("asked").inc()
    site.postman.call()
    return Asked(detail="Unless the address must not be written to, an email is on its way there.")


@routes.post(
    "/subscribers/search",
    response_description="The person's record.",
    dependencies=[Depends(requires(Scope.READ))],
    responses=_problems(403, 404, *_OF_BODIES),
)
async def find(request: Request, wanted: Search) -> ShownSubscriber:
    """Find the subscriber of an address. Needs `subscribers:read`.

    A POST, as an address in a URL would stand in logs.
    """
    find_by_key = site_of(request).public.ledger.subscribers.find
    person = await run_in_threadpool(find_by_key, parse_address(wanted.email).key)
    return await _shown(request, person)


@routes.get(
    "/subscribers/{id}",
    response_description="The person's record.",
    dependencies=[Depends(requires(Scope.READ))],
    responses=_problems(403, 404),
)
async def show(request: Request, id: PersonId) -> ShownSubscriber:  # noqa: A002 - the API's own name
    """All that is stored of a person. Needs `subscribers:read`."""
    return await _shown(request, await _person(request, id))


@routes.patch(
    "/subscribers/{id}",
    response_description="The record as it is now.",
    dependencies=[Depends(requires(Scope.WRITE))],
    responses=_problems(403, 404, *_OF_BODIES),
)
async def change(request: Request, id: PersonId, wanted: Change) -> ShownSubscriber:  # noqa: A002 - the API's own name
    """Change what a person gets, or let them go. Needs `subscribers:write`.

    The next plan follows it; who is let go is passed over by the very next claim.
    """
    person = await _person(request, id)
    await run_in_threadpool(_apply, site_of(request), person, wanted)
    return await _shown(request, await _person(request, id))


@routes.delete(
    "/subscribers/{id}",
    status_code=204,
    response_description="Forgotten.",
    dependencies=[Depends(requires(Scope.ERASE))],
    responses=_problems(403, 404),
)
async def erase(request: Request, id: PersonId) -> Response:  # noqa: A002 - the API's own name
    """Forget a person for good. Needs `subscribers:erase`.

    Only a keyed digest stays, so that no import brings them back. To let somebody go whose consent
    is to stay on record, PATCH their status instead.
    """
    person = await _person(request, id)
    await run_in_threadpool(site_of(request).public.membership.erase, person)
    return Response(status_code=204)


@routes.get("/openapi.json", include_in_schema=False)
async def description(request: Request) -> Response:
    """The API in OpenAPI's own form."""
    return JSONResponse(_openapi(request.app))


@routes.get("/docs", include_in_schema=False)
async def page(request: Request) -> Response:
    """The API for people to read: a page like the others, without a script."""
    public = site_of(request).public
    document = _openapi(request.app)
    values = {
        "newsletter": public.newsletter,
        "home": "../..",
        "other_languages": [],
        "api": document,
        "place": f"{public.newsletter.base_url}{PLACE}",
        "shapes": document["components"]["schemas"],
        "errors": _WHY,
        "pretty": partial(json.dumps, indent=2),
    }
    return HTMLResponse(public.templates.render("web/api.html", "en", values))


@cache
def _openapi(api: FastAPI) -> dict[str, Any]:
    """The description, in which each error is a `Problem`."""
    document = api.openapi()
    shapes = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        shapes.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    shapes |= problem.pop("$defs") | {"Problem": problem}
    for operations in document["paths"].values():
        for operation in operations.values():
            # A wrong id is nobody's: FastAPI's own 422 is never answered for one.
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]
    return document


def _chosen(site: Site, slugs: list[str]) -> tuple[str, ...]:
    known = site.public.taxonomy.topics
    for place, slug in enumerate(slugs):
        if slug not in known:
            raise Wrong(("topics", place), "there is no such topic; GET /api/v1/topics lists them")
    return in_order(site.public.taxonomy, slugs)


def _apply(site: Site, person: Subscriber, wanted: Change) -> None:
    stated, membership = wanted.model_fields_set, site.public.membership
    chosen = _chosen(site, wanted.topics)
    until = wanted.paused_until
    if until is not None and until not in coming_months():
        raise Wrong(("paused_until",), f"write one of {', '.join(coming_months())}, or null")
    if stated & {"name", "topics", "language", "timezone"}:
        membership.choose(
            person,
            name=wanted.name if "name" in stated else None,
            topics=chosen if "topics" in stated else None,
            language=wanted.language if "language" in stated else None,
            timezone=wanted.timezone if "timezone" in stated else None,
        )
    if "paused_until" in stated:
        membership.pause(person, until)
    if "status" in stated:
        membership.let_go(person)


async def _person(request: Request, person_id: str) -> Subscriber:
    get = site_of(request).public.ledger.subscribers.get
    person = await run_in_threadpool(get, person_id)
    if person is None:
        raise HTTPException(404)
    return person


async def _shown(request: Request, person: Subscriber | None) -> ShownSubscriber:
    public = site_of(request).public
    if person is None:
        raise HTTPException(404)
    try:
        dossier = await run_in_threadpool(public.subscriptions.dossier, person.email)
    except SubscriberError:  # erased meanwhile
        raise HTTPException(404) from None
    found = dossier.subscriber
    if found is None:
        raise HTTPException(404)
    return ShownSubscriber.model_validate(
        {
            "id": found.id,
            "email": found.email,
            "name": found.name,
            "topics": list(found.topics),
            "language": found.language,
            "timezone": found.timezone,
            "status": found.status,
            "paused_until": found.paused_until or None,
            "departure": dossier.departure and dossier.departure._asdict(),
            "suppression": dossier.suppression and asdict(dossier.suppression),
            "lifted_suppressions": [asdict(one) for one in dossier.lifted],
            "consents": [asdict(one) for one in dossier.consents],
            "deliveries": [one._asdict() for one in dossier.deliveries],
        }
    )
