"""What a new newsletter and a new issue begin as. Either is made whole or not at all."""

import shutil
from pathlib import Path
from typing import Final

from newsletter.errors import IssueError, NewsletterError
from newsletter.folders import made_whole

_HERE: Final = Path(__file__).parent
_GITIGNORE: Final = """\
# Written by the program
/var/

# People's addresses and secrets stay out of version control
/subscribers/*
!/subscribers/example.csv
.env
"""
_ISSUE: Final = """\
# The issue of {month}. `newsletter check {month}` lists what is still missing.
# The articles are the .md files beside this one, in the order of their names. Copy the first
# one for each further article; its pictures go into this folder too.

status = "draft"    # "ready" when it may be sent, "past" if it was published elsewhere

subject = ""

# Stands after the subject in the inbox: say what the subject leaves out.
preheader = ""

# A few lines of Markdown before the articles.
# intro = \"""
# This month …
# \"""

# Only if this issue is not to follow the calendar in config.toml:
# send_at = {month}-15T09:00:00-05:00

# Events, calls, news of your own. Everyone gets the notices, whatever their topics.
# [[notices]]
# title = ""
# body = \"""
# \"""
# url = "https://…"
"""
_ARTICLE: Final = """\
+++
title = ""
topics = []           # at least one slug of ../taxonomy.toml, such as ["alliance", "training"]
research_type = ""    # one slug of the research types there
teaser = ""           # one sentence, at most 200 characters: why should I read this?
# citation = ""       # the paper in APA style, plain text
# doi = "10.…"        # without https://doi.org/
# author = ""         # who wrote this summary
# everyone = true     # in full for every subscriber, whatever their topics

# The article follows below in Markdown: a blank line between paragraphs, *italics*,
# [a link](https://…), ![what the picture shows](picture.png).{callout}
+++

"""
_CALLOUT: Final = "\n# The heading at its end opens the call-out; keep it as it is."


def bundled_folder() -> Path:
    """The newsletter that comes with the program: in a checkout, the repository itself."""
    installed = _HERE / "_starter"
    return installed if installed.is_dir() else _HERE.parent


def templates_folder() -> Path:
    """The bundled templates, used where a newsletter's folder has none of its own."""
    return bundled_folder() / "templates"


def create_newsletter(target: Path) -> None:
    """A newsletter's folder at `target`, which must be absent or empty.

    Raises NewsletterError where it is neither.
    """
    if target.exists() and not target.is_dir():
        raise NewsletterError("is a file; name a folder that does not exist yet", where=str(target))
    if target.exists() and any(target.iterdir()):
        raise NewsletterError("is not empty; name another folder", where=str(target))
    bundle = bundled_folder()
    with made_whole(target) as folder:
        shutil.copyfile(bundle / "config.example.toml", folder / "config.toml")
        (folder / "subscribers").mkdir()
        shutil.copyfile(
            bundle / "subscribers" / "example.csv", folder / "subscribers" / "example.csv"
        )
        for name in ("issues", "templates"):
            shutil.copytree(
                bundle / name,
                folder / name,
                ignore=shutil.ignore_patterns(".*", "*~"),
                copy_function=shutil.copyfile,
            )
        (folder / ".gitignore").write_text(_GITIGNORE, "utf-8")


def create_issue(issues: Path, month: str, callout: str = "") -> Path:
    """A draft for `month` (`2026-12`) in the folder `issues`, with one article to fill in.

    `callout` is the heading that is to open the article's call-out. Raises IssueError where the
    month exists.
    """
    folder = issues / month
    if folder.exists():
        raise IssueError(f"there is an issue of {month} already", where=str(folder))
    with made_whole(folder) as draft:
        (draft / "issue.toml").write_text(_ISSUE.format(month=month), "utf-8")
        note, heading = (_CALLOUT, f"\n## {callout}\n") if callout else ("", "")
        article = _ARTICLE.format(callout=note) + heading
        (draft / "01-first-article.md").write_text(article, "utf-8")
    return folder
