"""What a text points at: its links, and the pictures that can come along with it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, unquote, urljoin

from newsletter.sources.links import link_fault

_KEPT: Final = "!#$%&'()*+,/:;=?@[]~"  # as they are: RFC 3986, and what is percent-encoded already
_MOST_BYTES: Final = 2_000_000  # of a picture in an issue
_SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp"})
_ODD: Final = re.compile(r"[^A-Za-z0-9_-]+")

_SERVER: Final = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)

FindFile = Callable[[str], bytes | None]  # a picture's address as the text has it -> its bytes


def _find_nothing(_address: str) -> None:
    return None


@dataclass(slots=True)
class Surroundings:
    """Where a text stood: its own web address, if known, and the files that lie beside it.

    Gathers the pictures taken, by their new names, and a line for whatever is left out.
    """

    address: str = ""
    find: FindFile = _find_nothing
    pictures: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    lost_links: list[str] = field(default_factory=list)

    def forget(self) -> None:
        """Drop what there is to tell so far."""
        self.notes.clear()
        self.lost_links.clear()

    def told(self) -> list[str]:
        """What there is to tell of the text."""
        if not self.lost_links:
            return self.notes
        count = len(self.lost_links)
        links = "a link was" if count == 1 else f"{count:,} links were"
        example = f"'{self.lost_links[0]}' is no whole address"
        return [*self.notes, f"{links} left off the words, which stay: {example}"]

    def link(self, href: str) -> str:
        """The link's address as an email can have it, or nothing where it cannot."""
        try:
            whole = quote(urljoin(self.address, href.strip()), safe=_KEPT)
            fault = link_fault(whole)
        except ValueError:
            fault = "it is no address"
        if fault:
            self.lost_links.append(_short(href))
            return ""
        return whole.replace("&", "&amp;") if re.search(r"&#?\w+;", whole) else whole

    def picture(self, src: str) -> str:
        """The name of a picture's copy in the issue, or nothing where it cannot come along."""
        src = src.strip()
        data = None if src.startswith("data:") else self.find(unquote(src))
        path = PurePosixPath(src.partition("?")[0].partition("#")[0])
        if fault := _fault(src, path.suffix.lower(), data):
            self.note(f"the picture '{_short(src)}' was left out: {fault}")
        if fault or data is None:
            return ""
        stem = _ODD.sub("-", unquote(path.stem)).strip("-")[:40] or "picture"
        name = f"{stem}-{sha256(data).hexdigest()[:6]}{path.suffix.lower()}"
        self.pictures[name] = data
        return name

    def note(self, words: str) -> None:
        """Remember what is to be told of this text."""
        if words not in self.notes:
            self.notes.append(words)


def _fault(src: str, suffix: str, data: bytes | None) -> str:
    """Why a picture cannot come along, or nothing."""
    if src.startswith("data:"):
        return "it stands in the text itself"
    if data is None:
        return "it is on a web server" if _SERVER.match(src) else "there is no such file"
    if suffix not in _SUFFIXES:
        return "its kind is not shown in emails"
    return "it has over 2 MB" if len(data) > _MOST_BYTES else ""


def _short(address: str) -> str:
    return address if len(address) <= 80 else f"{address[:79]}…"
