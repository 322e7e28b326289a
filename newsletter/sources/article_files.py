"""Which of a folder's files are the issue's articles, and in which order."""

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Final

from newsletter.model.problem import Problem, did_you_mean
from newsletter.sources.folder import IssueFolder
from newsletter.toml import Table

_STEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_TAKEN: Final = frozenset({"sent", "index.html"})  # by the issue's own pages in the archive
_NEARLY: Final = frozenset({".md", ".markdown", ".mdown", ".txt"})


def list_articles(folder: IssueFolder, table: Table | None) -> tuple[str, ...]:
    """The stems of the articles, as issue.toml's `articles` has them or else by name.

    Hidden files are nobody's articles. What is amiss is noted in `folder`.
    """
    names = _names(folder)
    present = [name.removesuffix(".md") for name in names if name.endswith(".md")]
    for name in names:
        if PurePath(name).suffix.casefold() in _NEARLY and not name.endswith(".md"):
            folder.warn(folder.shown_path(name), 1, "not read: an article's file ends in .md")
    chosen = _choose(table, present, folder) if table is not None else tuple(present)
    for stem, fault in _faults(chosen):
        folder.problems.append(Problem(folder.shown_path(f"{stem}.md"), 1, fault))
    return chosen


def _names(folder: IssueFolder) -> list[str]:
    try:
        entries = [path.name for path in folder.path.iterdir()]
    except OSError as error:
        message = f"the folder cannot be read: {error.strerror}"
        folder.problems.append(Problem(folder.shown, 1, message))
        return []
    return sorted(name for name in entries if not name.startswith("."))


def _choose(table: Table, present: Sequence[str], folder: IssueFolder) -> tuple[str, ...]:
    listed = table.take_list("articles", tuple(present))
    for place, stem in enumerate(listed):
        if stem not in present:
            hint = did_you_mean(stem, present)
            table.report("articles", f"there is no article '{stem}'{hint}")
        elif stem in listed[:place]:
            table.report("articles", f"the article '{stem}' stands here twice")
    if not listed:
        table.report(
            "articles", "the issue has no articles; write one in a file such as 01-name.md"
        )
    for stem in sorted(set(present) - set(listed)):
        message = "left out: issue.toml does not name it among its articles"
        folder.warn(folder.shown_path(f"{stem}.md"), 1, message)
    return tuple(stem for stem in dict.fromkeys(listed) if stem in present)


def _faults(stems: Sequence[str]) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for stem in stems:
        folded = stem.casefold()
        if not _STEM.fullmatch(stem):
            yield stem, "rename the file: a web address needs ASCII letters, digits, -, _ and dots"
        elif folded in _TAKEN:
            yield stem, f"rename the file: the archive has a page '{folded}' of its own"
        elif folded in seen:
            yield stem, f"rename the file: it differs from '{seen[folded]}.md' only in case"
        seen.setdefault(folded, stem)
