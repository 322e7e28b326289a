"""A month's articles -> an issue's folder in our own format, whole or not at all."""

import json
import re
import shutil
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from newsletter.backfile.articles import PastArticle
from newsletter.backfile.proposals import Proposal
from newsletter.backfile.wording import cut
from newsletter.model.issue import IssueStatus
from newsletter.textfile import has_control_characters

_MOST_SUBJECT: Final = 120
_MOST_PREHEADER: Final = 200
_MOST_SLUG: Final = 50
_NO_LETTERS: Final = re.compile(r"[^a-z0-9]+")
_ISSUE: Final = """\
# {month}, imported from {source}. `newsletter check {month}` lists what is missing.
{advice}
status = "{status}"    # {meaning}

{made}subject = {subject}
preheader = {preheader}
{intro}"""
_ADVICE: Final = """\
# Give each article its topics and its type of research; what its words suggest stands beside them.
# Then set the status to "past"; a past article may lack its type and its call-out.
"""
_MEANING: Final = {
    IssueStatus.DRAFT: '"past": published before, so in the archive and never sent',
    IssueStatus.PAST: "published before: in the archive, never sent",
}
_MADE: Final = "# Made from the articles, as the source has none.\n"


@dataclass(frozen=True, slots=True)
class PastIssue:
    """A month ready to be written; the proposals are its articles', in their order."""

    month: str
    articles: Sequence[PastArticle]
    proposals: Sequence[Proposal]
    subject: str = ""
    intro: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)

    @property
    def stems(self) -> list[str]:
        """The articles' file names without `.md`."""
        digits = max(2, len(str(len(self.articles))))
        return [
            f"{number:0{digits}}-{_slug(article)}"
            for number, article in enumerate(self.articles, start=1)
        ]


def write_issue(
    issue: PastIssue, folder: Path, source: str, status: IssueStatus, *, with_proposals: bool
) -> None:
    """Write the issue's files into a folder that is there and empty."""
    text = _issue_file(issue, source, status)
    (folder / "issue.toml").write_text(text, "utf-8")
    for stem, article, proposal in zip(issue.stems, issue.articles, issue.proposals, strict=True):
        text = _article_file(article, proposal, is_accepted=with_proposals)
        (folder / f"{stem}.md").write_text(text, "utf-8")
    for name, data in issue.pictures.items():
        (folder / name).write_bytes(data)


def remove_remains(issues: Path, month: str) -> None:
    """Remove what an import that was killed left behind of this month."""
    for remains in issues.glob(f".{month}.*"):
        if remains.is_dir():
            shutil.rmtree(remains, ignore_errors=True)


def _issue_file(issue: PastIssue, source: str, status: IssueStatus) -> str:
    titles = [article.title for article in issue.articles]
    others = "; ".join(titles if issue.subject else titles[1:])
    return _ISSUE.format(
        month=issue.month,
        source=_comment(source),
        advice=_ADVICE if status is IssueStatus.DRAFT else "",
        status=status,
        meaning=_MEANING[status],
        made="" if issue.subject else _MADE,
        subject=_quoted(cut(issue.subject or titles[0], _MOST_SUBJECT)),
        preheader=_quoted(cut(others or issue.articles[0].teaser, _MOST_PREHEADER)),
        intro=f"intro = {_block(issue.intro)}\n" if issue.intro else "",
    )


def _article_file(article: PastArticle, proposal: Proposal, *, is_accepted: bool) -> str:
    topics = json.dumps(proposal.topics)
    slug = proposal.research_type
    lines = [f"title = {_quoted(article.title)}"]
    if is_accepted and proposal.topics:
        lines.append(f"topics = {topics}")
    else:
        lines.append(f"topics = []    # proposed: {topics if proposal.topics else 'none'}")
    if is_accepted and slug:
        lines.append(f'research_type = "{slug}"')
    else:
        lines.append(f'# research_type = "{slug}"    # {"proposed" if slug else "not told"}')
    lines.append(f"teaser = {_quoted(article.teaser)}")
    optional = {"citation": article.citation, "doi": article.doi, "author": article.author}
    lines += [f"{key} = {_quoted(value)}" for key, value in optional.items() if value]
    return "\n".join(["+++", *lines, "+++", "", article.markdown, ""])


def _slug(article: PastArticle) -> str:
    """A name for files and web addresses, from the source's own or the title."""
    for text in (article.slug, article.title):
        letters = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
        slug = _NO_LETTERS.sub("-", letters).strip("-")
        if len(slug) > _MOST_SLUG:
            slug = slug[:_MOST_SLUG].rpartition("-")[0] or slug[:_MOST_SLUG]
        if slug:
            return slug
    return "article"


def _quoted(text: str) -> str:
    """A line of text as TOML's basic string."""
    return json.dumps(text, ensure_ascii=False)


def _block(text: str) -> str:
    """Text of several lines as TOML."""
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return f'"""\n{escaped}\n"""'


def _comment(text: str) -> str:
    return "".join(letter for letter in text if not has_control_characters(letter))
