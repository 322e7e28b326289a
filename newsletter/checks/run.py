"""Every check of an issue, in one list."""

from collections.abc import Callable, Iterator
from typing import Final

from newsletter.checks.audience import check_audience
from newsletter.checks.citations import check_citations
from newsletter.checks.clients import check_clients
from newsletter.checks.contrast import check_contrast
from newsletter.checks.headings import check_headings
from newsletter.checks.inbox import check_inbox
from newsletter.checks.links import check_links
from newsletter.checks.mjml import check_mjml
from newsletter.checks.pictures import check_pictures
from newsletter.checks.placeholders import check_placeholders
from newsletter.checks.proof import Proof
from newsletter.checks.reading import check_reading_time
from newsletter.checks.rendered import check_rendered
from newsletter.checks.size import check_size
from newsletter.model.problem import Problem

_CHECKS: Final[tuple[Callable[[Proof], Iterator[Problem]], ...]] = (
    check_rendered,
    check_size,
    check_inbox,
    check_placeholders,
    check_pictures,
    check_links,
    check_citations,
    check_headings,
    check_reading_time,
    check_contrast,
    check_mjml,
    check_clients,
    check_audience,
)


def check_proof(proof: Proof) -> list[Problem]:
    """What the checks find, each finding once, by file and line."""
    return sorted({problem for check in _CHECKS for problem in check(proof)})
