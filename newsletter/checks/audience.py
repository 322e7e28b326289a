"""Who would get what: articles, variants and languages that find no reader in the plan."""

from collections.abc import Iterator

from newsletter.assemble import variant_of, whole_issue
from newsletter.checks.proof import Proof
from newsletter.dispatch.plan import Plan
from newsletter.model.problem import Problem
from newsletter.model.variant import Variant


def check_audience(proof: Proof) -> Iterator[Problem]:
    """An article that nobody would get in full; notes on variants that nobody gets."""
    if proof.plan is None or not proof.plan.recipients:
        return
    read = {article for variant in proof.plan.variants for article in variant.full}
    for article in proof.issue.articles:
        if article.id not in read:
            labels = ", ".join(f"'{proof.taxonomy.topics[topic]}'" for topic in article.topics)
            message = f"nobody would get this article in full: no reader chose {labels}"
            yield proof.folder.article(article, "topics").warning(
                message, "add a topic that readers chose, or everyone = true"
            )
    yield from _unread_variants(proof, proof.plan)


def _unread_variants(proof: Proof, plan: Plan) -> Iterator[Problem]:
    """What a choice of one topic, or of all, makes of the issue, in the languages that are read."""
    languages = sorted({variant.language for variant in plan.variants})
    unread = {
        variant.id: choice
        for language in languages
        for variant, choice in _simple_choices(proof, language)
        if variant not in plan.variants
    }
    if unread:
        shown = ", ".join(f"{name} ({choice})" for name, choice in sorted(unread.items()))
        message = f"nobody gets {shown}"
        yield proof.folder.issue().note(message, "no need to look these over")


def _simple_choices(proof: Proof, language: str) -> Iterator[tuple[Variant, str]]:
    articles = proof.issue.articles
    yield whole_issue(proof.issue, language), "every topic"
    named: dict[Variant, str] = {}
    for topic in proof.taxonomy.topics:
        full = [n for n, one in enumerate(articles) if one.everyone or topic in one.topics]
        if full:
            named.setdefault(variant_of(proof.issue, full, language), topic)
    yield from named.items()
