"""The editor's desk: reading, assembling and rendering, which need no database and no secret."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from newsletter.archive.publish import SentVariant
from newsletter.assemble import assemble, whole_issue
from newsletter.dispatch.plan import VariantChoice
from newsletter.errors import IssueError, NewsletterError, ProblemsFound
from newsletter.locales import LANGUAGES, language_for
from newsletter.model.issue import Issue, IssueStatus, Taxonomy
from newsletter.model.message import Address, Personalisation, merge_values
from newsletter.model.newsletter import Newsletter
from newsletter.model.problem import Problem, Severity, did_you_mean
from newsletter.model.variant import RenderedVariant, Variant, WhenNothingMatches
from newsletter.personalise.greeting import greeting
from newsletter.render.checks import check_rendered
from newsletter.render.renderer import CompiledIssue, Renderer
from newsletter.sources.issues import ContentRules, misnamed_months, months, read_issue
from newsletter.sources.taxonomy import read_taxonomy
from newsletter.templates import Templates
from newsletter.toml import key_lines

Compiled = Mapping[str, CompiledIssue]  # by language


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the newsletter's files are; `root` is where a person stands who names them."""

    root: Path
    issues: Path
    archive: Path

    def shown(self, path: Path) -> str:
        """The path as a person in the newsletter's folder would type it."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


class Desk:
    """One newsletter's issues, from the files to the rendered variants."""

    def __init__(
        self,
        newsletter: Newsletter,
        folders: Folders,
        templates: Templates,
        rules: ContentRules,
        when_nothing_matches: WhenNothingMatches,
    ) -> None:
        self.newsletter = newsletter
        self.folders = folders
        self.templates = templates
        self._rules = rules
        self._when_nothing_matches = when_nothing_matches

    # read

    def months(self) -> list[str]:
        """The months that have an issue folder, oldest first."""
        return months(self.folders.issues)

    def read(self, month: str) -> Issue:
        """The issue. Raises ProblemsFound with everything that keeps it from being rendered."""
        issue, problems = self._read(month)
        errors = _errors(problems)
        if errors or issue is None:
            raise ProblemsFound(errors)
        return issue

    def check(self, month: str) -> list[Problem]:
        """Every problem of an issue; what its rendering shows too, where it can be rendered."""
        issue, problems = self._read(month)
        if issue is None or _errors(problems):
            return problems
        return problems + self.check_rendered(issue, self.compile(issue))

    def check_folders(self) -> list[Problem]:
        """The problems of the taxonomy, and folders among the issues that are no month's."""
        misnamed = misnamed_months(self.folders.issues, self.folders.shown(self.folders.issues))
        return self._taxonomy[1] + misnamed

    def status(self, month: str) -> IssueStatus:
        """What the editor says of the issue; one with problems is a draft."""
        issue, problems = self._read(month)
        return issue.status if issue and not _errors(problems) else IssueStatus.DRAFT

    @property
    def taxonomy(self) -> Taxonomy:
        """The topics and research types. Raises ProblemsFound where they cannot be read."""
        taxonomy, problems = self._taxonomy
        if problems:
            raise ProblemsFound(problems)
        return taxonomy

    def topics(self, named: Iterable[str]) -> tuple[str, ...]:
        """The topics of these slugs. Raises NewsletterError for one that the taxonomy lacks."""
        chosen = tuple(named)
        for slug in chosen:
            if slug not in self.taxonomy.topics:
                near = did_you_mean(slug, self.taxonomy.topics)
                raise NewsletterError(f"unknown topic '{slug}'{near}")
        return chosen

    def place(self, month: str) -> str:
        """The line that states an issue's status, as messages name it."""
        path = self.folders.issues / month / "issue.toml"
        line = key_lines(path.read_text("utf-8")).get(("status",), 1)
        return f"{self.folders.shown(path)}:{line}"

    def _read(self, month: str) -> tuple[Issue | None, list[Problem]]:
        folder = self.folders.issues / month
        if not folder.is_dir():
            known = ", ".join(self.months()) or "none yet"
            where = self.folders.shown(self.folders.issues)
            raise IssueError(f"no issue {month}; there are: {known}", where=where)
        taxonomy, problems = self._taxonomy
        reading = read_issue(folder, self.folders.shown(folder), taxonomy, self._rules)
        return reading.issue, [*problems, *reading.problems]

    @cached_property
    def _taxonomy(self) -> tuple[Taxonomy, list[Problem]]:
        path = self.folders.issues / "taxonomy.toml"
        problems: list[Problem] = []
        return read_taxonomy(path, self.folders.shown(path), problems), problems

    # assemble

    def choice(self, issue: Issue) -> VariantChoice:
        """What decides for `issue` who gets which variant."""

        @cache
        def choose(topics: tuple[str, ...], language: str) -> Variant | None:
            spoken = language_for(language, self.newsletter.language)
            return assemble(issue, topics, spoken, self._when_nothing_matches)

        return choose

    def whole(self, issue: Issue) -> Variant:
        """The whole issue in the newsletter's own language."""
        return whole_issue(issue, language_for("", self.newsletter.language))

    # render

    def compile(self, issue: Issue) -> Compiled:
        """The issue rendered in every language."""
        renderer = Renderer(self.templates, self.newsletter, self.taxonomy)
        return {language: renderer.compile(issue, language) for language in LANGUAGES}

    def render(self, compiled: Compiled, variant: Variant) -> RenderedVariant:
        """One variant of a compiled issue."""
        return compiled[variant.language].join(variant, self.newsletter)

    def check_rendered(self, issue: Issue, compiled: Compiled) -> list[Problem]:
        """What is wrong with the rendered whole issue, the largest variant of each language."""
        path = self.folders.shown(self.folders.issues / issue.month / "issue.toml")
        wholes = [self.render(compiled, whole_issue(issue, language)) for language in compiled]
        return [p for whole in wholes for p in check_rendered(whole, path)]

    def impersonal(self, compiled: Compiled, variant: Variant) -> SentVariant:
        """The variant as anybody may see it: no name, and links that belong to nobody."""
        rendered = self.render(compiled, variant)
        nobody = Personalisation(
            delivery_id="",
            recipient=Address(""),
            greeting=greeting("", variant.language),
            unsubscribe_url=f"{self.newsletter.base_url}/unsubscribe/copy",
            preferences_url=f"{self.newsletter.base_url}/preferences/copy",
        )
        return SentVariant(
            id=variant.id,
            articles=variant.full,
            html=rendered.html.filled(merge_values(nobody, escaped=True)),
            text=rendered.text.filled(merge_values(nobody, escaped=False)),
        )


def _errors(problems: list[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity is Severity.ERROR]
