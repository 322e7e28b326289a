"""The copies of what was sent: each variant's HTML, text and a sample message, and the manifest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from newsletter.archive.files import locked, read_json, remove, to_json, write_whole
from newsletter.archive.report import PublishReport

_MANIFEST: Final = "manifest.json"
_SENDING: Final = "sending.json"


@dataclass(frozen=True, slots=True)
class SentVariant:
    """A variant as it was sent, its merge fields filled with what belongs to nobody.

    `articles` are those in full, by their file stems; `message` is the email (RFC 5322), or empty.
    """

    id: str
    articles: tuple[str, ...]
    html: str
    text: str
    message: bytes = b""


@dataclass(frozen=True, slots=True)
class Sending:
    """How the sending of an issue went: aware times, and counts by delivery status."""

    started_at: datetime
    finished_at: datetime | None
    deliveries: Mapping[str, int]


def publish_sent(
    folder: Path, month: str, variants: Sequence[SentVariant], sending: Sending | None = None
) -> PublishReport:
    """Add the copies of what was sent of a month, in `<month>/sent/`; earlier copies stay.

    Raises ArchiveError where the disk refuses or the manifest that is there cannot be read.
    """
    sent = f"{month}/sent"
    with locked(folder):
        earlier = read_json(folder / sent / _MANIFEST) or {}
        files = _copies(variants, earlier, sending.started_at if sending else None)
        if sending:
            files[_SENDING] = to_json(_dump_sending(month, sending))
        written = {name for name, data in files.items() if write_whole(folder / sent / name, data)}
    return PublishReport.of(
        (f"{sent}/{name}" for name in written),
        (f"{sent}/{name}" for name in files.keys() - written),
    )


def sent_months(folder: Path) -> set[str]:
    """The months of which there are copies of what was sent."""
    return {manifest.parents[1].name for manifest in folder.glob(f"*/sent/{_MANIFEST}")}


def sent_at(folder: Path, month: str) -> datetime | None:
    """When the sending of a month began, as its copies tell."""
    sending = recorded_sending(folder, month)
    return sending.started_at if sending else None


def recorded_sending(folder: Path, month: str) -> Sending | None:
    """How the sending of a month went, as far as its copies tell."""
    found = read_json(folder / month / "sent" / _SENDING) or {}
    if "started_at" not in found:
        return None
    finished_at = found.get("finished_at")
    return Sending(
        datetime.fromisoformat(found["started_at"]),
        datetime.fromisoformat(finished_at) if finished_at else None,
        found.get("deliveries", {}),
    )


def write_variants(folder: Path, variants: Sequence[SentVariant]) -> None:
    """Put each variant into `folder` as `<id>.html` and `<id>.txt`, and their `manifest.json`.

    The manifest maps the id to the variant's articles and to the bytes and SHA-256 of its HTML
    file. What an earlier manifest there lists beside these is removed. Raises ArchiveError where
    the disk refuses.
    """
    earlier = read_json(folder / _MANIFEST) or {}
    for name, data in _copies(variants, {}, None).items():
        write_whole(folder / name, data)
    for variant_id in earlier.keys() - {variant.id for variant in variants}:
        for suffix in ("html", "txt"):
            remove(folder / f"{variant_id}.{suffix}", folder)


def _copies(
    variants: Sequence[SentVariant], earlier: Mapping[str, Any], sent_at: datetime | None
) -> dict[str, bytes]:
    """The files of the variants by name; the manifest, which speaks of the others, is the last."""
    files: dict[str, bytes] = {}
    manifest = dict(earlier)
    for variant in variants:
        html = variant.html.encode()
        files[f"{variant.id}.html"] = html
        files[f"{variant.id}.txt"] = variant.text.encode()
        if variant.message:
            files[f"{variant.id}.eml"] = variant.message
        manifest[variant.id] = {
            "articles": variant.articles,
            "bytes": len(html),
            "sha256": sha256(html).hexdigest(),
        }
        if sent_at:
            manifest[variant.id]["sent_at"] = sent_at.isoformat()
    return {**files, _MANIFEST: to_json(manifest)}


def _dump_sending(month: str, sending: Sending) -> dict[str, Any]:
    return {
        "issue": month,
        "started_at": sending.started_at.isoformat(),
        "finished_at": sending.finished_at.isoformat() if sending.finished_at else None,
        "deliveries": dict(sending.deliveries),
    }
