"""Words that were to be replaced before anybody reads them."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from newsletter.checks.proof import Proof
from newsletter.model.problem import Place, Problem

# Markdown's own brackets are no placeholders: [words](address), [words][name], [name]: address.
_WORD: Final = re.compile(
    r"\b(?:TK(?:TK)*|TODO|FIXME|TBD|TBC|XXX+|À FAIRE|A FAIRE)\b"
    r"|(?i:\blorem ipsum\b|\bdolor sit amet\b|\bplaceholder text\b|\bà compléter\b"
    r"|\btexte à venir\b|\btext to (?:come|follow)\b)"
    r"|(?i:\[(?:title|name|first name|date|author|link|url|year|text|image|source|titre|nom|prénom"
    r"|auteur|lien|année|texte)\](?![(\[:]))"
)
_FIELD: Final = re.compile(
    r"\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\}|\*\|[A-Z_:]+\|\*|%%?[A-Z_]{3,}%%?|<<[A-Za-z_ ]{2,}>>"
    r"|\[\[[A-Za-z_ ]{2,}\]\](?!\()|-[a-z]+_name-|\$\{[A-Za-z_.]+\}"
)
_OWN_DEFINITION: Final = re.compile(r"\[[^\]]*\]: <.*>")
_NEW_ARTICLE: Final = "01-first-article"
_NEW_INTRO: Final = re.compile(r"(?:This month|Ce mois-ci)\s*(?:…|\.\.\.)?\s*")
_FIELDS: Final = ("title", "teaser", "citation", "author")


def check_placeholders(proof: Proof) -> Iterator[Problem]:
    """Left-over words such as TK, other programs' merge fields, and what `new` wrote."""
    for text, find_place in _texts(proof):
        if not (_WORD.search(text) or _FIELD.search(text)):
            continue
        place = find_place()
        for number, line in enumerate(text.split("\n")):
            if _OWN_DEFINITION.fullmatch(line):
                continue
            at = Place(place.path, place.line + number)
            for found in _WORD.finditer(line):
                yield at.warning(f"'{found[0]}' is left over", "write what it stands for")
            for found in _FIELD.finditer(line):
                message = f"'{found[0][:60]}' is not filled in here; readers would see it so"
                yield at.warning(message, "take it out: the greeting is the email's own")
    yield from _left_by_new(proof)


def _left_by_new(proof: Proof) -> Iterator[Problem]:
    issue = proof.issue
    if issue.intro and _NEW_INTRO.fullmatch(issue.intro.markdown.strip()):
        place = Place(issue.intro.path, issue.intro.line)
        yield place.warning("the intro is only begun", "finish it or take it out")
    for article in issue.articles:
        if article.id == _NEW_ARTICLE:
            message = "the file still has its first name, which is part of the archive's addresses"
            yield proof.folder.article(article).note(
                message, "rename it after its subject, such as 01-alliance.md"
            )


def _texts(proof: Proof) -> Iterator[tuple[str, Callable[[], Place]]]:
    """Everything that readers see of the issue, each with what finds its first line."""
    issue, folder = proof.issue, proof.folder
    for passage in issue.passages():
        yield passage.markdown, partial(Place, passage.path, passage.line)
    yield issue.subject, partial(folder.issue, "subject")
    yield issue.preheader, partial(folder.issue, "preheader")
    for number, notice in enumerate(issue.notices):
        yield notice.title, partial(folder.issue, "notices", number, "title")
    for article in issue.articles:
        for key in _FIELDS:
            yield getattr(article, key) or "", partial(folder.article, article, key)
