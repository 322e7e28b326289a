"""Citations in APA's form, and the DOIs that texts name."""

import re
from typing import Final
from urllib.parse import unquote

_NAME: Final = r"[^\W\d_][^\W\d_'’.-]*(?:[ '’-][^\W\d_][^\W\d_'’.-]*){0,3}"  # noqa: RUF001
_CITATION: Final = re.compile(
    rf"{_NAME}, (?:[^\W\d_]\.[ -]?){{1,4}}.{{0,1500}}?"
    r"\((?:ca?\. ?)?(?:(?:19|20)\d\d[a-z]?(?:, [^()]{1,30})?|in press|n\.d\.)\)"
)
_DOI: Final = re.compile(
    r"(?:https?://(?:dx\.|www\.)?doi\.org/|\bdoi:\s*|(?<![\w/.]))"
    r"(10\.\d{4,9}(?:\.\d+)*/[^\s\"<>]+)",
    re.IGNORECASE,
)
_LONGEST: Final = 1000


def is_citation(words: str) -> bool:
    """Whether a paragraph is one source: authors with initials, a year in brackets, one line."""
    return len(words) <= _LONGEST and _CITATION.match(words) is not None


def find_doi(text: str) -> str:
    """The one DOI that a text names, or nothing where it names none or several."""
    found = dict.fromkeys(map(_bare, _DOI.findall(text)))
    return next(iter(found)) if len({doi.casefold() for doi in found}) == 1 else ""


def without_doi(citation: str) -> str:
    """The citation less the DOI at its end, which an article keeps apart."""
    found = list(_DOI.finditer(citation))
    if not found or citation[found[-1].end() :].strip():
        return citation
    return citation[: found[-1].start()].rstrip()


def _bare(doi: str) -> str:
    doi = unquote(doi).rstrip(".,;:'’”")  # noqa: RUF001
    while doi.endswith((")", "]")) and doi.count("(") + doi.count("[") < doi.count(")") + doi.count(
        "]"
    ):
        doi = doi[:-1].rstrip(".,;:")
    return doi
