"""How long the issue and its articles take to read.

Silent reading of non-fiction: 238 words a minute in English, 214 in French (Brysbaert, 2019,
Journal of Memory and Language 109, 104047).
"""

from collections.abc import Iterator
from typing import Final

from newsletter.checks.proof import Proof
from newsletter.model.issue import Article, Passage
from newsletter.model.problem import Place, Problem

_PER_MINUTE: Final = {"en": 238, "fr": 214}
_LONG_ARTICLE: Final = 5  # minutes


def check_reading_time(proof: Proof) -> Iterator[Problem]:
    """Notes, of the whole issue and of each article that is long."""
    speed = _PER_MINUTE.get(proof.language, _PER_MINUTE["en"])
    total = sum(map(_words, proof.issue.passages()))
    minutes = max(1, round(total / speed))
    yield proof.folder.issue().note(
        f"the whole issue takes about {_minutes(minutes)} to read ({total:,} words)"
    )
    for article in proof.issue.articles:
        words = _article_words(article)
        if (minutes := round(words / speed)) > _LONG_ARTICLE:
            place = Place(article.body.path, article.body.line)
            message = f"the article takes about {_minutes(minutes)} to read ({words:,} words)"
            yield place.note(message, "readers of email give one topic three minutes or so")


def _article_words(article: Article) -> int:
    return _words(article.body) + (_words(article.implications) if article.implications else 0)


def _words(passage: Passage) -> int:
    return len(passage.markdown.split())


def _minutes(number: int) -> str:
    return f"{number} minute{'s' if number > 1 else ''}"
