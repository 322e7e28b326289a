"""The machine's Chromium, without a window, for pictures of emails.

It is spoken to in the DevTools protocol over two pipes (JSON, each message ended by a NUL).
"""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from select import select
from tempfile import TemporaryDirectory
from typing import Any, Final

from newsletter.errors import NewsletterError

_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS: Final = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
)
# The protocol's pipes are 3 and 4 in the browser, whatever they are here.
_LAUNCH: Final = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
os.dup2(pipes[0], 3)
os.dup2(pipes[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
_PATIENCE: Final = 20.0  # seconds for any one answer
_TALLEST: Final = 16_000  # pixels; what is below is left out


class ChromiumError(NewsletterError):
    """The browser did not start, or stopped answering."""


def find_chromium(environ: Mapping[str, str] = os.environ) -> str | None:
    """The program that NEWSLETTER_CHROMIUM names, or else the first one on the PATH."""
    named = environ.get("NEWSLETTER_CHROMIUM")
    return shutil.which(named) if named else next(filter(None, map(shutil.which, _NAMES)), None)


class Chromium:
    """A running browser."""

    def __init__(self, to: int, answers: int) -> None:
        self._to = to
        self._from = answers
        self._unread = b""
        self._last = 0
        self._events: set[str] = set()
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._ask("Page.enable")

    def picture(self, url: str, width: int) -> bytes:
        """The whole page at `url` as a PNG, in a window `width` CSS pixels wide."""
        self._resize(width, 800)
        self._events.clear()
        self._ask("Page.navigate", url=url)
        while "Page.loadEventFired" not in self._events:
            self._next()
        size = self._ask("Page.getLayoutMetrics")["cssContentSize"]
        self._resize(width, min(round(size["height"]), _TALLEST))
        shot = self._ask("Page.captureScreenshot", format="png")
        return base64.b64decode(shot["data"])

    def _resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._ask("Emulation.setDeviceMetricsOverride", **size)

    def _ask(self, method: str, **params: object) -> Any:  # noqa: ANN401 - JSON
        self._last += 1
        message: dict[str, object] = {"id": self._last, "method": method, "params": params}
        if not method.startswith("Target."):
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._last:
            pass
        if "error" in answer:
            raise ChromiumError(f"Chromium refused {method}: {answer['error'].get('message')}")
        return answer["result"]

    def _next(self) -> Any:  # noqa: ANN401 - JSON
        while b"\0" not in self._unread:
            ready, _, _ = select([self._from], [], [], _PATIENCE)
            data = os.read(self._from, 1 << 20) if ready else b""
            if not data:
                raise ChromiumError("Chromium does not answer; try again")
            self._unread += data
        data, _, self._unread = self._unread.partition(b"\0")
        message = json.loads(data)
        self._events.add(message.get("method", ""))
        return message


@contextmanager
def running_chromium(path: str) -> Iterator[Chromium]:
    """The browser at `path` for as long as the block takes. Raises ChromiumError."""
    commands, to = os.pipe()
    answers, replies = os.pipe()
    with TemporaryDirectory(prefix="newsletter-", ignore_cleanup_errors=True) as profile:
        try:
            process = subprocess.Popen(  # noqa: S603 - the machine's own browser
                [
                    sys.executable,
                    "-c",
                    _LAUNCH,
                    str(commands),
                    str(replies),
                    path,
                    *_FLAGS,
                    *(["--no-sandbox"] if os.geteuid() == 0 else []),
                    f"--user-data-dir={profile}",
                ],
                pass_fds=(commands, replies),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            raise ChromiumError(f"Chromium does not start: {error.strerror}") from error
        finally:
            os.close(commands)
            os.close(replies)
        try:
            yield Chromium(to, answers)
        except BrokenPipeError as error:
            raise ChromiumError("Chromium does not start") from error
        finally:
            os.close(to)
            os.close(answers)
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
