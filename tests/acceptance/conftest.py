import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from select import select
from shutil import copytree
from types import TracebackType
from typing import Self

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


def _take_the_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # What runs in the background of a shell ignores Ctrl-C, and so would what it starts.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A command under way on a terminal of 80 columns, used as a context."""

    def __init__(self, folder: Folder, *arguments: str) -> None:
        self._ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self._command = subprocess.Popen(
            [NEWSLETTER, *arguments],
            cwd=folder.path,
            env={**folder.environ, "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_the_terminal,  # noqa: PLW1509 - for Ctrl-C
        )
        os.close(theirs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        os.close(self._ours)
        self._command.kill()
        self._command.wait()

    def read_until(self, words: str) -> str:
        """What is shown up to these words."""
        said = b""
        while words.encode() not in said:
            assert select([self._ours], [], [], 60)[0], f"it shows no {words!r}: {said!r}"
            said += os.read(self._ours, 1000)
        return said.decode("utf-8", "replace")

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def end(self) -> tuple[int, str]:
        """The exit status, and what was shown from here on."""
        said = b""
        with suppress(OSError):  # which is how a terminal ends
            while True:
                assert select([self._ours], [], [], 60)[0], f"it does not end: {said!r}"
                said += os.read(self._ours, 1000)
        return self._command.wait(), said.decode("utf-8", "replace")


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new newsletter folder with the bundled issues and nobody subscribed; to be copied."""
    made = Folder(tmp_path_factory.mktemp("new"))
    made.ok("init", "digest")
    return made.path / "digest"


@pytest.fixture(scope="session")
def subscribed_folder(new_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the example subscribers; to be copied."""
    made = Folder(tmp_path_factory.mktemp("subscribed") / "digest")
    copytree(new_folder, made.path)
    made.ok("subscribers", "import", "subscribers/example.csv")
    return made.path


@pytest.fixture
def folder(new_folder: Path, tmp_path: Path) -> Folder:
    """A new newsletter folder with the bundled issues and nobody subscribed."""
    return Folder(copytree(new_folder, tmp_path / "digest"))


@pytest.fixture
def subscribed(subscribed_folder: Path, tmp_path: Path) -> Folder:
    """The same with the example subscribers."""
    return Folder(copytree(subscribed_folder, tmp_path / "digest"))
