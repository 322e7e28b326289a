"""An issue's folder -> the issue, or every problem of all its files at once."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from newsletter.errors import IssueError
from newsletter.model.issue import Article, Issue, IssueStatus, Notice, Passage, Taxonomy
from newsletter.model.problem import Problem, Severity, did_you_mean
from newsletter.sources.article_files import list_articles
from newsletter.sources.articles import ArticleRules, read_article
from newsletter.sources.fields import take_line, take_optional_line, take_passage
from newsletter.sources.folder import IssueFolder
from newsletter.sources.links import link_fault
from newsletter.sources.passages import check_passage
from newsletter.toml import Table, parse_toml

_MONTH: Final = re.compile(r"[1-9][0-9]{3}-(?:0[1-9]|1[0-2])")
_NO_MONTH: Final = "not read: the folder of a month has a name such as 2022-11"
_FILE: Final = "issue.toml"


@dataclass(frozen=True, slots=True)
class ContentRules:
    """The headings that open an article's call-out, and whether every article must have one."""

    callout: tuple[str, ...]
    callout_required: bool


@dataclass(frozen=True, slots=True)
class IssueReading:
    """What came of reading an issue: none where there is an error, and all problems, sorted.

    `send_at` is known wherever it can be read, whatever else is wrong.
    """

    issue: Issue | None
    problems: tuple[Problem, ...]
    send_at: datetime | None = None


def months(issues: Path) -> list[str]:
    """The months, such as `2022-11`, that have a folder in `issues`, oldest first.

    Raises IssueError where `issues` cannot be read.
    """
    names = (path.name for path in _entries(issues) if path.is_dir())
    return sorted(name for name in names if _MONTH.fullmatch(name))


def misnamed_months(issues: Path, shown: str) -> list[Problem]:
    """A warning for each folder meant as a month's that is not read, as `2022-13` or `2022-1`.

    Raises IssueError where `issues` cannot be read.
    """
    return [
        Problem(f"{shown}/{path.name}", 1, _NO_MONTH, Severity.WARNING)
        for path in sorted(_entries(issues))
        if path.name[:2].isdecimal() and path.is_dir() == (_MONTH.fullmatch(path.name) is None)
    ]


def _entries(issues: Path) -> list[Path]:
    try:
        return list(issues.iterdir())
    except OSError as error:
        message = f"the folder of the issues cannot be read: {error.strerror}"
        raise IssueError(message, where=str(issues)) from error


def read_issue(folder: Path, shown: str, taxonomy: Taxonomy, rules: ContentRules) -> IssueReading:
    """The issue in `folder`, which problems call `shown`, for example `issues/2022-11`.

    A past issue, published before it came here, may lack call-outs and research types. Where
    `taxonomy` has no topics at all, slugs are not looked up in it.
    """
    files = IssueFolder(folder, shown)
    text = files.read_text(_FILE)
    table = parse_toml(text, files.shown_path(_FILE), files.problems) if text is not None else None
    status = _take_status(table) if table is not None else IssueStatus.READY
    is_past = status is IssueStatus.PAST
    article_rules = ArticleRules(
        taxonomy=taxonomy,
        callout=rules.callout,
        callout_required=rules.callout_required and not is_past,
        research_type_required=bool(taxonomy.research_types) and not is_past,
    )
    stems = list_articles(files, table)
    read = [read_article(stem, files, article_rules) for stem in stems]
    articles = tuple(article for article in read if article is not None)
    issue = _read_fields(files, table, status, articles) if table is not None else None
    problems = tuple(sorted(set(files.problems)))
    has_errors = any(problem.severity is Severity.ERROR for problem in problems)
    send_at = issue.send_at if issue else None
    return IssueReading(None if has_errors else issue, problems, send_at)


def _read_fields(
    files: IssueFolder, table: Table, status: IssueStatus, articles: tuple[Article, ...]
) -> Issue:
    issue = Issue(
        month=files.path.name,
        status=status,
        subject=take_line(table, "subject", most=200),
        preheader=take_line(table, "preheader", most=250),
        articles=articles,
        intro=_take_intro(table, files),
        notices=tuple(_take_notice(notice, files) for notice in table.tables("notices")),
        images=files.images,
        send_at=_take_send_at(table, files),
        digests=files.digests,
    )
    table.close()
    return issue


def _take_status(table: Table) -> IssueStatus:
    status = table.take("status", str)
    if status in set(IssueStatus):
        return IssueStatus(status)
    if status:
        known = ", ".join(f'"{value}"' for value in IssueStatus)
        table.report("status", f"status must be one of {known}{did_you_mean(status, IssueStatus)}")
    return IssueStatus.READY


def _take_send_at(table: Table, files: IssueFolder) -> datetime | None:
    send_at = table.take_optional("send_at", datetime)
    if send_at is None:
        return None
    month = files.path.name
    if f"{send_at:%Y-%m}" != month:
        files.warn(
            table.path, table.line("send_at"), f"send_at is not in the issue's month {month}"
        )
    return send_at.astimezone(UTC)


def _take_intro(table: Table, files: IssueFolder) -> Passage | None:
    intro = take_passage(table, "intro")
    check_passage(intro, files)
    return intro if intro.markdown.strip() else None


def _take_notice(table: Table, files: IssueFolder) -> Notice:
    url = take_optional_line(table, "url")
    if url and (fault := link_fault(url)):
        table.report("url", f"the url '{url}' cannot be sent: {fault}")
    body = take_passage(table, "body", required=True)
    check_passage(body, files)
    notice = Notice(take_line(table, "title"), body, url)
    table.close()
    return notice
