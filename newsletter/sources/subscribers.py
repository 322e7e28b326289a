"""A subscriber list in CSV -> rows, one after the other, or what is wrong with each.

Our own columns are exact: a column that is not known is an error, as it may be one misspelt. The
exports of other programs are known by their headers, and what we do not use of them is passed over.
"""

import csv
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Final

from newsletter.model.issue import Taxonomy
from newsletter.model.problem import Problem, Severity, did_you_mean
from newsletter.model.subscriber import SubscriberRow, SubscriptionStatus
from newsletter.sources.doubtful_addresses import THROWAWAY_DOMAINS, doubt
from newsletter.sources.foreign_exports import ForeignExport, recognise
from newsletter.sources.foreign_rows import foreign_row_parser
from newsletter.sources.subscriber_cells import COLUMNS, row_parser
from newsletter.sources.tag_map import TagMap, plain_tag_map

_CSV_FAULTS: Final = {
    "unexpected end of data": "a quotation mark opened here is never closed",
    "field larger than field limit": "a quotation mark opened here is not closed",
    "',' expected after": "a quotation mark inside a quoted field must be doubled",
}

_CONFIRMED: Final = SubscriptionStatus.CONFIRMED

_OPTIONAL: Final = frozenset({"name", "topics", "language", "timezone"})
_Rows = Iterator[tuple[int, list[str] | str]]  # a row or why there is none, with its first line
_ParseRow = Callable[[list[str]], SubscriberRow]


def read_subscribers(  # noqa: PLR0913 - the last three have their usual values
    path: Path,
    shown: str,
    taxonomy: Taxonomy,
    tag_map: TagMap | None = None,
    tell: Callable[[ForeignExport], None] = lambda _: None,
    *,
    throwaway: Collection[str] = THROWAWAY_DOMAINS,
) -> Iterator[SubscriberRow | Problem]:
    """The rows of a list, streamed; a bad one is one problem with all that is wrong with it.

    Where the header cannot be used, its problems come and nothing else. A row's line is the one on
    which it begins. Blank rows count for nothing. Topics are slugs in the taxonomy's order. Where
    another program wrote the file, `tell` is called with it, and its tags become topics by
    `tag_map`, which counts those it does not know. After the confirmed row of a doubtful address
    comes a warning.
    """

    def parser(header: list[str]) -> _ParseRow:
        names = [_column(cell) for cell in header]
        export = None if set(names) <= set(COLUMNS) else recognise(names)
        if export is None:
            return _own_parser(names, taxonomy)
        tell(export)
        tags = tag_map or plain_tag_map(taxonomy)
        columns = tuple(_column(column) for column in tags.columns)
        tags = TagMap(tags.topics, columns, tags.unknown)
        return foreign_row_parser(export, names, taxonomy.topics, tags, path.name)

    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield from _read(_number_rows(file), shown, parser, throwaway)
    except FileNotFoundError:
        yield Problem(shown, 1, "there is no such file")
    except OSError as error:
        yield Problem(shown, 1, f"cannot be read: {error.strerror}")


def _number_rows(lines: Iterable[str]) -> _Rows:
    reader = csv.reader(lines, strict=True)
    line = 1
    while True:
        try:
            for row in reader:
                yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            known = (fault for words, fault in _CSV_FAULTS.items() if words in str(error))
            skipped = f"; lines {line} to {reader.line_num} are not read"
            yield line, next(known, str(error)) + (skipped if reader.line_num > line else "")
            line = reader.line_num + 1
        else:
            return


def _read(
    rows: _Rows,
    shown: str,
    parser: Callable[[list[str]], _ParseRow],
    throwaway: Collection[str],
) -> Iterator[SubscriberRow | Problem]:
    header_line, header = next((row for row in rows if row[1]), (1, "the file is empty"))
    faults = [header] if isinstance(header, str) else list(_header_faults(header))
    if faults or isinstance(header, str):
        yield from (Problem(shown, header_line, fault) for fault in faults)
        return
    parse_row, width = parser(header), len(header)
    for line, row in rows:
        if isinstance(row, str):
            yield Problem(shown, line, row)
        elif len(row) == width:
            try:
                yield (parsed := parse_row(row))
                if parsed.status is _CONFIRMED and (doubtful := doubt(parsed.key, throwaway)):
                    yield Problem(shown, line, doubtful, Severity.WARNING)
            except ValueError as error:
                if any(map(str.strip, row)):
                    yield Problem(shown, line, str(error))
        elif any(map(str.strip, row)):
            yield Problem(shown, line, f"{len(row)} fields where the header has {width}")


def _own_parser(names: list[str], taxonomy: Taxonomy) -> _ParseRow:
    # A column that the file lacks is read from the empty cell added to each row.
    pick = itemgetter(*(names.index(name) if name in names else -1 for name in COLUMNS))
    # Absent, these leave what is stored alone: an empty cell would be a statement.
    parse_cells = row_parser(taxonomy, _OPTIONAL.difference(names))

    def parse_row(row: list[str]) -> SubscriberRow:
        row.append("")
        return parse_cells(pick(row))

    return parse_row


def _column(cell: str) -> str:
    return re.sub(r"[\s_-]+", "_", cell.strip()).casefold()


def _header_faults(header: list[str]) -> Iterator[str]:
    names = [_column(cell) for cell in header]
    if len(names) == 1 and re.search(r"[;\t|]", header[0]):
        yield "the columns must be parted by commas"
    elif not "".join(header).isprintable():
        yield "the header is not UTF-8 text in one line; save the file as UTF-8 CSV"
    elif recognise(names) is None or set(names) <= set(COLUMNS):
        for place, name in enumerate(names):
            if name not in COLUMNS:
                yield f"unknown column '{header[place].strip()}'{did_you_mean(name, COLUMNS)}"
            elif name in names[:place]:
                yield f"the column '{name}' stands here twice"
        if "email" not in names:
            yield "there is no column 'email'"
