"""The email's templates as files with lines, so that a finding can name the one to mend."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from newsletter.model.problem import Place
from newsletter.toml import key_lines

_COMMENT: Final = re.compile(r"\{#.*?#\}|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TemplateFiles:
    """Texts by the name that messages give them, as `templates/email/issue.mjml`."""

    texts: Mapping[str, str]

    def of_kind(self, *suffixes: str) -> dict[str, str]:
        """The texts of the files whose names end so."""
        return {name: text for name, text in self.texts.items() if name.endswith(suffixes)}

    def place_of(self, *needles: str, within: str = "") -> Place:
        """The first line that holds all of `needles`, or as many of them as a line does.

        Where none is found it is the first line of `within`, or else of the email itself.
        """
        while needles:
            for name, text in self.texts.items():
                for number, line in enumerate(text.split("\n"), 1):
                    if all(needle in line for needle in needles):
                        return Place(name, number)
            needles = needles[:-1]
        return Place(within or "templates/email/issue.mjml")

    def place_of_key(self, name: str, key: tuple[str, str]) -> Place:
        """The line of a key in a file of TOML."""
        places = key_lines(self.texts.get(name, ""))
        return Place(name, places[key].key if key in places else 1)


def line_of(text: str, position: int) -> int:
    """The line, from 1, of a position in a text."""
    return text.count("\n", 0, position) + 1


def without_comments(text: str) -> str:
    """A template without Jinja's and CSS's comments; every line keeps its number."""
    return _COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
