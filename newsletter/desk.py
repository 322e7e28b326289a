"""The editor's desk: reading, assembling and rendering, which need no database and no secret."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from hashlib import sha256
from pathlib import Path

from newsletter.archive.publish import SentVariant
from newsletter.assemble import assembler, whole_issue
from newsletter.checks.links import sent_links
from newsletter.checks.proof import Proof, SourceFolder
from newsletter.checks.run import check_proof
from newsletter.checks.taxonomy import check_taxonomy
from newsletter.checks.template_files import TemplateFiles
from newsletter.dispatch.plan import Plan, VariantChoice
from newsletter.errors import IssueError, NewsletterError, ProblemsFound
from newsletter.locales import LANGUAGES, language_for
from newsletter.model.issue import Issue, IssueStatus, Taxonomy
from newsletter.model.message import Address, Personalisation, merge_values
from newsletter.model.newsletter import Newsletter
from newsletter.model.problem import Problem, Severity, did_you_mean
from newsletter.model.variant import RenderedVariant, Variant, WhenNothingMatches
from newsletter.personalise.greeting import greeting
from newsletter.render.renderer import CompiledIssue, Renderer
from newsletter.sources.approval import write_approval
from newsletter.sources.fingerprint import folder_fingerprint
from newsletter.sources.issues import (
    ContentRules,
    IssueReading,
    misnamed_months,
    months,
    read_issue,
)
from newsletter.sources.redirects import read_redirects
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
        self.rules = rules
        self._when_nothing_matches = when_nothing_matches
        self._choice: tuple[Issue, VariantChoice] | None = None  # the last one

    # read

    def months(self) -> list[str]:
        """The months that have an issue folder, oldest first."""
        return months(self.folders.issues)

    def read(self, month: str) -> Issue:
        """The issue. Raises ProblemsFound with everything that keeps it from being rendered."""
        reading = self.reading(month)
        if reading.issue is None:
            raise ProblemsFound(_errors(reading.problems))
        return reading.issue

    def reading(self, month: str) -> IssueReading:
        """The issue, or none where it or the taxonomy has an error, and all their problems.

        Raises IssueError where there is no such issue.
        """
        folder = self.folders.issues / month
        if not folder.is_dir():
            known = ", ".join(self.months()) or "none yet"
            where = self.folders.shown(self.folders.issues)
            raise IssueError(f"no issue {month}; there are: {known}", where=where)
        taxonomy, problems = self._taxonomy
        reading = read_issue(folder, self.folders.shown(folder), taxonomy, self.rules)
        issue = None if _errors(problems) else reading.issue
        return replace(reading, issue=issue, problems=(*problems, *reading.problems))

    def check(self, month: str, plan: Plan | None = None) -> list[Problem]:
        """All there is to say of an issue: of its files, and where it can be rendered of the email.

        Notes are among it; with a plan also what concerns who gets what.
        """
        reading = self.reading(month)
        problems = list(reading.problems)
        if reading.issue is None:
            return problems
        found = self.check_issue(reading.issue, self.compile(reading.issue), plan)
        return sorted({*problems, *found})

    def check_folders(self) -> list[Problem]:
        """What there is to say of the taxonomy, and of folders that are no month's."""
        misnamed = misnamed_months(self.folders.issues, self.folders.shown(self.folders.issues))
        taxonomy, problems = self._taxonomy
        if not problems:
            path = self.folders.issues / "taxonomy.toml"
            issues = [issue for month in self.months() if (issue := self.reading(month).issue)]
            problems = check_taxonomy(taxonomy, path, self.folders.shown(path), issues)
        return problems + misnamed

    def fingerprint(self, month: str) -> str:
        """What changes with anything that the issue is read from. Raises IssueError."""
        files = folder_fingerprint(self.folders.issues / month)
        return f"{files} {self._meaning}"

    @cached_property
    def _meaning(self) -> str:
        """What changes with what the issues' files are read by."""
        return sha256(repr((self.taxonomy, self.rules)).encode()).hexdigest()

    @cached_property
    def redirects(self) -> Mapping[str, str]:
        """Old paths of the archive's pages and the new ones. Raises ProblemsFound."""
        path = self.folders.issues / "redirects.toml"
        problems: list[Problem] = []
        redirects = read_redirects(path, self.folders.shown(path), problems)
        if problems:
            raise ProblemsFound(problems)
        return redirects

    def status(self, month: str) -> IssueStatus:
        """What the editor says of the issue; one with problems is a draft."""
        issue = self.reading(month).issue
        return issue.status if issue else IssueStatus.DRAFT

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
        path, line = self._status_line(month)
        return f"{self.folders.shown(path)}:{line}"

    def approve(self, month: str) -> bool:
        """Write into a draft that it is ready to be sent; False where it was.

        Raises ProblemsFound with what must be mended first, and IssueError for a past issue.
        """
        issue = self.read(month)
        if issue.status is IssueStatus.PAST:
            raise IssueError("the issue is past, and never sent", where=self.place(month))
        if issue.status is IssueStatus.DRAFT:
            path, line = self._status_line(month)
            write_approval(path, self.folders.shown(path), line)
        return issue.status is IssueStatus.DRAFT

    def _status_line(self, month: str) -> tuple[Path, int]:
        path = self.folders.issues / month / "issue.toml"
        places = key_lines(path.read_text("utf-8"))
        return path, places[("status",)].key if ("status",) in places else 1

    @cached_property
    def _taxonomy(self) -> tuple[Taxonomy, list[Problem]]:
        path = self.folders.issues / "taxonomy.toml"
        problems: list[Problem] = []
        return read_taxonomy(path, self.folders.shown(path), problems), problems

    # assemble

    def choice(self, issue: Issue) -> VariantChoice:
        """What decides for `issue` who gets which variant; it remembers what it chose."""
        if (known := self._choice) and known[0] is issue:
            return known[1]
        assemble = assembler(issue, self._when_nothing_matches)

        @cache
        def choose(topics: tuple[str, ...], language: str) -> Variant | None:
            return assemble(topics, language_for(language, self.newsletter.language))

        self._choice = (issue, choose)
        return choose

    def whole(self, issue: Issue) -> Variant:
        """The whole issue in the newsletter's own language."""
        return whole_issue(issue, language_for("", self.newsletter.language))

    # render

    def compile(self, issue: Issue) -> Compiled:
        """The issue rendered in every language."""
        return {language: self.compile_in(issue, language) for language in LANGUAGES}

    def compile_in(self, issue: Issue, language: str) -> CompiledIssue:
        """The issue rendered in one language. Raises RenderError."""
        renderer = Renderer(self.templates, self.newsletter, self.taxonomy)
        return renderer.compile(issue, language)

    def render(self, compiled: Compiled, variant: Variant) -> RenderedVariant:
        """One variant of a compiled issue."""
        return compiled[variant.language].join(variant, self.newsletter)

    def check_issue(
        self, issue: Issue, compiled: Compiled, plan: Plan | None = None
    ) -> list[Problem]:
        """What the checks find in an issue that was read without an error, by file and line."""
        languages = sorted(compiled, key=lambda each: each != self.whole(issue).language)
        proof = Proof(
            issue=issue,
            taxonomy=self.taxonomy,
            folder=self._source_folder(issue),
            templates=TemplateFiles(self.templates.sources("email/", "palette.toml")),
            palette=self.templates.palette,
            wholes=tuple(self.render(compiled, whole_issue(issue, each)) for each in languages),
            render=partial(self.render, compiled),
            plan=plan,
        )
        return check_proof(proof)

    def check_links(self, issue: Issue) -> list[Problem]:
        """What the web says of an issue's links; takes half a minute at most."""
        from newsletter.checks.reach import check_reach  # noqa: PLC0415 - few ask the network

        return check_reach(sent_links(issue, self._source_folder(issue)))

    def _source_folder(self, issue: Issue) -> SourceFolder:
        folder = self.folders.issues / issue.month
        return SourceFolder(folder, self.folders.shown(folder))

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


def _errors(problems: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity is Severity.ERROR]
