"""The issues as they stand on disk, each with the last rendering that could be made of it."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Final

from newsletter.desk import Desk
from newsletter.dispatch.plan import Plan
from newsletter.errors import IssueError, NewsletterError, ProblemsFound
from newsletter.locales import LANGUAGES, language_for
from newsletter.model.issue import Issue, IssueStatus
from newsletter.model.problem import Problem, Severity
from newsletter.preview.excerpts import Excerpts
from newsletter.render.renderer import CompiledIssue
from newsletter.settings import Config
from newsletter.starter import templates_folder
from newsletter.wiring import open_desk

_PLACE: Final = re.compile(r"(?P<path>.+):(?P<line>[0-9]+)")


@dataclass(frozen=True, slots=True)
class Rendering:
    """An issue that could be rendered, and the desk that does it: its taxonomy and templates."""

    issue: Issue
    desk: Desk
    _compiled: dict[str, CompiledIssue] = field(default_factory=dict, repr=False)

    def compiled(self, language: str) -> CompiledIssue:
        """The issue in one language. Raises RenderError."""
        if language not in self._compiled:
            self._compiled[language] = self.desk.compile_in(self.issue, language)
        return self._compiled[language]


@dataclass(frozen=True, slots=True)
class Draft:
    """An issue as it stands: `trouble` keeps it from being rendered as it is now.

    `rendering` is then the last one that could be made, or none since the preview began.
    """

    month: str
    status: IssueStatus
    due_at: datetime
    rendering: Rendering | None
    trouble: tuple[Problem, ...] = ()


class Drafts:
    """Every issue of the newsletter, read anew only where its files have changed.

    Safe to use from several threads. `load` reads the settings; while they are broken the last
    sound ones stay in use.
    """

    def __init__(self, load: Callable[[], Config]) -> None:
        self._load = load
        self._lock = RLock()
        self._config = load()
        self._settings_trouble: tuple[Problem, ...] = ()
        self._desk: Desk | None = None
        self._current: dict[str, Draft] = {}
        self._checked: dict[str, tuple[Plan | None, list[Problem]]] = {}
        self._renderings: dict[str, Rendering] = {}

    @property
    def config(self) -> Config:
        """The settings, as they last were sound."""
        return self._config

    @property
    def desk(self) -> Desk:
        """The desk with the templates and the taxonomy of now."""
        with self._lock:
            if self._desk is None:
                self._desk = open_desk(self._config)
            return self._desk

    @property
    def watched(self) -> list[Path]:
        """The folders and files whose changes matter."""
        paths = self._config.paths
        everything = [paths.issues, paths.templates, self._config.path.absolute()]
        return [path for path in everything if path.exists()]

    @property
    def excerpts(self) -> Excerpts:
        """What reads the lines around a problem."""
        return Excerpts(self.desk.folders.root, [self._config.paths.templates, templates_folder()])

    def forget(self, changed: Collection[Path]) -> None:
        """Have what depends on these files read anew when it is next asked for."""
        months = {self._month_of(path) for path in changed}
        with self._lock:
            if self._config.path.absolute() in changed:
                self._reload()
            if "" in months:  # not one issue's alone
                self._desk = None
                self._current.clear()
                self._checked.clear()
            for month in months:
                self._current.pop(month, None)
                self._checked.pop(month, None)

    def months(self) -> list[str]:
        """The months that have an issue, newest first; none where the folder is not there yet."""
        try:
            return self.desk.months()[::-1]
        except IssueError:
            return []

    def draft(self, month: str) -> Draft:
        """The issue of a month. Raises IssueError where there is none."""
        with self._lock:
            if month not in self._current:
                self._current[month] = self._read(month)
            return self._current[month]

    def check(self, month: str, plan: Plan | None) -> list[Problem]:
        """Every finding about an issue, the gravest first; `plan` is who would get it."""
        with self._lock:
            known = self._checked.get(month)
            if known is None or known[0] != plan:
                known = self._checked[month] = (plan, self._check(month, plan))
            return known[1]

    def _month_of(self, path: Path) -> str:
        issues = self._config.paths.issues
        inside = path.relative_to(issues).parts if path.is_relative_to(issues) else ()
        return inside[0] if len(inside) > 1 else ""

    def _reload(self) -> None:
        try:
            self._config = self._load()
            self._settings_trouble = ()
        except NewsletterError as error:
            shown = self.desk.folders.shown(self._config.path.absolute())
            self._settings_trouble = tuple(
                replace(problem, path=shown) for problem in problems_of(error, shown)
            )

    def _read(self, month: str) -> Draft:
        desk = self.desk
        reading = desk.reading(month)
        status = reading.issue.status if reading.issue else IssueStatus.DRAFT
        trouble = self._settings_trouble
        if reading.issue is None:
            trouble += tuple(p for p in reading.problems if p.severity is Severity.ERROR)
        else:
            rendering = Rendering(reading.issue, desk)
            try:
                rendering.compiled(language_for("", desk.newsletter.language))
                self._renderings[month] = rendering
            except NewsletterError as error:
                place = desk.folders.shown(desk.folders.issues / month / "issue.toml")
                trouble += tuple(problems_of(error, place))
        due_at = reading.send_at or self._config.schedule.due_at(month)
        return Draft(month, status, due_at, self._renderings.get(month), trouble)

    def _check(self, month: str, plan: Plan | None) -> list[Problem]:
        draft = self.draft(month)
        found = list(draft.trouble)
        try:
            found += self.desk.reading(month).problems
            if draft.rendering and not draft.trouble:
                rendering = draft.rendering
                compiled = {each: rendering.compiled(each) for each in LANGUAGES}
                found += rendering.desk.check_issue(rendering.issue, compiled, plan)
        except NewsletterError as error:
            found += problems_of(error, month)
        weights = list(Severity)
        return sorted(dict.fromkeys(found), key=lambda p: (weights.index(p.severity), p))


def problems_of(error: NewsletterError, elsewhere: str) -> list[Problem]:
    """An error as problems with their places, or at `elsewhere` where it names none."""
    if isinstance(error, ProblemsFound):
        return [problem for problem in error.problems if isinstance(problem, Problem)]
    if place := _PLACE.fullmatch(error.where):
        return [Problem(place["path"], int(place["line"]), error.what)]
    return [Problem(error.where or elsewhere, 1, error.what)]
