"""An article's file in its two parts: TOML between two lines of `+++`, and Markdown below."""

from dataclasses import dataclass
from typing import Final

from newsletter.model.issue import Passage
from newsletter.model.problem import Problem

_FENCE: Final = "+++"
FIRST_LINE: Final = 2  # of the TOML


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """The TOML, which begins on FIRST_LINE, and the body below it."""

    toml: str
    body: Passage


def split_front_matter(text: str, path: str) -> FrontMatter | Problem:
    """The two parts of a file's text, or what is wrong with the lines that part them."""
    if not text.strip():
        return Problem(path, 1, "the file is empty")
    first, *lines = text.split("\n")
    if first.rstrip() != _FENCE:
        message = "there is no front matter; begin the file with TOML between two lines of +++"
        return Problem(path, 1, message)
    closing = next((at for at, line in enumerate(lines) if line.rstrip() == _FENCE), None)
    if closing is None:
        return Problem(path, 1, "the front matter begun here is not closed by a line of +++")
    body = "\n".join(lines[closing + 1 :])
    return FrontMatter("\n".join(lines[:closing]), Passage(body, path, closing + FIRST_LINE + 1))
