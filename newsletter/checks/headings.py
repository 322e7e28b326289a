"""Headings: in their order, as screen readers and the archive's contents need them."""

from collections.abc import Iterator

from newsletter.checks.proof import Proof
from newsletter.markdown import Heading, parse
from newsletter.model.issue import Passage
from newsletter.model.problem import Place, Problem

_HIGHEST = 2  # `##`, below the title of the article or notice


def check_headings(proof: Proof) -> Iterator[Problem]:
    """A level left out, a heading without words, and more than one title in the templates."""
    for passage in proof.issue.passages():
        yield from _check_order(passage)
    titles = sum(1 for _ in proof.pages[0].iter("h1"))
    if titles != 1:
        message = f"the email has {titles} headings of the first level"
        place = proof.templates.place_of("<h1")
        yield place.warning(message, "let the templates write one <h1>, the issue's")


def _check_order(passage: Passage) -> Iterator[Problem]:
    above = _HIGHEST - 1
    for heading in parse(passage).headings:
        place = Place(passage.path, heading.line)
        level = max(heading.level, _HIGHEST)
        if heading.level < _HIGHEST:
            yield place.warning(
                f"{_shown(heading)} stands as high as the issue's title", "write ##"
            )
        if not heading.text:
            yield place.warning("a heading without words", "give it some or take it out")
        if level > above + 1:
            message = f"{_shown(heading)} leaves out a level"
            yield place.warning(message, f"write {'#' * (above + 1)}")
        above = level


def _shown(heading: Heading) -> str:
    return f"'{'#' * heading.level} {heading.text[:60]}'"
