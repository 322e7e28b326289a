"""Where an article comes from: its citation in APA's form and its DOI."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final
from urllib.parse import unquote

from newsletter.checks.links import SentLink, sent_links
from newsletter.checks.proof import Proof
from newsletter.model.issue import Article
from newsletter.model.problem import Problem

_YEAR: Final = re.compile(
    r"\((?:(?:ca?\. ?)?(\d{4})[a-z]?(?:[/–-]\d{4})?(?:,[^)]*)?"  # noqa: RUF001 - ranges have it
    r"|in press|n\.d\.|forthcoming|sous presse|à paraître|s\. ?d\.)\)",
    re.IGNORECASE,
)
_DOI: Final = re.compile(r"10\.\d{4,9}(?:\.\d+)*/\S+")
_DOI_LINK: Final = re.compile(r"(https?)://(dx\.|www\.)?doi\.org/(\S*)", re.IGNORECASE)
_MARKED: Final = re.compile(
    r"(?<!\w)([*_])(?=\S)[^*_]+(?<=\S)\1(?!\w)|<(?:i|em|b|strong)>", re.IGNORECASE
)
_CLOSING: Final = ".,;:"
_OLDEST: Final = 1800
_NEARLY: Final = 0.85


def check_citations(proof: Proof) -> Iterator[Problem]:
    """A source without a plausible year or with marks, DOIs that are misshapen or disagree."""
    for article in proof.issue.articles:
        yield from _check_citation(proof, article)
        yield from _check_doi(proof, article)
    own = {article.body.path: article.doi or "" for article in proof.issue.articles}
    for link in sent_links(proof.issue, proof.folder):
        yield from _check_link(link, own.get(link.place.path, ""))


def _check_citation(proof: Proof, article: Article) -> Iterator[Problem]:
    if not article.citation:
        if not article.doi:
            place = proof.folder.article(article)
            yield place.note("the article names no source", "give its citation or doi")
        return
    years = _YEAR.search(article.citation)
    place = proof.folder.article(article, "citation")
    if not years:
        yield place.warning("the citation has no year in brackets", "write (2022), or (in press)")
    elif years[1] and not _OLDEST <= int(years[1]) <= int(proof.issue.month[:4]) + 1:
        message = f"the citation's year {years[1]} is not one that {proof.issue.month} can cite"
        yield place.warning(message, "mend the year")
    if marked := _MARKED.search(article.citation):
        message = f"the citation is plain text: readers see {marked[0]} as it stands here"
        yield place.warning(message, "take the marks off")
    if not (found := _DOI_LINK.search(article.citation) or _DOI.search(article.citation)):
        return
    named = found[0].rstrip(_CLOSING)
    bare = unquote(_DOI_LINK.sub(r"\3", named))
    if article.doi is None:
        yield place.note("the citation holds the DOI", f'give it a key of its own: doi = "{bare}"')
    elif bare.casefold() == article.doi.casefold():
        yield place.note("the citation repeats the doi", "leave it out there: the email adds it")
    else:
        message = f"the citation names the DOI {bare}, the doi is {article.doi}"
        yield place.warning(message, "make them agree")


def _check_doi(proof: Proof, article: Article) -> Iterator[Problem]:
    if article.doi and article.doi.endswith(tuple(_CLOSING)):
        place = proof.folder.article(article, "doi")
        message = f"the doi {article.doi} ends in a punctuation mark"
        yield place.warning(message, "take it off")


def _check_link(link: SentLink, own: str) -> Iterator[Problem]:
    found = _DOI_LINK.fullmatch(link.href)
    if not found:
        return
    doi = unquote(found[3]).partition("?")[0].partition("#")[0]
    if not _DOI.fullmatch(doi):
        message = f"the link to '{link.href}' holds no DOI"
        yield link.place.warning(message, "write it like https://doi.org/10.1002/wps.20941")
    elif found[2] or found[1].lower() == "http":
        yield link.place.warning("an old form of DOI link", f"write https://doi.org/{found[3]}")
    if doi.casefold() != own.casefold() and _is_near(doi, own):
        message = f"the link's DOI {doi} is nearly the article's own, {own}"
        yield link.place.note(message, "make them agree if they mean the same paper")


def _is_near(one: str, other: str) -> bool:
    if one.partition("/")[0] != other.partition("/")[0] or abs(len(one) - len(other)) > 1:
        return False
    return SequenceMatcher(None, one, other).ratio() >= _NEARLY
