"""`newsletter preview` as a command."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.fakes.ports import free_port
from tests.preview.conftest import until

NEWSLETTER = str(Path(sys.executable).with_name("newsletter"))

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(folder: Path) -> Iterator[Run]:
    """Starts the command in a newsletter's folder."""
    running: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [NEWSLETTER, "preview", "--no-browser", *arguments],
            cwd=folder,
            env={**os.environ, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


def url_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    for line in process.stdout:
        if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
            return found[0]
    pytest.fail(f"it said nothing of its address: {process.communicate()}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_ends_quietly_while_pages_are_open(
    run: Run, number: signal.Signals
) -> None:
    process = run("2022-10", "--port", str(free_port()))
    url = url_of(process)
    assert "October 2022" in httpx.get(url, timeout=60).text
    with httpx.stream("GET", f"{url}changes", timeout=60) as stream:
        assert next(stream.iter_lines()).startswith("data: ")
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == ""


def test_only_this_machine_is_answered(run: Run) -> None:
    process = run("--port", str(free_port()))
    port = int(url_of(process).rstrip("/").rpartition(":")[2])
    with socket.socket() as other:
        other.settimeout(2)
        with pytest.raises(OSError, match="refused"):
            other.connect(("127.0.0.2", port))


def test_a_folder_that_is_deleted_and_made_again_is_followed(
    made: Path, folder: Path, run: Run
) -> None:
    process = run("--port", str(free_port()))
    with httpx.Client(base_url=url_of(process), timeout=60) as http:
        assert "alliance" in http.get("/email").text
        shutil.rmtree(folder)
        until(lambda: "There is no issue yet." in http.get("/").text)
        shutil.copytree(made, folder)
        until(lambda: "alliance" in http.get("/email").text)
        article = folder / "issues/2022-11/01-alliance.md"
        text = article.read_text("utf-8")
        article.write_text(text.replace("Few findings", "Hardly any findings"), "utf-8")
        until(lambda: "Hardly any findings" in http.get("/email").text)
    process.terminate()
    assert process.communicate(timeout=60)[1] == ""


def test_a_port_in_use_is_named(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        _, err = run("--port", port).communicate(timeout=60)
    assert err == (
        f"port {port} is in use, perhaps by another preview; name a free one with --port\n"
    )


def test_without_a_wish_the_next_free_port_is_taken(run: Run) -> None:
    first, second = url_of(run()), url_of(run())
    assert first != second


def test_a_month_without_an_issue_is_refused(run: Run) -> None:
    process = run("2031-01")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err == "no issue 2031-01; to begin it: newsletter new 2031-01\n"
