"""Pictures in an issue's folder: named safely, described, light enough and truly pictures."""

import re
import warnings
from io import BytesIO
from typing import Final

from newsletter.markdown import Picture
from newsletter.model.issue import Image
from newsletter.model.problem import Problem, did_you_mean
from newsletter.sources.folder import IssueFolder
from newsletter.textfile import has_control_characters, read_bytes

_MOST_BYTES: Final = 2_000_000
_BETTER_BYTES: Final = 400_000
_MOST_PIXELS: Final = 25_000_000
_SUFFIXES: Final = {  # by Pillow's names; servers tell a picture's kind by its suffix
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "GIF": (".gif",),
    "WEBP": (".webp",),
}
_ANY_SUFFIX: Final = tuple(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:|//")
_ORIENTATION: Final = 0x0112  # the EXIF tag; from 5 on the picture is shown on its side


def check_picture(picture: Picture, path: str, folder: IssueFolder) -> None:
    """Note the picture that a passage of `path` shows, or what is wrong with it."""
    name = picture.src
    if not picture.alt:
        message = f"the picture '{name}' has no description; write ![what it shows]({name})"
        folder.problems.append(Problem(path, picture.line, message))
    if name in folder.images:
        return
    try:
        data = _read(name, folder)
        width, height, suffixes = _measure(data)
    except ValueError as fault:
        folder.problems.append(Problem(path, picture.line, f"the picture '{name}' {fault}"))
        return
    if not name.lower().endswith(suffixes):
        message = f"the picture '{name}' should end in {' or '.join(suffixes)}, as its content is"
        folder.warn(path, picture.line, message)
    if len(data) > _BETTER_BYTES:
        message = f"the picture '{name}' is heavy ({len(data) // 1000} kB); 400 kB is better"
        folder.warn(path, picture.line, message)
    folder.images[name] = Image(name, width, height, len(data))
    folder.keep_digest(name, data)


def _read(name: str, folder: IssueFolder) -> bytes:
    """The bytes of a file inside the folder; ValueError says what is wrong with it."""
    _check_name(name)
    try:
        file, home = (folder.path / name).resolve(), folder.path.resolve()
        others = [path.name for path in home.iterdir() if path.suffix.lower() in _ANY_SUFFIX]
        hint = "" if file.exists() else did_you_mean(name, others)
    except (OSError, RuntimeError):  # RuntimeError: links that lead in a circle
        raise ValueError("cannot be read") from None
    if not file.is_relative_to(home):
        raise ValueError("lies outside the issue's folder; copy it there")
    data = read_bytes(file, name, limit=_MOST_BYTES)
    if isinstance(data, Problem):
        raise ValueError(f"is not usable: {data.message}{hint}")  # noqa: TRY004 - no type error
    return data


def _check_name(name: str) -> None:
    if name.startswith("data:"):
        raise ValueError(
            "stands in the text itself, which many email programs do not show; save it"
        )
    if _SCHEME.match(name):
        raise ValueError(
            "is on another server, which could follow the readers or take it away; save it in the "
            "issue's folder and give its name alone"
        )
    is_plain = {"", ".", ".."}.isdisjoint(name.split("/")) and "\\" not in name
    if not is_plain or has_control_characters(name) or len(name.encode()) > 255:
        raise ValueError("must be the plain name of a file in the issue's folder, as in chart.png")
    if not name.lower().endswith(_ANY_SUFFIX):
        raise ValueError(f"must have a name that ends in {', '.join(_ANY_SUFFIX)}")


def _measure(data: bytes) -> tuple[int, int, tuple[str, ...]]:
    """Width and height in pixels, as shown, and the suffixes that suit the picture's kind.

    Raises ValueError where the data is no sound picture.
    """
    from PIL import Image as Pillow  # noqa: PLC0415 - 40 ms that an issue without pictures saves
    from PIL import UnidentifiedImageError  # noqa: PLC0415

    too_large = f"has more than {_MOST_PIXELS // 1_000_000} million pixels"
    try:
        with warnings.catch_warnings(action="error", category=Pillow.DecompressionBombWarning):
            picture = Pillow.open(BytesIO(data), formats=list(_SUFFIXES))
        width, height = picture.size
        if width * height <= _MOST_PIXELS:
            picture.load()
        is_sideways = picture.getexif().get(_ORIENTATION, 1) >= 5
    except (Pillow.DecompressionBombError, Pillow.DecompressionBombWarning):
        raise ValueError(too_large) from None
    except UnidentifiedImageError:
        raise ValueError("is not a PNG, JPEG, GIF or WebP picture") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"is damaged: {error}") from None
    if width * height > _MOST_PIXELS:
        raise ValueError(too_large)
    if is_sideways:
        width, height = height, width
    return width, height, _SUFFIXES[str(picture.format)]
