"""An issue's folder to write into and read, sound until a test spoils it."""

from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image

from newsletter.model.issue import Article, Issue, Taxonomy
from newsletter.sources.issues import ContentRules, IssueReading, read_issue

TAXONOMY: Final = Taxonomy(
    topics={
        "alliance": "Alliance and Relationship",
        "cbt": "Cognitive Therapy",
        "trauma": "Trauma",
    },
    research_types={"review": "Review", "meta-analysis": "Meta-analysis"},
)
RULES: Final = ContentRules(("Practice implications", "Practical implications"), True)  # noqa: FBT003
ISSUE: Final = """\
status = "ready"
subject = "When the alliance is the treatment"
preheader = "What the subject leaves out"
"""
FRONT: Final = """\
+++
title = "The alliance"
topics = ["alliance"]
research_type = "review"
teaser = "One sentence."
+++
"""
BODY: Final = """
The body.

## Practice implications

What to do.
"""


def picture(kind: str = "PNG", size: tuple[int, int] = (30, 20)) -> bytes:
    data = BytesIO()
    Image.new("RGB", size).save(data, kind)
    return data.getvalue()


class IssueFiles:
    """The folder of November 2022 with issue.toml and the article a.md."""

    def __init__(self, issues: Path) -> None:
        self.path = issues / "2022-11"
        self.path.mkdir()
        self.write("issue.toml", ISSUE)
        self.write("a.md", FRONT + BODY)

    def write(self, name: str, content: str | bytes) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def replace(self, name: str, old: str, new: str) -> None:
        content = (self.path / name).read_text("utf-8")
        assert old in content
        self.write(name, content.replace(old, new))

    def read(self, taxonomy: Taxonomy = TAXONOMY, rules: ContentRules = RULES) -> IssueReading:
        return read_issue(self.path, "issues/2022-11", taxonomy, rules)

    def problems(self) -> list[str]:
        return [str(problem).removeprefix("issues/2022-11/") for problem in self.read().problems]

    def issue(self) -> Issue:
        reading = self.read()
        assert reading.issue is not None, reading.problems
        return reading.issue

    def article(self) -> Article:
        [article] = self.issue().articles
        return article
