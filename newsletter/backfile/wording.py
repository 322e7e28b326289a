"""Lines made of longer texts: teasers, and what is cut where it is too long."""

import re
from itertools import islice
from typing import Final

from newsletter.backfile.runs import squeeze
from newsletter.textfile import without_control_characters

_MOST_TEASER: Final = 200
_LINE_ENDS: Final = re.compile("[\u2028\u2029]")
_SHORT_SENTENCE: Final = 60
_LONGEST_SENTENCES: Final = 180
_SENTENCE_END: Final = re.compile(
    r"(?<!\bet al\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bvs\.)(?<!\bDr\.)(?<!\b[A-Z]\.)(?<=[.!?…])"
    r"[\"'”’»)\]]*(?=\s+[\"'“‘«(\[]*[A-ZÀ-Þ\d])"  # noqa: RUF001
)


def teaser_of(own: str, text: str) -> str:
    """The source's own, or else the first sentences of the text."""
    own = line_of(own, 10 * _MOST_TEASER)
    if own and len(own) <= _MOST_TEASER:
        return own
    ends = [found.end() for found in islice(_SENTENCE_END.finditer(text), 2)] + [len(text)]
    first = ends[0]
    if first < _SHORT_SENTENCE and len(ends) > 1 and ends[1] <= _LONGEST_SENTENCES:
        first = ends[1]
    return line_of(text[:first], _MOST_TEASER)


def cut(text: str, most: int) -> str:
    """The text, or as many of its words as fit into `most` letters with an ellipsis."""
    if len(text) <= most:
        return text
    head = text[: most - 1]
    return f"{head.rpartition(' ')[0].rstrip(' ,;:–—-') or head}…"  # noqa: RUF001


def line_of(text: str, most: int) -> str:
    """The text as one line of at most so many letters."""
    return cut(squeeze(_LINE_ENDS.sub(" ", without_control_characters(text))), most)
