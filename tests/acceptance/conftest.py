import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

NEWSLETTER = str(Path(sys.executable).with_name("newsletter"))


@dataclass(frozen=True)
class Run:
    """A finished command."""

    code: int
    out: str
    err: str


class Folder:
    """A newsletter's folder and the commands that run in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ = {
            **os.environ,
            "NEWSLETTER_SECRET_KEY": "a key for the tests",
            "NO_COLOR": "1",
        }

    def run(
        self, *arguments: str, stdin: str = "", environ: Mapping[str, str] | None = None
    ) -> Run:
        done = subprocess.run(
            [NEWSLETTER, *arguments],
            cwd=self.path,
            env={**self.environ, **(environ or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def ok(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.code == 0, done.err
        return done.out

    def refused(self, *arguments: str, stdin: str = "") -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.code == 1, (done.out, done.err)
        assert "Traceback" not in done.err
        assert "fault in the program" not in done.err
        return done.err

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.path / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def emails(self) -> dict[str, EmailMessage]:
        """The messages in the outbox by the address they are for."""
        messages = (
            BytesParser(policy=policy.default).parsebytes(file.read_bytes())
            for file in (self.path / "var/outbox/new").glob("*.eml")
        )
        found = {}
        for message in messages:
            assert isinstance(message, EmailMessage)
            found[message["To"].addresses[0].addr_spec] = message
        return found


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A new newsletter folder with the bundled issues and nobody subscribed."""
    made = Folder(tmp_path)
    made.ok("init", "digest")
    made.path = tmp_path / "digest"
    return made


@pytest.fixture
def subscribed(folder: Folder) -> Folder:
    """The same with the example subscribers."""
    folder.ok("subscribers", "import", "subscribers/example.csv")
    return folder
