"""Months and moments as other programs write them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from newsletter.locales import LANGUAGES, month_name

_YEAR: Final = r"(?P<year>(?:19|20)\d\d)"
_NUMBERS: Final = re.compile(rf"{_YEAR}[-/.](?P<month>0[1-9]|1[0-2])")
_WORDS: Final = re.compile(rf"(?P<name>[^\W\d]+)\.?,? (?:de )?{_YEAR}")
_DATED_NAME: Final = re.compile(
    rf"(?<!\d){_YEAR}[-_]?(?P<month>0[1-9]|1[0-2])(?:[-_]?(?P<day>[0-3]\d))?(?!\d)"
)
_SHORTEST: Final = 3  # letters of a month's name; in French "jui" could be two


def month_of_heading(words: str) -> str:
    """The month that a line names and nothing else, as `November 2022`; else nothing."""
    line = words.strip(" \xa0#:–—-").replace("\xa0", " ").casefold()  # noqa: RUF001
    if len(line) > 30:
        return ""
    if found := _NUMBERS.fullmatch(line):
        return f"{found['year']}-{found['month']}"
    if (found := _WORDS.fullmatch(line)) and (number := _names().get(found["name"])):
        return f"{found['year']}-{number:02}"
    return ""


def date_in_name(name: str) -> str:
    """The day or month, `2013-04-02` or `2013-04`, in a file's name and those of its folders."""
    found = next(filter(None, map(_DATED_NAME.search, reversed(name.split("/")))), None)
    return "-".join(filter(None, found.group("year", "month", "day"))) if found else ""


def moment_of(text: str, zone: ZoneInfo) -> datetime | None:
    """The moment that a date of ISO 8601 or RFC 5322 means, on the clock of `zone`.

    One without an offset is taken for that clock's own.
    """
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
    if text.endswith(" UTC"):
        moment = moment.replace(tzinfo=UTC)
    return _on_clock(moment, zone)


def _on_clock(moment: datetime, zone: ZoneInfo) -> datetime | None:
    try:
        local = moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)
    except OverflowError:
        return None
    return local if 1900 <= local.year <= 2999 else None


@cache
def _names() -> dict[str, int]:
    """Every name of a month and its beginnings that no other month has."""
    names: dict[str, int] = {}
    for number in range(1, 13):
        for name in _full_names(number):
            for length in range(_SHORTEST, len(name) + 1):
                beginning = name[:length]
                names[beginning] = 0 if names.get(beginning, number) != number else number
    return names | {name: number for number in range(1, 13) for name in _full_names(number)}


def _full_names(number: int) -> Iterator[str]:
    for language in LANGUAGES:
        yield month_name(f"2000-{number:02}", language).partition(" ")[0].casefold()
