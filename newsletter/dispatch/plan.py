"""Who gets what: decided from counts alone, before anything is promised. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from newsletter.model.delivery import SkipReason
from newsletter.model.subscriber import SubscriberGroup
from newsletter.model.variant import Variant

# The variant for these topics and this language; nothing where none of the topics matches.
VariantChoice = Callable[[tuple[str, ...], str], Variant | None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Recipients per variant, those with the most full articles first, and who gets nothing."""

    month: str
    variants: Mapping[Variant, int]
    skipped: Mapping[SkipReason, int]

    @property
    def recipients(self) -> int:
        """How many subscribers get an email."""
        return sum(self.variants.values())


def make_plan(month: str, groups: Iterable[SubscriberGroup], choose: VariantChoice) -> Plan:
    """The plan for everybody stored."""
    variants: dict[Variant, int] = {}
    skipped: dict[SkipReason, int] = {}
    for group in groups:
        variant = None if group.skipped else choose(group.topics, group.language)
        if variant:
            variants[variant] = variants.get(variant, 0) + group.subscribers
        else:
            reason = group.skipped or SkipReason.NOTHING_MATCHES
            skipped[reason] = skipped.get(reason, 0) + group.subscribers
    in_order = sorted(variants.items(), key=lambda item: (-len(item[0].full), item[0].id))
    return Plan(month, dict(in_order), {r: skipped[r] for r in SkipReason if r in skipped})
