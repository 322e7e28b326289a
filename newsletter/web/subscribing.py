"""Signing up, and confirming what was asked for."""

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Final

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from newsletter.addresses import parse_address
from newsletter.ledger.memberships import Joining
from newsletter.membership import SignUp
from newsletter.web.forms import Form, read_form
from newsletter.web.site import Choice, Site, chosen, client_of, consent_words, site_of

routes = APIRouter(include_in_schema=False)

HONEYPOT: Final = "website"
_QUICKEST: Final = timedelta(seconds=1)  # in which a person, helped by the browser, fills it in


@routes.api_route("/subscribe", methods=["GET", "HEAD"])
async def show_form(request: Request) -> Response:
    """The form."""
    return _form(request)


@routes.post("/subscribe")
async def sign_up(request: Request) -> Response:
    """Owe a confirmation. The answer is the same whoever the address is."""
    site, form = site_of(request), await read_form(request)
    language = site.pages.language(request)
    if form.one(HONEYPOT):
        site.meters.sign_ups.labels("trapped").inc()
        return site.pages.message(request, "asked", address=form.one("email"), throwaway="")
    choice = chosen(site, form, None, language)
    fault = choice.fault or ("quick" if _is_too_quick(site, form) else "")
    words = consent_words(site.public.newsletter, language)
    wait = None
    if not fault:
        filled = SignUp(form.one("email"), choice.name, choice.topics, choice.language, words)
        try:
            wait = await run_in_threadpool(
                site.public.membership.sign_up, filled, client_of(request)
            )
        except ValueError:
            fault = "email"
    if fault:
        site.meters.sign_ups.labels("refused").inc()
        return _form(request, form, choice, fault)
    if wait:
        site.meters.sign_ups.labels("limited").inc()
        return too_many(request, wait)
    site.meters.sign_ups.labels("asked").inc()
    site.postman.call()
    domain = parse_address(form.one("email")).key.rpartition("@")[2]
    throwaway = domain if domain in site.public.throwaway_domains else ""
    return site.pages.message(request, "asked", address=form.one("email"), throwaway=throwaway)


@routes.api_route("/confirm/{token}", methods=["GET", "HEAD"])
async def show_button(request: Request, token: str) -> Response:
    """A page with one button: who opens links to look at them confirms nothing."""
    site = site_of(request)
    letter = await run_in_threadpool(site.public.membership.signed_up, token)
    if letter is None:
        return no_such_link(request)
    if letter.confirmed_at:
        return site.pages.message(request, "used", person=letter)
    return site.pages.page(request, "confirm", {"words": letter.words}, person=letter)


@routes.post("/confirm/{token}")
async def confirm(request: Request, token: str) -> Response:
    """Subscribe, as the form said; once for each link."""
    site = site_of(request)
    membership = site.public.membership
    letter = await run_in_threadpool(membership.signed_up, token)
    if letter is None:
        return no_such_link(request)
    joining = await run_in_threadpool(membership.confirm, letter, client_of(request))
    if joining is Joining.USED_BEFORE:
        return site.pages.message(request, "used", person=letter)
    site.meters.sign_ups.labels("confirmed").inc()
    site.postman.call()
    return site.pages.message(request, "confirmed", person=letter)


def no_such_link(request: Request) -> Response:
    """The same for every link that is none of ours, or whose person is gone."""
    return site_of(request).pages.message(request, "no-such-link", status=404)


def too_many(request: Request, wait: timedelta) -> Response:
    """Too much was asked; when to come again."""
    seconds = ceil(wait.total_seconds())
    return site_of(request).pages.message(
        request,
        "too-many",
        status=429,
        headers={"Retry-After": str(seconds)},
        minutes=ceil(seconds / 60),
    )


def _form(
    request: Request, form: Form | None = None, choice: Choice | None = None, fault: str = ""
) -> Response:
    site, form = site_of(request), form or Form()
    language = site.pages.language(request)
    values = {
        "email": form.one("email"),
        "name": choice.name if choice else "",
        "chosen": choice.topics if choice else (),
        "chosen_language": choice.language if choice else language,
        "fault": fault,
        "honeypot": HONEYPOT,
        "words": consent_words(site.public.newsletter, language),
        "stamp": site.public.stamps.stamp(
            datetime.now(UTC) - (_QUICKEST if fault else timedelta())
        ),
    }
    return site.pages.page(request, "subscribe", values, status=422 if fault else 200)


def _is_too_quick(site: Site, form: Form) -> bool:
    """Whether the form was answered before a person could have read it.

    A form on the organisation's own site has no stamp and is taken: the limits hold for it too.
    """
    if "shown" not in form:
        return False
    age = site.public.stamps.age(form.one("shown"), datetime.now(UTC))
    return age is None or age < _QUICKEST
