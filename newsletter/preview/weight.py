"""What each part of an email's HTML weighs against what Gmail shows of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, Variant
from newsletter.render.fragments import Fragment, Fragments
from newsletter.render.renderer import CompiledIssue, shown_by

_HEAD_ENDS = "</head>"


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the HTML as its reader gets it."""

    name: str
    html: str

    @property
    def size(self) -> int:
        """Bytes in UTF-8."""
        return len(self.html.encode())


def weigh(
    compiled: CompiledIssue,
    variant: Variant,
    newsletter: Newsletter,
    values: Mapping[MergeField, str],
) -> list[Part]:
    """The parts of a variant's HTML in their order; joined they are the whole of it."""
    shown = shown_by(variant)
    places = [("view_url", newsletter.variant_url(variant.month, variant.id))]
    parts: list[Part] = []
    for name, fragment in _named(compiled.html):
        one = Fragments(compiled.html.marks, (fragment,)).join(shown, places).filled(values)
        if not one:
            continue
        if parts and parts[-1].name == name:
            one = parts.pop().html + one
        parts.append(Part(name, one))
    return parts


def _named(document: Fragments) -> Iterator[tuple[str, Fragment]]:
    """The fragments, each with the name of the part it belongs to."""
    first, *others = document.fragments
    head, ends, rest = first.text.partition(_HEAD_ENDS)
    yield "Head and styles", Fragment((), head + ends)
    yield "Opening", Fragment((), rest)
    name = "Opening"
    for place, fragment in enumerate(others, start=1):
        if fragment.within:
            name = _name(fragment.within[0])
        elif place == len(others):
            name = "Notices and footer"
        yield name, fragment


def _name(fragment: str) -> str:
    kind, _, article = fragment.partition(" ")
    match kind:
        case "full":
            return f"{article}.md"
        case "contents":
            return "In this issue"
        case _:
            return "Also this month"
