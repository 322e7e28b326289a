from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from newsletter.backfile.importing import MonthReport, Newsroom, PastImport, Wishes
from newsletter.model.issue import Issue, Taxonomy
from newsletter.sources.issues import ContentRules, read_issue

TAXONOMY = Taxonomy(
    topics={
        "alliance": "Alliance and Therapeutic Relationship",
        "attendance": "Attendance, Attrition, and Drop-Out",
        "groups": "Group Psychotherapy",
        "waiting": "Waiting",
    },
    research_types={
        "meta-analysis": "Meta-analysis",
        "qualitative-study": "Qualitative study",
        "survey": "Survey",
    },
)
RULES = ContentRules(("Practice implications", "Practical implications"), callout_required=True)

Import = Callable[..., list[MonthReport]]


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    issues = tmp_path / "issues"
    issues.mkdir()
    return Newsroom(issues, TAXONOMY, RULES, "en", ZoneInfo("America/Toronto"))


@pytest.fixture
def bring(newsroom: Newsroom, tmp_path: Path) -> Import:
    """Imports what is given, a text, bytes or files by name, into the newsroom's issues."""

    def bring(
        content: object, *, accept: bool = False, rehearse: bool = False
    ) -> list[MonthReport]:
        return list(PastImport(put(content, tmp_path), newsroom).run(Wishes(accept, rehearse)))

    return bring


def put(content: object, folder: Path) -> Path:
    """The content as a file called `export`, or as a folder of that name."""
    path = folder / "export"
    if isinstance(content, dict):
        for name, inner in content.items():
            file = path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(inner if isinstance(inner, bytes) else inner.encode())
    else:
        path.write_bytes(content if isinstance(content, bytes) else str(content).encode())
    return path


def read_back(newsroom: Newsroom, month: str) -> Issue:
    """The issue as the rest of the program reads it."""
    reading = read_issue(newsroom.issues / month, month, newsroom.taxonomy, newsroom.rules)
    assert reading.issue is not None, reading.problems
    return reading.issue
