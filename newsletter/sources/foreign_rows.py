"""One row of another program's export -> a subscriber's row, in our words.

What a row does not say, such as a name or topics, is left as it is stored: the other program
never knew what somebody chose here.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Final

from newsletter.addresses import parse_address
from newsletter.model.subscriber import SubscriberRow, SubscriptionStatus, SuppressionReason
from newsletter.sources.foreign_exports import ForeignExport, Standing, name_and_tags, split_tags
from newsletter.sources.subscriber_cells import (
    REMEMBERED,
    faults,
    parse_language,
    parse_line,
    parse_moment,
    unguard,
)
from newsletter.sources.tag_map import TagMap

_CONFIRMED: Final = SubscriptionStatus.CONFIRMED
_LANGUAGES: Final = {"english": "en", "anglais": "en", "french": "fr", "français": "fr"}
_ISO_LENGTH: Final = len("2022-11-15T09:00:00.000Z")
_ZONE: Final = re.compile(r"\s+([+-]\d{4})(?:\s+\S+)*$")  # as Go writes it: ' +0000 UTC'

_Pick = Callable[[Sequence[str]], str]
_PickAll = Callable[[Sequence[str]], tuple[str, ...]]
_Translation = tuple[tuple[str, ...] | None, tuple[str, ...]]  # topics, and tags not known


def foreign_row_parser(
    export: ForeignExport, names: Sequence[str], slugs: Iterable[str], tag_map: TagMap, file: str
) -> Callable[[list[str]], SubscriberRow]:
    """What turns the cells under a header of `names` into a row.

    It raises ValueError with everything that is wrong with the row. The date of somebody who is to
    be mailed must be readable, as the record of their consent would be lost with it. When somebody
    signed up who left, or never confirmed, is no consent.
    """
    pick_email, pick_agreed = _picker(names, export.email), _picker(names, export.agreed_at)
    pick_name, pick_details = _picker(names, export.whole_name), _picker(names, (export.details,))
    pick_first, pick_last = _picker(names, export.first_name), _picker(names, export.last_name)
    pick_language = _picker(names, export.language)
    pick_standing = _cells(names, export.standing_columns)
    pick_tags = _cells(names, (*export.tags, *tag_map.columns))
    translate = _translator(tag_map, tuple(slugs))

    @lru_cache(maxsize=REMEMBERED)
    def standing_of(cells: tuple[str, ...]) -> Standing:
        return export.standing(cells, file)

    def name_of(row: Sequence[str], noted: str) -> str:
        return pick_name(row) or f"{pick_first(row)} {pick_last(row)}".strip() or noted

    def parse_row(row: list[str]) -> SubscriberRow:
        row.append("")
        noted, noted_tags = name_and_tags(pick_details(row)) if export.details else ("", ())
        name = name_of(row, noted)
        try:
            standing = standing_of(pick_standing(row))
            email, key = parse_address(unguard(pick_email(row)))
            if isinstance(standing, SuppressionReason):
                return SubscriberRow(
                    email, key, consent_source=export.program, suppression=standing
                )
            name = parse_line(name)
            at = _parse_moment(pick_agreed(row)) if standing is _CONFIRMED else None
        except ValueError:
            raise ValueError("; ".join(find_faults(row, name))) from None
        topics, unknown = translate(pick_tags(row), noted_tags)
        if unknown:
            tag_map.unknown.update(unknown)
        language = _language(pick_language(row))
        source = export.program if standing is _CONFIRMED else ""
        return SubscriberRow(email, key, name or None, topics, language, standing, at, source)

    def find_faults(row: Sequence[str], name: str) -> Iterator[str]:
        cells: dict[str, tuple[str, Callable[[str], object]]] = {
            "email": (pick_email(row), lambda cell: parse_address(unguard(cell))),
            "name": (name, parse_line),
            "date": (pick_agreed(row), _parse_moment),
        }
        yield from faults(cells)
        try:
            export.standing(pick_standing(row), file)
        except ValueError as error:
            yield str(error)

    return parse_row


def _picker(names: Sequence[str], wanted: Sequence[str]) -> _Pick:
    """What gives the first cell that is not empty among the columns `wanted`."""
    places = [names.index(name) for name in wanted if name in names]
    match places:
        case []:
            return lambda _: ""
        case [only]:
            return lambda row: row[only].strip()
        case [first, second]:
            return lambda row: row[first].strip() or row[second].strip()
    return lambda row: next((cell for place in places if (cell := row[place].strip())), "")


def _cells(names: Sequence[str], wanted: Sequence[str]) -> _PickAll:
    """What gives the cells of the columns `wanted`, empty where there is no such column.

    The row must end in an empty cell.
    """
    places = [names.index(name) if name in names else -1 for name in wanted]
    if len(places) < 2:  # itemgetter gives a tuple for two and more alone
        return lambda row: tuple([row[place] for place in places])
    return itemgetter(*places)


def _translator(
    tag_map: TagMap, slugs: tuple[str, ...]
) -> Callable[[tuple[str, ...], tuple[str, ...]], _Translation]:
    """What turns cells of tags, and further tags, into topics in the taxonomy's order."""

    @lru_cache(maxsize=REMEMBERED)
    def translate(cells: tuple[str, ...], others: tuple[str, ...]) -> _Translation:
        tags = dict.fromkeys([*(tag for cell in cells for tag in split_tags(cell)), *others])
        chosen, unknown = tag_map.translate(tags)
        return tuple(slug for slug in slugs if slug in chosen) or None, unknown

    return translate


def _language(cell: str) -> str | None:
    """A tag, or one of our languages by its name; what else a column says is passed over."""
    if not cell:
        return None
    try:
        return _LANGUAGES.get(cell.casefold()) or parse_language(cell) or None
    except ValueError:
        return None


def _parse_moment(cell: str) -> datetime | None:
    try:
        return parse_moment(_ZONE.sub(r"\1", cell) if len(cell) > _ISO_LENGTH else cell)
    except ValueError as error:
        raise ValueError(
            f"{error}; where a spreadsheet rewrote the dates, import the file as it was exported"
        ) from None
