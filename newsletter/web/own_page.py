"""A person's own page: topics, name, language, a pause, their data, and the way out for good."""

import json
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from newsletter.model.subscriber import Subscriber
from newsletter.personalise.links import LinkPurpose
from newsletter.web.forms import Form, read_form
from newsletter.web.site import Site, chosen, client_of, consent_words, site_of
from newsletter.web.subscribing import no_such_link, too_many

routes = APIRouter(include_in_schema=False)

_MONTHS_AHEAD: Final = 6


@routes.api_route("/preferences", methods=["GET", "HEAD"])
async def show_link_form(request: Request) -> Response:
    """Where somebody without a link asks for theirs."""
    return site_of(request).pages.page(request, "link", {"email": "", "fault": ""})


@routes.post("/preferences")
async def send_link(request: Request) -> Response:
    """Owe the link to whoever has the address. The answer is the same if nobody has."""
    site, form = site_of(request), await read_form(request)
    language, address = site.pages.language(request), form.one("email")
    try:
        wait = await run_in_threadpool(
            site.public.membership.ask_for_link, address, language, client_of(request)
        )
    except ValueError:
        values = {"email": address, "fault": "email"}
        return site.pages.page(request, "link", values, status=422)
    if wait:
        return too_many(request, wait)
    site.postman.call()
    return site.pages.message(request, "link-sent", address=address)


@routes.api_route("/preferences/{token}", methods=["GET", "HEAD"])
async def show_page(request: Request, token: str) -> Response:
    """The page as the ledger has it."""
    person = await _whose(request, token)
    return no_such_link(request) if person is None else _page(request, person)


@routes.post("/preferences/{token}")
async def change(request: Request, token: str) -> Response:
    """One change: what the button says, or without one the topics, name and language."""
    person = await _whose(request, token)
    if person is None:
        return no_such_link(request)
    form = await read_form(request)
    change_it = _CHANGES.get(form.one("action"), _choose)
    return await change_it(request, token, person, form)


async def _whose(request: Request, token: str) -> Subscriber | None:
    membership = site_of(request).public.membership
    return await run_in_threadpool(membership.whose, LinkPurpose.PREFERENCES, token)


async def _choose(request: Request, token: str, person: Subscriber, form: Form) -> Response:
    site = site_of(request)
    choice = chosen(site, form, person, site.pages.language(request, person))
    if choice.fault:
        return _page(request, person, fault=choice.fault, status=422)
    membership = site.public.membership
    await run_in_threadpool(
        membership.choose,
        person,
        name=choice.name,
        topics=choice.topics,
        language=choice.language,
    )
    return await _again(request, token, "saved")


async def _pause(request: Request, token: str, person: Subscriber, form: Form) -> Response:
    until = form.one("until")
    if until and until not in coming_months():
        return _page(request, person, fault="until", status=422)
    membership = site_of(request).public.membership
    await run_in_threadpool(membership.pause, person, until or None)
    return await _again(request, token, "paused" if until else "resumed")


async def _come_back(request: Request, token: str, person: Subscriber, _: Form) -> Response:
    site = site_of(request)
    words = consent_words(site.public.newsletter, site.pages.language(request, person))
    membership = site.public.membership
    await run_in_threadpool(membership.come_back, person, words, client_of(request))
    return await _again(request, token, "returned")


async def _data(request: Request, _: str, person: Subscriber, __: Form) -> Response:
    data = await run_in_threadpool(site_of(request).public.membership.data, person)
    return Response(
        json.dumps(data, ensure_ascii=False, indent=2, default=datetime.isoformat) + "\n",
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="my-newsletter-data.json"'},
    )


async def _ask_whether(request: Request, _: str, person: Subscriber, __: Form) -> Response:
    return site_of(request).pages.page(request, "erase", person=person)


async def _erase(request: Request, _: str, person: Subscriber, __: Form) -> Response:
    site = site_of(request)
    await run_in_threadpool(site.public.membership.erase, person)
    return site.pages.message(request, "erased", person=person)


_CHANGES: Final = {
    "pause": _pause,
    "return": _come_back,
    "data": _data,
    "erase": _ask_whether,
    "erase-for-good": _erase,
}


async def _again(request: Request, token: str, done: str) -> Response:
    """The page after a change, which may have changed its language too."""
    person = await _whose(request, token)
    return no_such_link(request) if person is None else _page(request, person, done=done)


def _page(
    request: Request, person: Subscriber, *, done: str = "", fault: str = "", status: int = 200
) -> Response:
    site: Site = site_of(request)
    language = site.pages.language(request, person)
    values = {
        "person": person,
        "chosen": person.topics,
        "chosen_language": person.language or language,
        "unsubscribe_token": site.public.membership.unsubscribe_token(person),
        "coming_months": coming_months(),
        "words": consent_words(site.public.newsletter, language),
        "done": done,
        "fault": fault,
    }
    return site.pages.page(request, "preferences", values, person=person, status=status)


def coming_months() -> list[str]:
    """The months whose issue may be the first again, the next one first."""
    today = datetime.now(UTC)
    ahead = (today.year * 12 + today.month - 1 + n for n in range(1, _MONTHS_AHEAD + 1))
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in ahead]
