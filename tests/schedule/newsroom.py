"""A newsletter whose scheduler is looked at, at instants that a test chooses."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from pathlib import Path
from threading import Event

from newsletter.cli.main import main
from newsletter.config import load_config
from newsletter.model.delivery import IssueState
from newsletter.scheduler import Scheduler, Workshop
from newsletter.wiring import open_workshop

DUE = datetime(2022, 11, 1, 13, tzinfo=UTC)  # the first Tuesday, nine o'clock in Toronto
MONTH = "2022-11"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
EDITOR = "editor@rideau-network.example"


def open_newsroom(folder: Path) -> "Newsroom":
    """November is ready, and October was published elsewhere."""
    assert main(["init", str(folder)]) == 0
    config = str(folder / "config.toml")
    people = str(folder / "subscribers/example.csv")
    assert main(["--config", config, "subscribers", "import", people]) == 0
    newsroom = Newsroom(folder)
    newsroom.edit("config.toml", "to = []", f'to = ["{EDITOR}"]')
    newsroom.edit("issues/2022-10/issue.toml", '"ready"', '"past"')
    return newsroom


class Newsroom:
    """A newsletter's folder, a clock that stands still, and a scheduler that looks at both."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.now = DUE
        self.scheduler = self.restarted()

    def restarted(self) -> Scheduler:
        """A scheduler that remembers nothing."""
        self.scheduler = Scheduler(self.open, Event(), lambda: self.now)
        return self.scheduler

    def open(self) -> AbstractContextManager[Workshop]:
        secrets = {"NEWSLETTER_SECRET_KEY": "k" * 40, "SENDGRID_API_KEY": "SG.fake"}
        config = load_config(self.path / "config.toml", secrets)
        return open_workshop(config, lambda: self.now)

    def tick(self, at: datetime | None = None) -> datetime:
        self.now = at or self.now
        return self.scheduler.tick()

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.path / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def _sent(self) -> list[tuple[str, str]]:
        files = sorted((self.path / "var/outbox/new").glob("*.eml"))
        messages = [BytesParser(policy=policy.default).parsebytes(f.read_bytes()) for f in files]
        return [(message["To"].addresses[0].addr_spec, message["Subject"]) for message in messages]

    def issues(self) -> int:
        """How many copies of an issue have left."""
        return sum(to != EDITOR for to, _ in self._sent())

    def alerts(self) -> list[str]:
        """The subjects of what the editor was told."""
        return sorted(subject for to, subject in self._sent() if to == EDITOR)

    def state(self) -> IssueState:
        with self.open() as workshop:
            return workshop.pipeline.standing(MONTH).state
