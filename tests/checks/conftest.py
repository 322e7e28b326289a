from collections.abc import Iterable
from pathlib import Path

import pytest

from newsletter.config import load_config
from newsletter.desk import Desk
from newsletter.dispatch.plan import Plan, make_plan
from newsletter.model.subscriber import SubscriberGroup
from newsletter.starter import create_newsletter, templates_folder
from newsletter.templates import Templates
from newsletter.wiring import open_desk

MONTH = "2022-12"
BUNDLED = Templates([templates_folder()])
ISSUE = """\
status = "ready"
subject = "When the alliance is the treatment"
preheader = "What the subject leaves out, in a line of a length that suits"
intro = \"""
This month we ask what carries a treatment.
\"""

[[notices]]
title = "A workshop in May"
body = "Come and see us."
url = "https://workshop.example/may"
"""
ARTICLE = """\
+++
title = "The alliance: how does it work?"
topics = ["alliance"]
research_type = "review"
teaser = "For some patients a good alliance lets the treatment work."
citation = "Author, A. (2022). A title. A Journal, 1, 2-3."
doi = "10.1002/abc.20941"
+++

The body of the article, with [the paper](https://doi.org/10.1002/abc.20941).

## Practice implications

What to do.
"""


class Editor:
    """A newsletter's folder with one issue and one article, sound until a test spoils them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._has_own_templates = False
        create_newsletter(root)
        (root / "issues" / MONTH).mkdir()
        self.write("issue.toml", ISSUE)
        self.write("a.md", ARTICLE)

    @property
    def desk(self) -> Desk:
        desk = open_desk(load_config(self.root / "config.toml", {}))
        if not self._has_own_templates:
            desk.templates = BUNDLED  # which are compiled already
        return desk

    def path(self, name: str) -> Path:
        """A file of the issue by its name, or of the newsletter by its path."""
        return self.root / name if "/" in name else self.root / "issues" / MONTH / name

    def write(self, name: str, content: str | bytes) -> None:
        self._has_own_templates |= name.startswith("templates/")
        self.path(name).write_bytes(content if isinstance(content, bytes) else content.encode())

    def replace(self, name: str, old: str, new: str) -> None:
        content = self.path(name).read_text("utf-8")
        assert old in content
        self.write(name, content.replace(old, new))

    def findings(self, *kinds: str, plan: Plan | None = None) -> list[str]:
        """What there is to say of the issue; of these severities, or errors and warnings."""
        wanted = kinds or ("error", "warning")
        found = [one for one in self.desk.check(MONTH, plan) if one.severity in wanted]
        return [str(one).removeprefix(f"issues/{MONTH}/") for one in found]

    def plan(self, *choices: Iterable[str], language: str = "en") -> Plan:
        """The plan for a subscriber of each of these choices of topics."""
        groups = [SubscriberGroup(tuple(choice), language, None, 1) for choice in choices]
        desk = self.desk
        return make_plan(MONTH, groups, desk.choice(desk.read(MONTH)))


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    return Editor(tmp_path / "news")
