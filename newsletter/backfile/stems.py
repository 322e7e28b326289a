"""Words -> stems, so that one form of a word finds the others.

The only file that knows Snowball.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final

import snowballstemmer

_ALGORITHMS: Final = {"en": "english", "fr": "french"}
_NEAR: Final = 3  # letters: an ending such as that of disorders
_WORD: Final = re.compile(r"[a-z0-9]+")
_ACCENT: Final = re.compile("[\u0300-\u036f]")
_BRITISH: Final = re.compile(
    r"(?<=[a-z]{2})our(?=s|al|ing|ed|$)|(?<=[a-z]{2})is(?=e[ds]?$|ing$|ations?$)"
)


class Stemmer:
    """Stems of one language's words, accents and the two English spellings making no difference."""

    def __init__(self, language: str) -> None:
        self._stem = cache(snowballstemmer.stemmer(_ALGORITHMS.get(language, "english")).stemWord)

    def stems(self, text: str) -> Sequence[str]:
        """The stems of a text's words, in order."""
        return [self._stem(word) for word in _words(text)]

    def near_stems(self, text: str) -> set[str]:
        """Those that are nearly the whole word: person is no hint at personality."""
        stems = {word: self._stem(word) for word in _words(text)}
        return {stem for word, stem in stems.items() if len(word) - len(stem) <= _NEAR}


def _words(text: str) -> list[str]:
    return [_BRITISH.sub(_american, word) for word in _WORD.findall(_plain(text))]


def _american(found: re.Match[str]) -> str:
    return {"our": "or", "is": "iz"}[found[0]]


def _plain(text: str) -> str:
    """In lower case and without accents."""
    return _ACCENT.sub("", unicodedata.normalize("NFKD", text.casefold()))
