"""ARCHIVE's door: the site and the copies of what was sent, brought up to date on disk."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any, Final

from newsletter.archive.files import ArchiveError, locked, naming, remove, write_whole
from newsletter.archive.pages import PublishedIssue, build_pages
from newsletter.model.issue import Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates

__all__ = [
    "PublishReport",
    "PublishedIssue",
    "SentVariant",
    "publish_sent",
    "publish_site",
    "sent_months",
    "write_variants",
]

_LIST: Final = ".published.json"  # the site's files: no other is ever removed
_MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True)
class PublishReport:
    """What became of the files of one publication, by their paths in the archive, sorted."""

    written: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentVariant:
    """A variant as it was sent, its merge fields filled with what belongs to nobody.

    `articles` are those in full, by their file stems.
    """

    id: str
    articles: tuple[str, ...]
    html: str
    text: str


def publish_site(
    folder: Path,
    issues: Sequence[PublishedIssue],
    *,
    newsletter: Newsletter,
    taxonomy: Taxonomy,
    templates: Templates,
) -> PublishReport:
    """Make the site in `folder` that of these issues: write what changed, remove what is over.

    The same issues, in any order, give the same bytes. Only what an earlier call wrote is ever
    removed. Killed at any moment, it leaves whole files, and the next call finishes the work.
    Raises RenderError before anything is written, and ArchiveError where the disk refuses.
    """
    files = build_pages(issues, newsletter=newsletter, taxonomy=taxonomy, templates=templates)
    with locked(folder):
        before = _read_list(folder)
        _write_list(folder, before | files.keys())
        written = {path for path, content in files.items() if _put(folder / path, content)}
        over = before - files.keys()
        for path in sorted(over):
            remove(folder / path, folder)
        _write_list(folder, files.keys())
    return _report(written, files.keys() - written, over)


def publish_sent(folder: Path, month: str, variants: Sequence[SentVariant]) -> PublishReport:
    """Add the copies of what was sent of a month, in `<month>/sent/`; earlier copies stay.

    Raises ArchiveError where the disk refuses or the manifest that is there cannot be read.
    """
    sent = f"{month}/sent"
    with locked(folder):
        earlier = _read_json(folder / sent / _MANIFEST) or {}
        files = _copies(variants, earlier)
        written = {name for name, data in files.items() if write_whole(folder / sent / name, data)}
    return _report(
        (f"{sent}/{name}" for name in written),
        (f"{sent}/{name}" for name in files.keys() - written),
    )


def sent_months(folder: Path) -> set[str]:
    """The months of which there are copies of what was sent."""
    return {manifest.parents[1].name for manifest in folder.glob(f"*/sent/{_MANIFEST}")}


def write_variants(folder: Path, variants: Sequence[SentVariant]) -> None:
    """Put each variant into `folder` as `<id>.html` and `<id>.txt`, and their `manifest.json`.

    The manifest maps the id to the variant's articles and to the bytes and SHA-256 of its HTML
    file. What an earlier manifest there lists beside these is removed. Raises ArchiveError where
    the disk refuses.
    """
    earlier = _read_json(folder / _MANIFEST) or {}
    for name, data in _copies(variants, {}).items():
        write_whole(folder / name, data)
    for variant_id in earlier.keys() - {variant.id for variant in variants}:
        for suffix in ("html", "txt"):
            remove(folder / f"{variant_id}.{suffix}", folder)


def _copies(variants: Sequence[SentVariant], earlier: dict[str, Any]) -> dict[str, bytes]:
    """The files of the variants by name; the manifest, which speaks of the others, is the last."""
    files: dict[str, bytes] = {}
    manifest = dict(earlier)
    for variant in variants:
        html = variant.html.encode()
        files[f"{variant.id}.html"] = html
        files[f"{variant.id}.txt"] = variant.text.encode()
        manifest[variant.id] = {
            "articles": variant.articles,
            "bytes": len(html),
            "sha256": sha256(html).hexdigest(),
        }
    return {**files, _MANIFEST: _dump(manifest)}


def _put(path: Path, content: bytes | Path) -> bool:
    if isinstance(content, Path):
        with naming(content):
            content = content.read_bytes()
    return write_whole(path, content)


def _read_list(folder: Path) -> set[str]:
    listed = _read_json(folder / _LIST) or []
    return {path for path in listed if _is_of_site(PurePosixPath(path))}


def _write_list(folder: Path, paths: Iterable[str]) -> None:
    write_whole(folder / _LIST, _dump(sorted(paths)))


def _is_of_site(path: PurePosixPath) -> bool:
    """Whether the path lies in the archive and outside the copies of what was sent."""
    return not (path.is_absolute() or ".." in path.parts or path.parts[1:2] == ("sent",))


def _read_json(path: Path) -> Any:  # noqa: ANN401 - what was dumped there, or nothing
    try:
        with naming(path):
            return json.loads(path.read_bytes()) if path.exists() else None
    except ValueError as error:
        what = f"cannot be read ({error}); put the file back as it was, or remove it"
        raise ArchiveError(what, where=str(path)) from error


def _dump(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _report(
    written: Iterable[str], unchanged: Iterable[str], removed: Iterable[str] = ()
) -> PublishReport:
    return PublishReport(*(tuple(sorted(paths)) for paths in (written, unchanged, removed)))
