"""The search index. The only file that knows Pagefind (pagefind.app), a program of its own."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from newsletter.archive.files import ArchiveError, naming

FOLDER: Final = "pagefind"
ENTRY: Final = "pagefind-entry.json"  # names the others: it is written last
_ARTICLES: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]/*/index.html"
_OURS: Final = (".pf_fragment", ".pf_index", ".pf_meta", ".pf_filter", ".pagefind")
_SCRIPTS: Final = frozenset({"pagefind.js", "pagefind-worker.js", ENTRY})
_PATIENCE: Final = 300  # seconds


class NoSearch(ArchiveError):
    """The program that makes the index is not on this machine."""


def build_index(site: Path) -> dict[str, bytes]:
    """The index of the articles' pages in `site`: its files by path, `pagefind/...`.

    Raises NoSearch without Pagefind, and ArchiveError with its words where it fails.
    """
    program = _program()
    with TemporaryDirectory(prefix="newsletter-search-") as made:
        command = [str(program), "--site", str(site), "--output-path", made, "--glob", _ARTICLES]
        with naming(program):
            done = subprocess.run(  # noqa: S603 - the program of the package that we depend on
                [*command, "--quiet"],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_PATIENCE,
                check=False,
            )
        if done.returncode:
            words = " ".join((done.stderr or done.stdout).split())[:300]
            raise ArchiveError(f"the search index was not made: {words}", where=str(site))
        found = {
            f"{FOLDER}/{path.relative_to(made).as_posix()}": path.read_bytes()
            for path in sorted(Path(made).rglob("*"))
            if path.is_file() and (path.name in _SCRIPTS or path.name.endswith(_OURS))
        }
    entry = f"{FOLDER}/{ENTRY}"
    return {**{path: data for path, data in found.items() if path != entry}, entry: found[entry]}


def _program() -> Path:
    try:
        from pagefind.service import get_executable  # noqa: PLC0415 - its program may be missing

        program = get_executable() or Path()
    except (ImportError, OSError):
        program = Path()
    if not (program.is_file() and os.access(program, os.X_OK)):
        raise NoSearch("Pagefind is not on this machine (pip install 'pagefind[bin]')")
    return program
