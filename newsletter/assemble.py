"""ASSEMBLE: an issue and one choice of topics -> the variant that choice gets. Pure."""

from collections.abc import Callable, Collection
from functools import cache, partial

from newsletter.model.issue import Issue
from newsletter.model.variant import Variant, WhenNothingMatches


def assembler(
    issue: Issue, when_nothing_matches: WhenNothingMatches
) -> Callable[[Collection[str], str], Variant | None]:
    """What gives the variant for some topics, or nothing where somebody is to be skipped.

    No topics means every topic. Articles keep the issue's order; each is in full or a headline.
    """
    made = cache(partial(variant_of, issue))  # many choices of topics come to the same variant

    def assemble(topics: Collection[str], language: str) -> Variant | None:
        full = _in_full(issue, topics)
        if not full and when_nothing_matches is WhenNothingMatches.SKIP:
            return None
        if not full and when_nothing_matches is WhenNothingMatches.EVERYTHING:
            full = tuple(range(len(issue.articles)))
        return made(full, language)

    return assemble


def whole_issue(issue: Issue, language: str) -> Variant:
    """The variant with every article in full."""
    return variant_of(issue, range(len(issue.articles)), language)


def variant_of(issue: Issue, full: Collection[int], language: str) -> Variant:
    """The variant with the articles at these positions (from 0) in full."""
    return Variant(
        id=f"{language}-{_selection(len(issue.articles), full)}",
        month=issue.month,
        language=language,
        full=tuple(a.id for n, a in enumerate(issue.articles) if n in full),
        headlines=tuple(a.id for n, a in enumerate(issue.articles) if n not in full),
    )


def variant_by_id(issue: Issue, variant_id: str) -> Variant:
    """The variant of `issue` that has this id."""
    language, _, selection = variant_id.partition("-")
    if selection == "all":
        return whole_issue(issue, language)
    numbers = selection.split("-") if selection != "headlines" else []
    return variant_of(issue, {int(number) - 1 for number in numbers}, language)


def _in_full(issue: Issue, topics: Collection[str]) -> tuple[int, ...]:
    chosen = set(topics)
    return tuple(
        number
        for number, article in enumerate(issue.articles)
        if not chosen or article.everyone or not chosen.isdisjoint(article.topics)
    )


def _selection(articles: int, full: Collection[int]) -> str:
    if len(full) == articles:
        return "all"
    return "-".join(str(number + 1) for number in sorted(full)) or "headlines"
