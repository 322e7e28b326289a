"""Pictures as the archive shows them: no wider than screens need, nothing but the picture in them.

What a camera writes beside it (where it was taken, by whom) is not published.
"""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

from newsletter.archive.files import naming
from newsletter.views import COLUMN

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_WIDEST: Final = 2 * COLUMN  # pixels; sharp on a screen of twice the density
_HARMLESS: Final = frozenset({"dpi", "gamma", "jfif", "jfif_density", "jfif_unit", "jfif_version"})
_HARMLESS_MODES: Final = frozenset({"background", "loop", "duration", "transparency", "version"})


def prepare_picture(path: Path) -> bytes:
    """The picture in `path`: its own bytes where they hold nothing else and are not too wide.

    Raises ArchiveError where it cannot be read.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415 - only for pictures

    with naming(path):
        data = path.read_bytes()
    try:
        with Image.open(BytesIO(data)) as picture:
            is_moving = getattr(picture, "is_animated", False)
            if is_moving or (picture.width <= _WIDEST and _is_bare(picture)):
                return data
            kind = picture.format or "PNG"
            shown: Picture = ImageOps.exif_transpose(picture)
    except (UnidentifiedImageError, OSError):
        return data  # whoever reads the issue has judged it
    if shown.width > _WIDEST:
        if shown.mode in {"1", "P"}:
            shown = shown.convert("RGBA" if "transparency" in shown.info else "RGB")
        size = (_WIDEST, round(shown.height * _WIDEST / shown.width))
        shown = shown.resize(size, Image.Resampling.LANCZOS)
    return _save(shown, kind)


def _is_bare(picture: "Picture") -> bool:
    return not picture.info.keys() - _HARMLESS - _HARMLESS_MODES


def _save(picture: "Picture", kind: str) -> bytes:
    kept = {"icc_profile": profile} if (profile := picture.info.get("icc_profile")) else {}
    if "transparency" in picture.info and picture.mode in {"P", "L", "RGB"}:
        kept["transparency"] = picture.info["transparency"]
    picture.info = {}
    file = BytesIO()
    quality = {"quality": 88} if kind in {"JPEG", "WEBP"} else {"optimize": True}
    picture.save(file, kind, **quality, **kept)
    return file.getvalue()
