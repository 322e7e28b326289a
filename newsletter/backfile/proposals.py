"""What an article may be about: the taxonomy's words found again in its title and text."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from newsletter.backfile.articles import PastArticle
from newsletter.backfile.stems import Stemmer
from newsletter.model.issue import Taxonomy
from newsletter.sources.taxonomy import slugs_by_name

_MOST_TOPICS: Final = 4
_PARTS: Final = re.compile(r"[,/;()&–]|\b(?:and|or|et|ou|and/or)\b", re.IGNORECASE)  # noqa: RUF001
_IDLE: Final = re.compile(r"an?|and|des?|du|for|from|in|la|les?|of|on|or|the|to|with")
_IN_TITLE: Final = 6.0
_IN_CITATION: Final = 3.0
_NAMED: Final = 3.0
_IN_THIS: Final = frozenset({("in", "this"), ("dan", "cet")})
_OFTEN: Final = 5  # more of the same says no more
_PART: Final = 0.4
_LEAST: Final = 2.5
_SHARE: Final = 0.25  # of the best one's score, below which another one is not proposed

Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """Slugs that an article may carry, the likeliest first."""

    topics: tuple[str, ...] = ()
    research_type: str = ""


class Matcher:
    """Knows the taxonomy's words in one language."""

    def __init__(self, taxonomy: Taxonomy, language: str) -> None:
        self._stemmer = Stemmer(language)
        self._topics = taxonomy.topics
        self._types = taxonomy.research_types
        self._topic_phrases = self._phrases(taxonomy.topics, _PART)
        self._type_phrases = self._phrases(taxonomy.research_types, 0.0)

    def propose(self, article: PastArticle) -> Proposal:
        """The source's own labels where they are in the taxonomy, then what its words say."""
        known_topics, known_types = slugs_by_name(self._topics), slugs_by_name(self._types)
        labels = [label.strip().casefold() for label in article.labels]
        own = [known_topics[label] for label in labels if label in known_topics]
        types = [known_types[label] for label in labels if label in known_types]
        stems = self._stemmer.stems
        body = stems(article.words)
        places = [
            _Place(stems(article.title), _IN_TITLE, 1),
            _Place(stems(article.citation), _IN_CITATION, 1),
            _Place(body, 1.0, _OFTEN),
        ]
        told = _ranked(places, self._topic_phrases)
        types += _ranked([*places, _Place(_named(body), _NAMED, 1)], self._type_phrases)
        topics = tuple(dict.fromkeys([*own, *told]))[: max(_MOST_TOPICS, len(set(own)))]
        return Proposal(topics, types[0] if types else "")

    def _phrases(self, axis: Mapping[str, str], part: float) -> dict[str, Mapping[Phrase, float]]:
        """Each slug's phrases with their weight; a word of many labels weighs little.

        `part` is that of one word of a phrase, such as the therapist of Therapist Factors.
        """
        split = {slug: self._split(slug, label) for slug, label in axis.items()}
        spread = Counter(
            stem for phrases in split.values() for stem in {s for p in phrases for s in p}
        )
        return {
            slug: {
                **{(stem,): part / spread[stem] ** 2 for stem in self._hints(axis[slug], phrases)},
                **{phrase: _weight(phrase, spread if part else {}) for phrase in phrases},
            }
            for slug, phrases in split.items()
        }

    def _hints(self, label: str, phrases: set[Phrase]) -> set[str]:
        return {stem for phrase in phrases for stem in phrase} & self._stemmer.near_stems(label)

    def _split(self, slug: str, label: str) -> set[Phrase]:
        parts = [*_PARTS.split(label), slug.replace("-", " ")]
        phrases = {
            tuple(s for s in self._stemmer.stems(part) if not _IDLE.fullmatch(s)) for part in parts
        }
        return phrases - {()}


class _Place:
    """The stems of one part of an article, and what a phrase is worth that stands in it."""

    def __init__(self, stems: Sequence[str], worth: float, most: int) -> None:
        self._stems = stems
        self._worth = worth
        self._most = most
        self._at: dict[str, list[int]] = {}
        for at, stem in enumerate(stems):
            self._at.setdefault(stem, []).append(at)

    def score(self, phrase: Phrase) -> float:
        """The phrase's worth here; the words of a long one may stand a word apart."""
        starts = self._at.get(phrase[0], [])
        if len(phrase) > 1:
            reach, wanted = len(phrase) + 1, set(phrase)
            starts = [at for at in starts if wanted <= set(self._stems[at : at + reach])]
        return self._worth * min(len(starts), self._most)


def _ranked(places: Sequence[_Place], axis: Mapping[str, Mapping[Phrase, float]]) -> list[str]:
    """The slugs whose phrases stand in the places; the likeliest first."""
    scores = {
        slug: sum(
            weight * place.score(phrase) for phrase, weight in phrases.items() for place in places
        )
        for slug, phrases in axis.items()
    }
    least = max(_LEAST, _SHARE * max(scores.values(), default=0.0))
    ranked = sorted(scores.items(), key=lambda one: -one[1])
    return [slug for slug, score in ranked if score >= least]


def _named(stems: Sequence[str]) -> list[str]:
    """What stands behind an "In this", as in "In this large survey": what kind of work it is."""
    starts = (at for at, pair in enumerate(pairwise(stems)) if pair in _IN_THIS)
    return [stem for at in starts for stem in stems[at + 2 : at + 6]]


def _weight(phrase: Phrase, spread: Mapping[str, int]) -> float:
    rarity = sum(1 / spread.get(stem, 1) for stem in phrase) / len(phrase)
    return rarity * (1.0 if len(phrase) == 1 else 1.6)
