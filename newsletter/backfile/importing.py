"""The door: somebody's archive -> issue folders, month by month, and what is told of each item."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from newsletter.backfile.articles import Editor, ItemText, PastArticle
from newsletter.backfile.front_matter import split_front_matter
from newsletter.backfile.items import Item, LeftOut
from newsletter.backfile.opening import Opener
from newsletter.backfile.proposals import Matcher, Proposal
from newsletter.backfile.runs import squeeze
from newsletter.backfile.writing import PastIssue, remove_remains, write_issue
from newsletter.errors import NewsletterError
from newsletter.folders import made_whole
from newsletter.model.issue import IssueStatus, Taxonomy
from newsletter.sources.issues import ContentRules, read_issue


@dataclass(frozen=True, slots=True)
class Newsroom:
    """The newsletter that issues are imported into."""

    issues: Path
    taxonomy: Taxonomy
    rules: ContentRules
    language: str
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for: the proposals taken as they are, or nothing written."""

    accept_proposals: bool
    is_rehearsal: bool


@dataclass(frozen=True, slots=True)
class TakenArticle:
    """An article of an imported month: the stem of its file, and what was proposed for it."""

    stem: str
    article: PastArticle
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class MonthReport:
    """What became of a month: its status, or none where nothing was written.

    `is_old` where the issue was there before; `unknown` are the source's titles that it lacks.
    """

    month: str
    status: IssueStatus | None = None
    taken: tuple[TakenArticle, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    has_own_subject: bool = False
    is_old: bool = False
    unknown: tuple[str, ...] = ()


class PastImport:
    """One source on its way into a newsletter. Raises NewsletterError where it cannot be read."""

    def __init__(self, source: Path, newsroom: Newsroom) -> None:
        self._source = source
        self._newsroom = newsroom
        self._editor = Editor(newsroom.rules.callout)
        self._matcher = Matcher(newsroom.taxonomy, newsroom.language)
        self.archive = Opener(self._editor, newsroom.zone).open(source)
        in_order = sorted(self.archive.items, key=lambda item: (item.month, item.order))
        self._months = {
            month: tuple(items) for month, items in groupby(in_order, key=lambda item: item.month)
        }

    def __len__(self) -> int:
        """How many months the source has."""
        return len(self._months)

    def run(self, wishes: Wishes) -> Iterator[MonthReport]:
        """Import month after month, oldest first; each is there whole or not at all."""
        for month, items in self._months.items():
            folder = self._newsroom.issues / month
            if folder.exists():
                known = _titles_in(folder)
                unknown = tuple(item.title for item in items if squeeze(item.title) not in known)
                yield MonthReport(month, is_old=True, unknown=unknown)
            else:
                yield self._take(month, items, wishes)

    def _take(self, month: str, items: Sequence[Item], wishes: Wishes) -> MonthReport:
        texts, left_out = self._edit(items)
        articles = [article for text in texts for article in text.articles]
        if not articles:
            return MonthReport(month, left_out=left_out)
        issue = PastIssue(
            month=month,
            articles=articles,
            proposals=[self._matcher.propose(article) for article in articles],
            subject=next((text.subject for text in texts if text.subject), ""),
            intro="\n\n".join(text.intro for text in texts if text.intro),
            pictures={name: data for text in texts for name, data in text.pictures.items()},
        )
        status = self._write(issue, wishes)
        taken = tuple(map(TakenArticle, issue.stems, articles, issue.proposals))
        return MonthReport(month, status, taken, left_out, bool(issue.subject))

    def _edit(self, items: Sequence[Item]) -> tuple[list[ItemText], tuple[LeftOut, ...]]:
        texts: list[ItemText] = []
        left_out: list[LeftOut] = []
        for item in items:
            try:
                texts.append(self._editor.edit(item))
            except NewsletterError as error:
                left_out.append(LeftOut(item.where, item.title, error.what, is_amiss=True))
            except ValueError as fault:
                left_out.append(LeftOut(item.where, item.title, str(fault), is_amiss=True))
        return texts, tuple(left_out)

    def _write(self, issue: PastIssue, wishes: Wishes) -> IssueStatus:
        issues = self._newsroom.issues
        if wishes.is_rehearsal:
            with TemporaryDirectory() as folder:
                return self._fill(issue, Path(folder), wishes)
        remove_remains(issues, issue.month)
        with made_whole(issues / issue.month) as staging:
            return self._fill(issue, staging, wishes)

    def _fill(self, issue: PastIssue, folder: Path, wishes: Wishes) -> IssueStatus:
        """Write the month, as past where nothing is left to be told of it."""
        accepted, source = wishes.accept_proposals, self._source.name
        is_told = accepted and all(map(self._is_told, issue.proposals))
        status = IssueStatus.PAST if is_told else IssueStatus.DRAFT
        write_issue(issue, folder, source, status, with_proposals=accepted)
        room = self._newsroom
        if is_told and read_issue(folder, issue.month, room.taxonomy, room.rules).issue is None:
            status = IssueStatus.DRAFT
            write_issue(issue, folder, source, status, with_proposals=accepted)
        return status

    def _is_told(self, proposal: Proposal) -> bool:
        needs_type = bool(self._newsroom.taxonomy.research_types)
        return bool(proposal.topics) and (bool(proposal.research_type) or not needs_type)


def _titles_in(folder: Path) -> set[str]:
    """The subject and the titles of an issue that may still be unfinished."""
    titles = set()
    for path in (*folder.glob("*.md"), folder / "issue.toml"):
        try:
            text = path.read_text("utf-8")
            values, _ = split_front_matter(text if path.suffix == ".md" else f"+++\n{text}\n+++\n")
        except (OSError, ValueError):
            continue
        titles |= {squeeze(str(values.get(key, ""))) for key in ("title", "subject")}
    return titles
