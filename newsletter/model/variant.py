"""An issue as one choice of topics sees it, before and after rendering."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class WhenNothingMatches(StrEnum):
    """What somebody gets whose topics match no article of the month."""

    HEADLINES = "headlines"  # every article under "Also this month"
    EVERYTHING = "everything"  # the whole issue
    SKIP = "skip"  # no email


class MergeField(StrEnum):
    """A place in a rendered variant that is filled per subscriber."""

    GREETING = "greeting"
    UNSUBSCRIBE_URL = "unsubscribe_url"
    PREFERENCES_URL = "preferences_url"


@dataclass(frozen=True, slots=True)
class Variant:
    """One selection of full articles in one language, in the issue's order.

    `id` is safe as a file name and the same for the same selection, e.g. `en-all`, `fr-1-3`.
    """

    id: str
    month: str
    language: str
    full: tuple[str, ...]
    headlines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenText:
    """Text whose merge fields are still open: literals and fields in their order."""

    pieces: tuple[str | MergeField, ...]

    def filled(self, values: Mapping[MergeField, str]) -> str:
        """The text with each field replaced by its value, as it is: escaping is the caller's."""
        return "".join(
            values[piece] if isinstance(piece, MergeField) else piece for piece in self.pieces
        )


@dataclass(frozen=True, slots=True)
class RenderedVariant:
    """A variant ready for personalisation: the same for all its readers."""

    variant: Variant
    subject: str
    html: OpenText
    text: OpenText
