"""What a reader of somebody's archive hands over: its items, and what it left out and why."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from newsletter.backfile.pieces import Piece
from newsletter.backfile.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Item:
    """One post of an archive, or one article of a page. `where` is its place in the source.

    `read` gives its text; it may raise ValueError with what is wrong with it. `labels` are the
    source's own words for its topics.
    """

    where: str
    month: str
    title: str
    read: Callable[[Surroundings], Sequence[Piece]]
    order: str = ""  # within its month; alike ones keep the source's order
    slug: str = ""
    teaser: str = ""
    author: str = ""
    labels: tuple[str, ...] = ()
    surroundings: Callable[[], Surroundings] = Surroundings
    intro: Sequence[Piece] = ()  # what stands above its month's first article


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the source that does not become an article.

    `is_amiss` where it ought to have become one.
    """

    where: str
    title: str
    why: str
    is_amiss: bool = False


def undated(where: str, title: str) -> LeftOut:
    """An item whose month nobody can tell."""
    return LeftOut(where, title, "it has no date that can be read", is_amiss=True)


@dataclass(frozen=True, slots=True)
class PastArchive:
    """A source as it was understood: `kind` says what it was taken for."""

    kind: str
    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, kind: str, found: Iterable[Item | LeftOut], notes: Iterable[str] = ()
    ) -> "PastArchive":
        """What was found, either way, in the source's order."""
        both = tuple(found)
        return cls(
            kind,
            tuple(one for one in both if isinstance(one, Item)),
            tuple(one for one in both if isinstance(one, LeftOut)),
            tuple(dict.fromkeys(notes)),
        )
