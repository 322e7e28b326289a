"""The files of a source: those of a ZIP or a folder, read within bounds and never unpacked."""

import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit
from zlib import error as ZlibError  # noqa: N812 - an exception's name

from newsletter.backfile.surroundings import FindFile
from newsletter.errors import NewsletterError

MOST_BYTES: Final = 100_000_000  # of a file that is a whole archive
MOST_TEXT: Final = 2_000_000  # of one that is a post
MOST_PICTURE: Final = 20_000_000
_MOST_UNPACKED: Final = 1_000_000_000
_MOST_FILES: Final = 100_000


@dataclass(slots=True)
class SourceFiles:
    """Named files; names have `/` between folders. `shown` is what the source is called."""

    names: Sequence[str]
    shown: str
    _read: Callable[[str, int], bytes]
    _find: FindFile | None = None
    _left: int = _MOST_UNPACKED

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """A file's bytes. Raises NewsletterError where they cannot be had, or are more."""
        data = self._read(name, most)
        self._left -= len(data)
        if self._left < 0:
            what = f"more than {_MOST_UNPACKED // 1_000_000_000} GB unpacked; import it in parts"
            raise NewsletterError(what, where=self.shown)
        return data

    def ending(self, *suffixes: str) -> list[str]:
        """The names with one of these endings, in order."""
        return [name for name in self.names if name.lower().endswith(suffixes)]

    def find(self, address: str, home: str) -> bytes | None:
        """The file that a text in the folder `home` means by an address, if it is here."""
        if self._find:
            return self._find(address)
        try:
            path = urlsplit(address).path
        except ValueError:
            return None
        beside = os.path.normpath(f"{home}/{path}") if not path.startswith("/") else ""
        end = "/" + path.replace("__GHOST_URL__", "").strip("/")
        found = [beside] if beside in self.names else self._with_end(end)
        with suppress(NewsletterError):
            return self.read(found[0], MOST_PICTURE) if len(found) == 1 else None
        return None

    def _with_end(self, end: str) -> list[str]:
        return [name for name in self.names if f"/{name}".endswith(end)] if len(end) > 1 else []


def open_folder(path: Path) -> SourceFiles:
    """The files of a folder, hidden ones and what links lead to left alone."""
    names = sorted(_walk(path))

    def read(name: str, most: int) -> bytes:
        return read_bounded(path / name, f"{path}/{name}", most)

    return SourceFiles(names, str(path), read)


def open_zip(path: Path) -> SourceFiles:
    """The files of a ZIP. Raises NewsletterError where it is damaged or too large."""
    shown = str(path)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError):
        what = "this ZIP is cut off or damaged; export or copy it again"
        raise NewsletterError(what, where=shown) from None
    members = {info.filename: info for info in archive.infolist() if _is_wanted(info)}
    if len(members) > _MOST_FILES:
        raise NewsletterError(f"it holds more than {_MOST_FILES:,} files", where=shown)

    def read(name: str, most: int) -> bytes:
        where = f"{shown}: {name}"
        if members[name].flag_bits & 1:
            raise NewsletterError("the file is locked by a password; unpack it", where=where)
        try:
            with archive.open(members[name]) as file:
                data = file.read(most + 1)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, ZlibError, OSError):
            raise NewsletterError("the file is damaged in the ZIP", where=where) from None
        return _bounded(data, where, most)

    return SourceFiles(sorted(members), shown, read)


def find_beside(folder: Path) -> FindFile:
    """What finds the files that lie in a folder or below it."""

    def find(address: str) -> bytes | None:
        try:
            path = (folder / address).resolve()
            if path.is_relative_to(folder.resolve()) and path.is_file():
                return read_bounded(path, str(path))
        except (OSError, ValueError, NewsletterError):
            return None
        return None

    return find


def read_bounded(path: Path, shown: str, most: int = MOST_BYTES) -> bytes:
    """A file's bytes, at most so many. Raises NewsletterError."""
    try:
        with path.open("rb") as file:
            return _bounded(file.read(most + 1), shown, most)
    except OSError as error:
        raise NewsletterError(f"cannot be read: {error.strerror}", where=shown) from error


def _bounded(data: bytes, shown: str, most: int) -> bytes:
    if len(data) > most:
        what = f"it has more than {most // 1_000_000} MB; bring it in parts"
        raise NewsletterError(what, where=shown)
    return data


def _is_wanted(info: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(info.filename).parts
    is_hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in parts)
    return not info.is_dir() and not is_hidden


def _walk(root: Path) -> Iterator[str]:
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "node_modules")
        for name in names:
            count += 1
            if count > _MOST_FILES:
                raise NewsletterError(f"holds more than {_MOST_FILES:,} files", where=str(root))
            path = Path(folder, name)
            if not name.startswith(".") and not path.is_symlink():
                yield path.relative_to(root).as_posix()
