"""One row of a subscriber list, cell by cell.

Every parser of a cell raises ValueError with what is wrong, which never repeats the address.

A spreadsheet takes a cell that begins with = + - or @ for a formula, and runs it
(https://owasp.org/www-community/attacks/CSV_Injection). So such a cell is written with an
apostrophe before it, and one such apostrophe is taken away when it is read. A cell that begins
with apostrophes before one of these characters gets one more, so that each comes back as it was.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from newsletter import values
from newsletter.addresses import ParsedAddress, parse_address
from newsletter.model.issue import Taxonomy
from newsletter.model.problem import did_you_mean
from newsletter.model.subscriber import SubscriberRow, SubscriptionStatus
from newsletter.sources.taxonomy import slugs_by_name, suggest_slug
from newsletter.textfile import has_control_characters

COLUMNS: Final = (
    *("email", "name", "topics", "language", "status", "consent_at", "consent_source"),
    "timezone",
)

REMEMBERED: Final = 10_000  # distinct cells of a column; memory stays flat

_FORMULA: Final = re.compile("'*[=+@-]")
_GUARDED: Final = re.compile("'+[=+@-]")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8})*")
_UNDECODED: Final = re.compile("[\udc80-\udcff]")  # what surrogateescape makes of a stray byte
_LONGEST_LINE: Final = 200


def row_parser(
    taxonomy: Taxonomy, absent: Collection[str] = ()
) -> Callable[[Sequence[str]], SubscriberRow]:
    """What turns the cells of COLUMNS, in their order, into a row.

    The `absent` ones come out as None, whatever their cells. It raises ValueError with everything
    that is wrong with the row.
    """
    in_order: tuple[Callable[[str], Any], ...] = (
        _parse_address,
        parse_line,
        _topics_parser(taxonomy.topics),
        parse_language,
        _parse_status,
        parse_moment,
        parse_line,
        parse_timezone,
    )
    parsers = dict(zip(COLUMNS, in_order, strict=True)) | dict.fromkeys(absent, _say_nothing)
    _, name_of, topics_of, language_of, status_of, moment_of, source_of, timezone_of = (
        parsers.values()
    )

    def parse_row(cells: Sequence[str]) -> SubscriberRow:
        email, name, topics, language, status, consent_at, consent_source, timezone = cells
        try:
            return SubscriberRow(
                *_parse_address(email),
                name_of(name),
                topics_of(topics),
                language_of(language),
                status_of(status),
                moment_of(consent_at),
                source_of(consent_source),
                None,
                timezone_of(timezone),
            )
        except ValueError:
            named = {
                column: (cell, parse)
                for cell, (column, parse) in zip(cells, parsers.items(), strict=True)
            }
            raise ValueError("; ".join(faults(named))) from None

    return parse_row


def _say_nothing(_cell: str) -> None: ...


def faults(cells: Mapping[str, tuple[str, Callable[[str], object]]]) -> Iterator[str]:
    """What is wrong with a row: columns with their cells, and what each is parsed by."""
    if stray := _UNDECODED.search("".join(cell for cell, _ in cells.values())):
        byte = ord(stray[0]) - 0xDC00
        yield f"not UTF-8 text (byte 0x{byte:02x}); save the file as UTF-8"
        return
    for column, (cell, parse) in cells.items():
        try:
            parse(cell)
        except ValueError as error:
            yield f"{column}: {error}"


def guard(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguard(cell: str) -> str:
    """The cell that `guard` was given."""
    cell = cell.strip()
    return cell[1:] if cell[:1] == "'" and _GUARDED.match(cell) else cell


def _parse_address(cell: str) -> ParsedAddress:
    # The first test is quick: nearly every address passes through here unchanged.
    return parse_address(unguard(cell) if "'" in cell else cell)


def parse_line(cell: str) -> str:
    """One line of text, such as a name."""
    line = cell.strip()
    if line[:1] == "'":
        line = unguard(line)
    if len(line) > _LONGEST_LINE:
        raise ValueError(f"has {len(line)} characters; {_LONGEST_LINE} is the most")
    # The first test is quick and settles nearly every line; a no-break space needs the second.
    if not line.isprintable() and has_control_characters(line):
        raise ValueError("must be one line, without control characters")
    return line


def _topics_parser(topics: Mapping[str, str]) -> Callable[[str], tuple[str, ...]]:
    """What turns `;`-separated slugs or labels into slugs in the taxonomy's order, each once."""
    slugs = tuple(topics)
    places = {name: slugs.index(slug) for name, slug in slugs_by_name(topics).items()}

    def find(word: str) -> int:
        place = places.get(word.casefold())
        if place is None:
            raise ValueError(f"there is no topic '{word}'{suggest_slug(word, topics)}")
        return place

    @lru_cache(maxsize=REMEMBERED)
    def parse_topics(cell: str) -> tuple[str, ...]:
        words = unguard(cell).split(";")
        try:
            chosen = {places[word] for word in words}
        except KeyError:  # blanks, capitals, nothing between two semicolons, or a wrong word
            chosen = {find(word) for word in map(str.strip, words) if word}
        return tuple([slugs[place] for place in sorted(chosen)])

    return parse_topics


@lru_cache(maxsize=REMEMBERED)
def parse_language(cell: str) -> str:
    """A language tag (BCP 47) in its usual case, as `pt-BR` or `zh-Hant`, or nothing."""
    primary, *others = cell.strip().replace("_", "-").lower().split("-")
    tag = "-".join([primary, *map(_in_usual_case, others)])
    if tag and not _LANGUAGE.fullmatch(tag.lower()):
        raise ValueError(f"'{tag}' is no language tag such as en or fr-CA")
    return tag


def _in_usual_case(subtag: str) -> str:
    if len(subtag) == 4 and subtag.isalpha():
        return subtag.title()
    return subtag.upper() if len(subtag) == 2 else subtag


@lru_cache(maxsize=REMEMBERED)
def _parse_status(cell: str) -> SubscriptionStatus:
    word = cell.strip().casefold()
    if word in set(SubscriptionStatus):
        return SubscriptionStatus(word)
    if not word:
        return SubscriptionStatus.CONFIRMED
    hint = did_you_mean(word, SubscriptionStatus)
    raise ValueError(f"'{word}' must be {', '.join(SubscriptionStatus)} or nothing{hint}")


@lru_cache(maxsize=REMEMBERED)
def parse_timezone(cell: str) -> str:
    """The name of a time zone of the IANA database, or nothing."""
    name = cell.strip()
    if not name:
        return ""
    try:
        return values.parse_timezone(name).key
    except ValueError as error:
        raise ValueError(f"'{name}' {error}") from None


def parse_moment(cell: str) -> datetime | None:
    """The moment in UTC. Without an offset, also for a date alone, the cell is taken as UTC.

    Most programs export UTC. A refusal would lose the record of a consent, and a local offset
    guessed here would be no truer.
    """
    text = cell.strip()
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date and time such as 2022-11-15T09:00:00-05:00") from None
