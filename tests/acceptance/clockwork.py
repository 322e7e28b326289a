"""`newsletter run` as a process of its own that believes another time than it is (libfaketime)."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.acceptance.conftest import NEWSLETTER, Folder
from tests.fakes.ports import free_port

_PATIENCE = 120.0  # seconds, for a machine that is busy with everything else
_PLACES = ("usr/lib/*/faketime/libfaketime.so.1", "usr/local/lib/faketime/libfaketime.so.1")

# By a clock that it is to leave alone, libfaketime now and then sleeps until before its own time,
# which fails.
_REMEDY = "import threading, time\ntime.sleep = lambda seconds: threading.Event().wait(seconds)\n"


class Clockwork:
    """One such process: its clock begins at `believes`, as a clock in `zone` shows it."""

    def __init__(self, folder: Folder, believes: datetime, zone: str) -> None:
        self._port = port = free_port()
        self._log = folder.path / f"run-{port}.txt"
        config = folder.path / f"config-{port}.toml"
        text = (folder.path / "config.toml").read_text("utf-8")
        config.write_text(
            re.sub("^port = 8000$", f"port = {port}", text, flags=re.MULTILINE), "utf-8"
        )
        remedy = folder.path / "remedy"
        remedy.mkdir(exist_ok=True)
        (remedy / "sitecustomize.py").write_text(_REMEDY, "utf-8")
        environ = {
            **folder.environ,
            "PYTHONPATH": str(remedy),
            "LD_PRELOAD": str(_library()),
            "FAKETIME": f"@{believes:%Y-%m-%d %H:%M:%S}",
            "DONT_FAKE_MONOTONIC": "1",
            "TZ": zone,
        }
        command = [NEWSLETTER, "--config", str(config), "run"]
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=folder.path, env=environ, stdout=log, stderr=log
            )

    def await_that(self, is_so: Callable[[], object]) -> None:
        """Return once it is so; the process must live until then."""
        end = time.monotonic() + _PATIENCE
        while not is_so():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < end, self.said()
            time.sleep(0.005)

    def await_serving(self) -> None:
        """Return once the public pages are there; the scheduler is at work before them."""
        self.await_that(self._is_serving)

    def _is_serving(self) -> bool:
        with suppress(OSError), urlopen(f"http://127.0.0.1:{self._port}/healthz", timeout=5):
            return True
        return False

    def said(self) -> str:
        """All that it has said so far."""
        return self._log.read_text("utf-8")

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        assert self.process.wait() == -signal.SIGKILL, self.said()

    def stop(self) -> None:
        """Ask it to end, as systemd does."""
        self.process.terminate()
        assert self.process.wait(_PATIENCE) == 0, self.said()
        assert "Traceback" not in self.said()


@contextmanager
def running(folder: Folder, believes: datetime, zone: str = "UTC") -> Iterator[Clockwork]:
    """`newsletter run` in the folder until the end of the block."""
    if _library() is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs libfaketime")
    clockwork = Clockwork(folder, believes, zone)
    try:
        yield clockwork
    finally:
        clockwork.process.kill()
        clockwork.process.wait()


@cache
def _library() -> Path | None:
    return next((file for place in _PLACES for file in Path("/").glob(place)), None)
