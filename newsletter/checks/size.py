"""How many bytes a variant's HTML has, against what Gmail shows."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from newsletter.assemble import variant_of
from newsletter.checks.proof import Proof, html_of
from newsletter.model.problem import Problem
from newsletter.model.variant import RenderedVariant, Variant

# Gmail shows the first 102 KB of an email and hides the rest, with the link to leave, behind
# "[Message clipped]". Counted in bytes of the decoded HTML.
GMAIL_CLIPS_AT: Final = 102_000
NEAR: Final = 90_000


class _Sized(NamedTuple):
    variant: Variant
    size: int


def check_size(proof: Proof) -> Iterator[Problem]:
    """A warning for the variants that Gmail would clip, a note for those that come near."""
    wholes = [_measure(whole) for whole in proof.wholes]
    if max(wholes, key=_size).size <= NEAR:  # every other variant is smaller
        return
    known = {one.variant for one in wholes}
    planned = proof.plan.variants if proof.plan else ()
    others = [_measure(proof.render(variant)) for variant in planned if variant not in known]
    sized = sorted([*wholes, *others], key=_size, reverse=True)
    place = proof.folder.issue()
    remedy = f"shorten an article; {_heaviest(proof)} is the heaviest"
    if clipped := [one for one in sized if one.size > GMAIL_CLIPS_AT]:
        message = (
            f"the HTML of {_names(clipped)}{_readers(proof, clipped)}; Gmail will clip it at "
            f"{GMAIL_CLIPS_AT:,} and hide the link to leave"
        )
        yield place.warning(message, remedy)
    if near := [one for one in sized if NEAR < one.size <= GMAIL_CLIPS_AT]:
        message = f"the HTML of {_names(near)}{_readers(proof, near)}, near {GMAIL_CLIPS_AT:,}"
        yield place.note(message, remedy)


def _measure(rendered: RenderedVariant) -> _Sized:
    return _Sized(rendered.variant, len(html_of(rendered).encode()))


def _size(one: _Sized) -> int:
    return one.size


def _names(sized: Sequence[_Sized]) -> str:
    first, *rest = sized
    more = f" (and of {len(rest)} more variants fewer)" if len(rest) > 1 else ""
    more = f" (and of {rest[0].variant.id} {rest[0].size:,})" if len(rest) == 1 else more
    return f"{first.variant.id} is {first.size:,} bytes{more}"


def _readers(proof: Proof, sized: Sequence[_Sized]) -> str:
    if proof.plan is None:
        return ""
    number = sum(proof.plan.variants.get(one.variant, 0) for one in sized)
    return f", for {number:,} of {proof.plan.recipients:,} readers"


def _heaviest(proof: Proof) -> str:
    """The article whose text takes the most bytes, with their number."""
    everything = range(len(proof.issue.articles))
    language = proof.language
    whole = len(html_of(proof.wholes[0]).encode())
    without = [
        _measure(proof.render(variant_of(proof.issue, set(everything) - {number}, language))).size
        for number in everything
    ]
    lightest = min(everything, key=without.__getitem__)
    name = f"{proof.issue.articles[lightest].id}.md"
    return f"{name}, {whole - without[lightest]:,} bytes,"
