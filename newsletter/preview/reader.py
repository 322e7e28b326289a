"""The one reader a page is for, and what they would get."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from newsletter.assemble import variant_by_id
from newsletter.desk import Desk
from newsletter.errors import NewsletterError
from newsletter.locales import LANGUAGES
from newsletter.model.issue import Issue
from newsletter.model.message import Address, Personalisation
from newsletter.model.subscriber import Subscriber, SubscriberGroup
from newsletter.model.variant import Variant
from newsletter.personalise.delivery_id import delivery_id
from newsletter.personalise.greeting import greeting
from newsletter.personalise.links import Links, LinkTokens
from newsletter.preview.view import View

_VARIANT: Final = re.compile(r"([a-z]+)-(all|headlines|[0-9]{1,3}(?:-[0-9]{1,3})*)")
_NOBODY: Final = "0" * 32
_KEY: Final = "preview"  # what it signs is refused by the public pages
_ADDRESS: Final = "reader@list.example"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody: their choice, and their variant, or none where they get no email.

    `can_be_tested` is whether these topics lead to this variant; `note` is what to know of them.
    """

    variant: Variant | None
    topics: tuple[str, ...] = ()
    language: str = ""
    name: str = ""
    email: str = _ADDRESS
    id: str = _NOBODY
    can_be_tested: bool = True
    note: str = ""

    def personalisation(self, desk: Desk, month: str, language: str) -> Personalisation:
        """What stands in their merge fields; the links are made with a key that opens nothing."""
        links = Links(desk.newsletter.base_url, LinkTokens([_KEY]))
        return Personalisation(
            delivery_id=delivery_id(desk.newsletter.list_id, month, self.id),
            recipient=Address(self.email, self.name),
            greeting=greeting(self.name, language),
            unsubscribe_url=links.unsubscribe_url(self.id),
            preferences_url=links.preferences_url(self.id),
        )


def choose_reader(
    view: View,
    desk: Desk,
    issue: Issue,
    typical: Mapping[Variant, SubscriberGroup],
    find: Callable[[str], Subscriber],
) -> Reader:
    """The reader that a view is for; `typical` are the readers of each variant somebody gets."""
    choose = desk.choice(issue)
    if view.subscriber:
        try:
            person = find(view.subscriber)
        except NewsletterError as error:
            return Reader(desk.whole(issue), note=str(error))
        variant = choose(person.topics, person.language)
        note = "" if person.status == "confirmed" else f"{person.email} is {person.status}"
        return Reader(
            variant, person.topics, person.language, person.name, person.email, person.id, note=note
        )
    if view.has_persona:
        known = tuple(topic for topic in view.topics if topic in desk.taxonomy.topics)
        unknown = ", ".join(topic for topic in view.topics if topic not in known)
        note = f"not in the taxonomy: {unknown}" if unknown else ""
        return Reader(choose(known, view.language), known, view.language, view.name, note=note)
    if not view.variant:
        return Reader(desk.whole(issue))
    return _of_variant(view.variant, desk, issue, typical)


def find_variant(variant_id: str, issue: Issue) -> Variant | None:
    """The variant of this id, if the issue has it; somebody may have typed the id."""
    found = _VARIANT.fullmatch(variant_id)
    if not found or found[1] not in LANGUAGES:
        return None
    numbers = [int(number) for number in found[2].split("-") if number.isdecimal()]
    if any(not 1 <= number <= len(issue.articles) for number in numbers):
        return None
    variant = variant_by_id(issue, variant_id)
    return variant if variant.id == variant_id else None


def _of_variant(
    variant_id: str, desk: Desk, issue: Issue, typical: Mapping[Variant, SubscriberGroup]
) -> Reader:
    variant = find_variant(variant_id, issue)
    if variant is None:
        note = f"this issue has no variant {variant_id}; here is the whole of it"
        return Reader(desk.whole(issue), note=note)
    if group := typical.get(variant):
        return Reader(variant, group.topics, group.language)
    is_whole = not variant.headlines
    return Reader(variant, (), variant.language, can_be_tested=is_whole)
