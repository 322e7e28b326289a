"""What every route has at hand."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from starlette.requests import Request

from newsletter.locales import LANGUAGES, language_for, translations
from newsletter.model.issue import Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.model.subscriber import Subscriber
from newsletter.web.forms import LONGEST_NAME, Form
from newsletter.web.meters import Meters
from newsletter.web.pages import Pages
from newsletter.web.postman import Postman
from newsletter.wiring import PublicSide

_NOBODY: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Site:
    """One newsletter's public side with its pages, its meters and who writes its letters."""

    public: PublicSide
    pages: Pages
    meters: Meters
    postman: Postman


class Choice(NamedTuple):
    """What somebody chose in a form; `fault` names what cannot be."""

    name: str
    topics: tuple[str, ...]
    language: str
    fault: str = ""


def site_of(request: Request) -> Site:
    """The site that a request is for."""
    site: Site = request.app.state.site
    return site


def client_of(request: Request) -> str:
    """The network that a visitor comes from: an IPv4 address, or the first half of an IPv6 one."""
    return network_of(request.client.host if request.client else _NOBODY)


def network_of(host: str) -> str:
    """The network of an address: all of an IPv4 one, the first half of an IPv6 one."""
    return ":".join(host.split(":")[:4]) if ":" in host and "." not in host else host


def chosen(site: Site, form: Form, person: Subscriber | None, page_language: str) -> Choice:
    """Name, topics and language as the form has them; without a field, as they are."""
    topics = tuple(dict.fromkeys(form.all("topics")))
    known = site.public.taxonomy.topics
    name = form.one("name") if "name" in form or person is None else person.name
    language = form.one("language")
    if not language:
        language = person.language if person else page_language
    elif language not in LANGUAGES:
        language = language_for(language, page_language)
    fault = ""
    if len(name) > LONGEST_NAME:
        fault = "name"
    elif not all(slug in known for slug in topics):
        fault = "topics"
    return Choice(name, in_order(site.public.taxonomy, topics), language, fault)


def in_order(taxonomy: Taxonomy, slugs: Collection[str]) -> tuple[str, ...]:
    """The known ones of the topics, in the taxonomy's order; none where they are all of them."""
    chosen = tuple(slug for slug in taxonomy.topics if slug in slugs)
    return () if len(chosen) == len(taxonomy.topics) else chosen


def consent_words(newsletter: Newsletter, language: str) -> str:
    """What somebody agrees to: shown beside the button, and kept with their consent."""
    words = translations(language).gettext(
        "Yes, send me %(name)s by email, once a month. It comes from %(organisation)s, "
        "%(postal_address)s (%(contact)s). I can leave at any time: every email has a link for it."
    )
    return words % {
        "name": newsletter.name,
        "organisation": newsletter.organisation,
        "postal_address": newsletter.postal_address,
        "contact": newsletter.contact,
    }
