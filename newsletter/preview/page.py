"""What a preview page says, as plain values for its template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from newsletter.dispatch.plan import Plan, make_plan
from newsletter.locales import month_name
from newsletter.model.delivery import IssueState
from newsletter.model.issue import IssueStatus
from newsletter.model.problem import Problem, Severity
from newsletter.model.subscriber import SubscriberGroup
from newsletter.model.variant import Variant
from newsletter.preview.audience import Audience, Audiences, Likeness, likenesses
from newsletter.preview.drafts import Draft, Drafts, Rendering
from newsletter.preview.email import Email
from newsletter.preview.excerpts import Line, neighbours
from newsletter.preview.reader import Reader, choose_reader, find_variant
from newsletter.preview.view import Show, View

_LANGUAGES = {"en": "English", "fr": "French"}


@dataclass(frozen=True, slots=True)
class IssueRow:
    """An issue in the list."""

    month: str
    title: str
    state: str
    due: str
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class VariantRow:
    """A variant in the list; `like` is nothing where nobody is subscribed."""

    id: str
    title: str
    language: str
    like: Likeness | None
    url: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem; `name` is its file and line as its editor calls them, `place` the whole path."""

    name: str
    place: str
    message: str
    remedy: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Passage:
    """Problems that stand close together in a file, and the lines around them."""

    findings: list[Finding]
    lines: list[Line]


