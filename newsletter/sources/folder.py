"""An issue's folder while it is read: what was found in it and what is wrong with it."""

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from newsletter.model.issue import Image
from newsletter.model.problem import Problem, Severity
from newsletter.textfile import decode, read_bytes

_MOST_BYTES: Final = 1_000_000


@dataclass(slots=True)
class IssueFolder:
    """The folder at `path`, called `shown` in messages. Digests are SHA-256 of the files' bytes."""

    path: Path
    shown: str
    problems: list[Problem] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    images: dict[str, Image] = field(default_factory=dict)

    def shown_path(self, name: str) -> str:
        """A file's path as messages give it."""
        return f"{self.shown}/{name}"

    def read_text(self, name: str) -> str | None:
        """A file's text, at most a megabyte; nothing, and a problem, where it cannot be read."""
        data = read_bytes(self.path / name, self.shown_path(name), limit=_MOST_BYTES)
        if isinstance(data, Problem):
            self.problems.append(data)
            return None
        self.keep_digest(name, data)
        text, problems = decode(data, self.shown_path(name))
        self.problems += problems
        return text if text or not problems else None

    def keep_digest(self, name: str, data: bytes) -> None:
        """Note what a file held when it was read."""
        self.digests[name] = sha256(data).hexdigest()

    def warn(self, path: str, line: int, message: str) -> None:
        """Note advice."""
        self.problems.append(Problem(path, line, message, Severity.WARNING))
