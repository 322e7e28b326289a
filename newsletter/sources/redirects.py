"""redirects.toml -> the addresses that pages of the archive once had, and where they are now."""

import re
from pathlib import Path
from typing import Final

from newsletter.model.problem import Problem
from newsletter.textfile import decode, read_bytes
from newsletter.toml import Table, parse_toml

_PAGE: Final = re.compile(r"[0-9]{4}-[0-9]{2}(?:/[^/\s]+)?|(?:topics|types)/[a-z0-9-]+")
_MOST_BYTES: Final = 1_000_000


def read_redirects(path: Path, shown: str, problems: list[Problem]) -> dict[str, str]:
    """Old path of a page -> its new one, each without slashes at its ends; none without the file.

    What is wrong joins `problems`, and what is unusable is left out.
    """
    if not path.exists():
        return {}
    data = read_bytes(path, shown, limit=_MOST_BYTES)
    if isinstance(data, Problem):
        problems.append(data)
        return {}
    text, undecodable = decode(data, shown)
    problems += undecodable
    table = parse_toml(text, shown, problems) if text else None
    if table is None:
        return {}
    redirects = table.table("redirects")
    table.close()
    return {old: new for old in redirects if (new := _take(redirects, old))}


def _take(redirects: Table, old: str) -> str:
    new = redirects.take(old, str)
    for page in (old, new):
        if new and not (_PAGE.fullmatch(page) and ".." not in page):
            redirects.report(
                old, f"'{page}' is no page; write it as 2022-11/01-alliance or topics/alliance"
            )
            return ""
    return new
