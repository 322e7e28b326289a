"""A file or folder that holds an archive -> what it holds, its kind told by its content."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final
from zoneinfo import ZoneInfo

from newsletter.backfile.articles import Editor
from newsletter.backfile.dates import month_of_heading
from newsletter.backfile.encodings import decode
from newsletter.backfile.feeds import read_feed
from newsletter.backfile.files import (
    SourceFiles,
    find_beside,
    open_folder,
    open_zip,
    read_bounded,
)
from newsletter.backfile.ghost import read_ghost
from newsletter.backfile.items import LeftOut, PastArchive
from newsletter.backfile.markdown_files import MARKDOWN, read_markdown
from newsletter.backfile.pages import read_html_page, read_text_page
from newsletter.backfile.substack import SUBSTACK_LIST, read_substack
from newsletter.backfile.surroundings import FindFile
from newsletter.backfile.xml_files import parse_xml
from newsletter.errors import NewsletterError
from newsletter.markdown import foreign_html

_EXPECTED: Final = (
    "expected is a page's text or HTML, a WordPress export, an RSS or Atom feed, a Substack or "
    "Ghost export, a folder or ZIP of Markdown"
)
_FOREIGN: Final = {
    b"%PDF": "a PDF; save the page it came from as HTML or text",
    b"\xd0\xcf\x11\xe0": "an old Office document; save it as a web page (HTML)",
    b"{\\rtf": "a Rich Text document; save it as a web page (HTML)",
    b"\x1f\x8b": "packed with gzip; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it and name the folder",
    b"Rar!": "a RAR archive; unpack it and name the folder",
}
_HTML: Final = re.compile(
    r"\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_MARKUP: Final = re.compile(r"<(?:p|h[1-6]|div|li|br|article|section)\b[^>]*>", re.IGNORECASE)
_XML: Final = ("<?xml", "<rss", "<feed", "<rdf")
_LOOK: Final = 100_000  # letters among which a page shows that it is HTML
_FRONT_MATTER: Final = re.compile(r"\s*(?:---|\+\+\+)[ \t]*\n")
_HEADING: Final = re.compile(r"^#{1,6} .*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _File:
    """One file, by itself or out of several. `find` gives the pictures that lie beside it."""

    name: str
    data: bytes
    shown: str
    find: FindFile


class Opener:
    """Reads any of the kinds; `zone` is whose clock tells a post's month."""

    def __init__(self, editor: Editor, zone: ZoneInfo) -> None:
        self._editor = editor
        self._zone = zone

    def open(self, path: Path) -> PastArchive:
        """What `path` holds. Raises NewsletterError where that cannot be told or read."""
        if not path.exists():
            raise NewsletterError("there is no such file", where=str(path))
        if path.is_dir():
            return self._read_files(open_folder(path))
        data = read_bounded(path, str(path))
        if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return self._read_files(open_zip(path))
        return self._read_file(_File(path.name, data, str(path), find_beside(path.parent)))

    def _read_files(self, files: SourceFiles) -> PastArchive:
        if "[Content_Types].xml" in files.names:
            what = "this is an Office document; save it as a web page (HTML)"
            raise NewsletterError(what, where=files.shown)
        lists = [name for name in files.names if name.rpartition("/")[2] == SUBSTACK_LIST]
        if lists:
            return read_substack(files, lists[0], self._zone)
        if files.ending(*MARKDOWN):
            return read_markdown(files, self._zone)
        for suffixes in ((".xml",), (".json",), (".html", ".htm"), (".txt",)):
            if names := files.ending(*suffixes):
                return self._read_members(files, names)
        raise NewsletterError(f"nothing in it can be imported; {_EXPECTED}", where=files.shown)

    def _read_members(self, files: SourceFiles, names: Sequence[str]) -> PastArchive:
        """The parts of an export that was split, or came among other files."""
        archives: list[PastArchive] = []
        others: list[LeftOut] = []
        for name in names:
            try:
                archives.append(self._read_file(_member(files, name)))
            except NewsletterError as error:
                others.append(LeftOut(name, "", error.what))
                if len(others) == len(names):
                    raise
        joined = _joined(archives)
        return replace(joined, left_out=(*joined.left_out, *others))

    def _read_file(self, file: _File) -> PastArchive:
        for beginning, what in _FOREIGN.items():
            if file.data.startswith(beginning):
                raise NewsletterError(f"this is {what}", where=file.shown)
        text, notes = decode(file.data, file.shown)
        archive = self._read_text(file, text)
        return replace(archive, notes=tuple(dict.fromkeys([*notes, *archive.notes])))

    def _read_text(self, file: _File, text: str) -> PastArchive:
        """The archive in a file's text, its kind told by how that begins."""
        beginning, shown = text.lstrip(), file.shown
        if not beginning:
            raise NewsletterError("the file is empty", where=shown)
        is_page = _HTML.match(beginning) or len(_MARKUP.findall(beginning[:_LOOK])) > 2
        if beginning.startswith("{"):
            known = read_ghost(text, shown, self._zone, file.find)
        elif beginning.startswith(_XML) and not _HTML.match(beginning.partition("?>")[2]):
            known = read_feed(parse_xml(text, shown), self._zone)
        elif is_page or beginning.startswith(_XML):
            known = read_html_page(text, shown, self._editor, file.find)
        elif _FRONT_MATTER.match(text):
            known = read_markdown(_alone(file), self._zone)
        elif any(map(month_of_heading, _HEADING.findall(text))):
            known = read_html_page(foreign_html(text), shown, self._editor, file.find)
        else:
            known = read_text_page(text, shown, self._editor)
        if known is None:
            raise NewsletterError(f"it is of no known kind; {_EXPECTED}", where=shown)
        return known


def _alone(file: _File) -> SourceFiles:
    return SourceFiles((file.name,), file.shown, lambda _name, _most: file.data, file.find)


def _member(files: SourceFiles, name: str) -> _File:
    find = partial(files.find, home=str(PurePosixPath(name).parent))
    return _File(name, files.read(name), f"{files.shown}/{name}", find)


def _joined(archives: list[PastArchive]) -> PastArchive:
    kinds = list(dict.fromkeys(archive.kind for archive in archives))
    return PastArchive(
        f"{kinds[0]} in {len(archives)} files" if len(archives) > 1 else kinds[0],
        tuple(item for archive in archives for item in archive.items),
        tuple(left for archive in archives for left in archive.left_out),
        tuple(dict.fromkeys(note for archive in archives for note in archive.notes)),
    )
