"""Pictures: those of an issue, from its folder, and those taken of its emails."""

from collections.abc import Iterable
from io import BytesIO
from mimetypes import guess_type
from typing import Final
from zipfile import ZIP_STORED, ZipFile

from newsletter.preview.chromium import running_chromium
from newsletter.preview.drafts import Rendering
from newsletter.preview.view import Device, View

WIDTHS: Final = {Device.DESKTOP: 680, Device.TABLET: 744, Device.PHONE: 375}  # CSS pixels


def picture_of(rendering: Rendering, name: str) -> tuple[bytes, str] | None:
    """A picture that the issue shows, and its media type; no other file is ever found."""
    folder = (rendering.desk.folders.issues / rendering.issue.month).resolve()
    if name not in rendering.issue.images:
        return None
    try:
        file = (folder / name).resolve()
        if not file.is_relative_to(folder):
            return None
        return file.read_bytes(), guess_type(name)[0] or "application/octet-stream"
    except (OSError, RuntimeError):  # gone since it was read, or links in a circle
        return None


def photograph(chromium: str, home: str, view: View, variants: Iterable[str]) -> bytes:
    """A ZIP of PNGs, one of each variant as the view's device shows it; `home` is our address."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_STORED) as archive, running_chromium(chromium) as browser:
        for variant in variants:
            url = home + view.of_variant(variant).frame_url
            name = f"{view.issue}-{variant}-{view.device}-{view.mode}.png"
            archive.writestr(name, browser.picture(url, WIDTHS[view.device]))
    return packed.getvalue()