@dataclass(frozen=True)
class Page:
    """One view of the newsletter; each part is worked out when the template asks for it."""

    view: View
    drafts: Drafts
    audiences: Audiences
    draft: Draft | None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def title(self) -> str:
        """The issue's month in words."""
        return month_name(self.draft.month, "en") if self.draft else ""

    @cached_property
    def issues(self) -> list[IssueRow]:
        """Every issue, newest first."""
        return [self._issue_row(self.drafts.draft(month)) for month in self.drafts.months()]

    @cached_property
    def audience(self) -> Audience:
        """Who would get the issue."""
        return self.audiences.of(self.draft.month) if self.draft else Audience()

    @property
    def state(self) -> IssueState | IssueStatus:
        """How the issue stands: the ledger's word where it has one, else the editor's."""
        return self._state(self.draft) if self.draft else IssueStatus.DRAFT

    @property
    def is_over(self) -> bool:
        """Whether nobody will be sent the issue any more."""
        return self.state in {IssueStatus.PAST, IssueState.FINISHED, IssueState.CANCELLED}

    @cached_property
    def plan(self) -> Plan | None:
        """The plan, where the subscribers are known."""
        if not self._rendering or not self.audience.is_known:
            return None
        issue, desk = self._rendering.issue, self._rendering.desk
        return make_plan(issue.month, self.audience.groups, desk.choice(issue))

    @cached_property
    def variants(self) -> list[VariantRow]:
        """The variants somebody gets, those with the most in full first; else the whole issue."""
        return [self._variant_row(variant) for variant in self._variants]

    @cached_property
    def whole(self) -> VariantRow | None:
        """The whole issue where it is not among the variants."""
        if not self._rendering:
            return None
        whole = self._rendering.desk.whole(self._rendering.issue)
        return None if whole in self._variants else self._variant_row(whole)

    @cached_property
    def reader(self) -> Reader:
        """Whom the email is for."""
        if not self._rendering:
            return Reader(None)
        typical = {variant: group for variant, (_, group) in self._like.items()}
        issue, desk = self._rendering.issue, self._rendering.desk
        return choose_reader(self.view, desk, issue, typical, self.audiences.find)

    @cached_property
    def email(self) -> Email | None:
        """What the reader gets; nothing where they get no email, or none could be rendered."""
        if not self._rendering or not self.reader.variant:
            return None
        return Email(self._rendering, self.reader, self.reader.variant)

    @property
    def current(self) -> VariantRow | None:
        """The reader's variant."""
        return self._variant_row(self.email.variant) if self.email else None

    @cached_property
    def findings(self) -> list[Passage]:
        """What the checks found beside the trouble, the gravest first, each by itself."""
        if not self.draft:
            return []
        found = self.drafts.check(self.draft.month, None if self.is_over else self.plan)
        return [self.passage([p]) for p in found if p not in self.draft.trouble]

    @cached_property
    def trouble(self) -> list[Passage]:
        """What keeps the issue from being rendered as it is on disk, place by place."""
        found = self.draft.trouble if self.draft else ()
        return [self.passage(each) for each in neighbours(found)]

    @cached_property
    def beside(self) -> VariantRow | None:
        """The variant to compare with: the view's, or else another one."""
        if not self._rendering or not self.email:
            return None
        issue, whole = self._rendering.issue, self._rendering.desk.whole(self._rendering.issue)
        if found := find_variant(self.view.beside, issue):
            return self._variant_row(found)
        others = (v for v in [*self._variants, whole] if v != self.reader.variant)
        return next(map(self._variant_row, others), None)

    @property
    def topics(self) -> Mapping[str, str]:
        """The topics to choose a reader by."""
        return self._rendering.desk.taxonomy.topics if self._rendering else {}

    @property
    def _rendering(self) -> Rendering | None:
        return self.draft.rendering if self.draft else None

    @cached_property
    def _variants(self) -> list[Variant]:
        if not self._rendering:
            return []
        planned = list(self.plan.variants) if self.plan else []
        return planned or [self._rendering.desk.whole(self._rendering.issue)]

    @cached_property
    def _like(self) -> Mapping[Variant, tuple[Likeness, SubscriberGroup]]:
        if not self._rendering:
            return {}
        choose = self._rendering.desk.choice(self._rendering.issue)
        return likenesses(self.audience.groups, choose)

    def _issue_row(self, draft: Draft) -> IssueRow:
        due = draft.due_at.astimezone(self.drafts.config.schedule.timezone)
        state = self._state(draft)
        is_over = state in {IssueState.FINISHED, IssueState.CANCELLED}
        was = "was " if is_over or draft.due_at < self.now else ""
        return IssueRow(
            month=draft.month,
            title=month_name(draft.month, "en"),
            state=state,
            due=f"{was}due {due.day} {due:%B, %H:%M}",
            url=self.view.of_issue(draft.month).url,
            is_current=self.draft is not None and draft.month == self.draft.month,
        )

    def _state(self, draft: Draft) -> IssueState | IssueStatus:
        return self.audience.states.get(draft.month) or draft.status

    def _variant_row(self, variant: Variant) -> VariantRow:
        is_chosen = variant == self.reader.variant and self.view.show is not Show.PLAN
        like, _ = self._like.get(variant, (None, None))
        return VariantRow(
            id=variant.id,
            title=_variant_title(variant, self._rendering),
            language=_LANGUAGES.get(variant.language, variant.language),
            like=like,
            url=self.view.of_variant(variant.id).url,
            is_current=is_chosen,
        )

    def passage(self, problems: Sequence[Problem]) -> Passage:
        """Problems as a panel shows them, with the lines around their place."""
        return Passage(
            [
                Finding(
                    f"{problem.path.removeprefix(self._home)}:{problem.line}",
                    f"{problem.path}:{problem.line}",
                    problem.message,
                    problem.remedy,
                    problem.severity,
                )
                for problem in problems
            ],
            self.drafts.excerpts.around(problems),
        )

    @property
    def _home(self) -> str:
        """How the paths of the issue's own files begin."""
        folders = self.drafts.desk.folders
        return f"{folders.shown(folders.issues / self.draft.month)}/" if self.draft else ""


def _variant_title(variant: Variant, rendering: Rendering | None) -> str:
    """`Whole issue`, `Articles 1 and 3` or `Headlines only`."""
    if not variant.headlines:
        return "Whole issue"
    if not variant.full or not rendering:
        return "Headlines only"
    places = [n for n, a in enumerate(rendering.issue.articles, 1) if a.id in variant.full]
    *first, last = map(str, places)
    return f"Articles {', '.join(first)} and {last}" if first else f"Article {last}"
