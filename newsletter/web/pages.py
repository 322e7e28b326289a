"""Pages from `templates/web/`, in the visitor's language."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from newsletter.locales import LANGUAGES, language_for, month_name
from newsletter.model.issue import Taxonomy
from newsletter.model.letter import Letter
from newsletter.model.newsletter import Newsletter
from newsletter.model.subscriber import Subscriber
from newsletter.templates import Templates

_MOST_TAGS: Final = 20
_NAMES: Final = {"en": "English", "fr": "Français"}


class Pages:
    """Sets the pages of one newsletter."""

    def __init__(self, newsletter: Newsletter, taxonomy: Taxonomy, templates: Templates) -> None:
        self._newsletter = newsletter
        self._taxonomy = taxonomy
        self._templates = templates
        self.style = templates.render("web/style.css", "en", {}).encode()
        self.icon = templates.render("web/icon.svg", "en", {"newsletter": newsletter}).encode()

    def language(self, request: Request, person: Subscriber | Letter | None = None) -> str:
        """What the address asks for, else the person's, the browser's, the newsletter's."""
        asked = request.query_params.get("lang", "")
        if asked in LANGUAGES:
            return asked
        if person and person.language:
            return language_for(person.language, self._newsletter.language)
        return _accepted(request) or language_for(self._newsletter.language, "en")

    def page(  # noqa: PLR0913 - what an answer may have
        self,
        request: Request,
        name: str,
        values: Mapping[str, Any] | None = None,
        *,
        person: Subscriber | Letter | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """The page of a template. Links within the site are relative: no header leads them away."""
        language = self.language(request, person)
        common = {
            "newsletter": self._newsletter,
            "home": "/".join([".."] * max(request.scope["path"].count("/") - 1, 0)) or ".",
            "languages": [(tag, _NAMES[tag]) for tag in LANGUAGES],
            "other_languages": [(tag, _NAMES[tag]) for tag in LANGUAGES if tag != language],
            "topic_groups": topic_groups(self._taxonomy),
            "month_name": lambda month: month_name(month, language),
        }
        html = self._templates.render(f"web/{name}.html", language, {**common, **(values or {})})
        return HTMLResponse(html, status, headers)

    def message(
        self,
        request: Request,
        topic: str,
        *,
        person: Subscriber | Letter | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,  # noqa: ANN401 - what the words name
    ) -> Response:
        """A page of a title and a few sentences: those of this topic in `message.html`."""
        return self.page(
            request,
            "message",
            {"topic": topic, **values},
            person=person,
            status=status,
            headers=headers,
        )


def topic_groups(taxonomy: Taxonomy) -> list[tuple[str, list[tuple[str, str]]]]:
    """The topics as (heading, [(slug, label), …]); those of no group are last, without one."""
    groups = [
        (heading, [(slug, taxonomy.topics[slug]) for slug in slugs])
        for heading, slugs in taxonomy.topic_groups.items()
    ]
    grouped = {slug for slugs in taxonomy.topic_groups.values() for slug in slugs}
    others = [(slug, label) for slug, label in taxonomy.topics.items() if slug not in grouped]
    return [*groups, ("", others)] if others else groups


def _accepted(request: Request) -> str:
    """The catalogues' language that the browser likes best (RFC 9110, 12.5.4), or nothing."""
    best, liking = "", 0.0
    for part in request.headers.get("accept-language", "").split(",")[:_MOST_TAGS]:
        tag, _, weight = part.strip().partition(";")
        primary = tag.partition("-")[0].strip().lower()
        try:
            liked = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if primary in LANGUAGES and liked > liking:
            best, liking = primary, liked
    return best
