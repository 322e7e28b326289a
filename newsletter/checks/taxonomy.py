"""The taxonomy as a whole: misspelt slugs, labels too alike, and topics that no article has."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import Final

from newsletter.model.issue import Issue, Taxonomy
from newsletter.model.problem import Place, Problem
from newsletter.toml import key_lines

_WORD: Final = re.compile(r"[a-z0-9]+")
_SHORTEST: Final = 5  # letters; a shorter word is near to too many
_MISSPELT: Final = 0.75
_TWINS: Final = 0.9


def check_taxonomy(
    taxonomy: Taxonomy, path: Path, shown: str, issues: Collection[Issue]
) -> list[Problem]:
    """What is odd about the taxonomy in `path`, which messages call `shown`.

    `issues` are all there are: a topic that none of their articles has is noted.
    """
    lines = key_lines(path.read_text("utf-8-sig"))
    used = {topic for issue in issues for article in issue.articles for topic in article.topics}

    def place(axis: str, slug: str) -> Place:
        return Place(shown, lines[axis, slug].key if (axis, slug) in lines else 1)

    problems: list[Problem] = []
    for axis, words in (("topics", taxonomy.topics), ("research_types", taxonomy.research_types)):
        for slug, message, remedy in _oddities(tuple(words.items())):
            problems.append(place(axis, slug).warning(message, remedy))
    unused = [topic for topic in taxonomy.topics if topic not in used]
    if issues and unused:
        message = f"readers can choose topics that no article has had: {', '.join(unused)}"
        problems.append(place("topics", unused[0]).note(message, "write about them, or drop them"))
    return sorted(problems)


@lru_cache(maxsize=8)
def _oddities(axis: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str, str], ...]:
    return (*_misspelt(dict(axis)), *_twins(dict(axis)))


def _misspelt(axis: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Words of a slug that its label has in another spelling."""
    for slug, label in axis.items():
        known = _words(label)
        for word in _words(slug):
            if len(word) < _SHORTEST or any(_is_form_of(word, other) for other in known):
                continue
            near = [other for other in known if _ratio(word, other) >= _MISSPELT]
            if near:
                message = f"the slug '{slug}' has '{word}', its label '{label}' has '{near[0]}'"
                yield slug, message, "mend the one that is misspelt; a slug in use stays"


def _twins(axis: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for (_, one), (slug, other) in combinations(axis.items(), 2):
        if _ratio(_plain(one), _plain(other)) >= _TWINS:
            message = f"the labels '{one}' and '{other}' are hard to tell apart"
            yield slug, message, "reword one, or keep only one of them"


def _words(text: str) -> list[str]:
    return _WORD.findall(_plain(text))


def _plain(text: str) -> str:
    """In lower case and without accents."""
    return "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text.casefold())
        if not unicodedata.combining(letter)
    )


def _is_form_of(word: str, other: str) -> bool:
    """Whether two words share their stem: a plural or an abbreviation is no slip."""
    return word.startswith(other) or other.startswith(word)


def _ratio(one: str, other: str) -> float:
    matcher = SequenceMatcher(None, one, other)
    if matcher.real_quick_ratio() < _MISSPELT or matcher.quick_ratio() < _MISSPELT:
        return 0.0
    return matcher.ratio()
