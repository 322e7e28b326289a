"""Pictures: what is said of them to those who do not see them, and how large they are."""

import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Final

from newsletter.checks.proof import Proof
from newsletter.markdown import Picture, parse
from newsletter.model.problem import Place, Problem
from newsletter.views import COLUMN

_KIND: Final = (
    "image|picture|photo|photograph|figure|graph|chart|diagram|illustration|logo|screenshot|table"
    "|img|pic|graphique|schéma|tableau|capture d.écran|dessin"
)
_BARE: Final = re.compile(rf"(?:an? |the |une? |le |la |l.)?(?:{_KIND})[\s\d.:]*", re.IGNORECASE)
_BEGINS: Final = re.compile(
    r"(?:an? |une? )?(?:image|picture|photo(?:graph)?|photographie) (?:of|showing|de|d.|du|des)\b",
    re.IGNORECASE,
)
_FILE: Final = re.compile(r"\S+\.(?:png|jpe?g|gif|webp|svg)", re.IGNORECASE)
_HINTS: Final = frozenset({"what it shows", "what the picture shows", "alt", "alt text"})
_LONGEST_ALT: Final = 150
_MOST_BYTES: Final = 1_000_000


def check_pictures(proof: Proof) -> Iterator[Problem]:
    """Alt text that says nothing, pixels that nobody sees, and more than a megabyte in all."""
    seen: set[str] = set()
    for passage in proof.issue.passages():
        for picture in parse(passage).images:
            place = Place(passage.path, picture.line)
            yield from _check_alt(picture, place)
            if picture.src not in seen:
                seen.add(picture.src)
                yield from _check_pixels(proof, picture, place)
    if (size := sum(proof.issue.images[name].size for name in seen)) > _MOST_BYTES:
        message = f"the pictures weigh {size / 1_000_000:.1f} MB together; 1 MB is better"
        yield proof.folder.issue().warning(message, "save them smaller, photographs as JPEG")


def _check_alt(picture: Picture, place: Place) -> Iterator[Problem]:
    alt, name = picture.alt.strip(), PurePath(picture.src)
    remedy = f"say in a few words what it shows: ![…]({picture.src})"
    if _FILE.fullmatch(alt) or alt.casefold() in {name.stem.casefold(), name.name.casefold()}:
        yield place.warning(f"the picture's alt text '{alt}' is a file's name", remedy)
    elif _BARE.fullmatch(alt) or alt.casefold() in _HINTS:
        yield place.warning(f"the picture's alt text '{alt}' says nothing of it", remedy)
    elif _BEGINS.match(alt):
        message = f"the picture's alt text begins with '{_BEGINS.match(alt)[0]}'"  # type: ignore[index]
        yield place.note(message, "leave that out: screen readers say it already")
    if len(alt) > _LONGEST_ALT:
        message = f"the picture's alt text has {len(alt)} characters"
        yield place.note(message, f"keep it under {_LONGEST_ALT} and say the rest in the text")


def _check_pixels(proof: Proof, picture: Picture, place: Place) -> Iterator[Problem]:
    image = proof.issue.images[picture.src]
    twice = 2 * COLUMN
    if image.width > twice:
        message = (
            f"the picture '{image.name}' is {image.width:,} pixels wide ({image.size // 1000:,} kB)"
            f"; the email shows {COLUMN}, and the sharpest screens use {twice:,}"
        )
        yield place.warning(message, f"save it {twice:,} pixels wide")
    elif image.width < COLUMN // 2 and image.width * image.height < 2500:
        message = f"the picture '{image.name}' has only {image.width} by {image.height} pixels"
        yield place.note(message, "it is shown that small; save it larger")
    if image.name.lower().endswith(".webp"):
        message = f"Outlook for Windows does not show WebP pictures, such as '{image.name}'"
        yield place.warning(message, "save it as PNG or JPEG")
