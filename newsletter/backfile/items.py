"""What a reader of somebody's archive hands over: its items, and what it left out and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something of the source that does not become an article.

    `is_amiss` where it ought to have become one.
    """

    where: str
    title: str
    why: str
    is_amiss: bool = False


@dataclass(frozen=True, slots=True)
class PastArchive:
    """A source as it was understood: `kind` says what it was taken for."""

    kind: str
    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    intros: dict[str, Sequence[Piece]] = field(
        default_factory=dict
    )  # by month, before its articles
