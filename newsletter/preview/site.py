"""The archive as it would be with an issue published, page by page."""

from threading import Lock

from newsletter.archive.entries import PublishedIssue
from newsletter.archive.site import Page, plan_site
from newsletter.model.issue import IssueStatus
from newsletter.preview.drafts import Drafts, Rendering


class Site:
    """Plans the archive of an issue and of all that are past or ready before it, and keeps it."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts
        self._lock = Lock()
        self._of: Rendering | None = None
        self._files: dict[str, Page] = {}

    def file(self, rendering: Rendering, path: str) -> bytes | None:
        """A file of the site by its path there; only what the site is made of is ever found."""
        with self._lock:
            if self._of is not rendering:
                self._files = self._plan(rendering)
                self._of = rendering
            return self._files[path].make() if path in self._files else None

    def _plan(self, rendering: Rendering) -> dict[str, Page]:
        desk, month = rendering.desk, rendering.issue.month
        earlier = (self._drafts.draft(each) for each in self._drafts.months() if each < month)
        issues = [
            draft.rendering.issue
            for draft in earlier
            if draft.rendering and draft.status is not IssueStatus.DRAFT
        ]
        return plan_site(
            [
                PublishedIssue.of(issue, desk.folders.issues / issue.month)
                for issue in (rendering.issue, *issues)
            ],
            newsletter=desk.newsletter,
            taxonomy=desk.taxonomy,
            templates=desk.templates,
        )
