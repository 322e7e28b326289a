"""How soon a save is in the preview, and the preview on the screen."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx

from newsletter.config import load_config
from newsletter.preview.server import PreviewServer, listen
from newsletter.starter import create_newsletter
from newsletter.wiring import open_desk
from tests.bench.harness import Measure, duration, interleaved, seconds

MONTH = "2022-11"
SAVES = 41


def measures() -> Iterator[Measure]:
    with TemporaryDirectory() as place, ExitStack() as stack:
        few, many = Path(place) / "few", Path(place) / "many"
        for folder in (few, many):
            create_newsletter(folder)
        for number in range(40):
            month = many / f"issues/{1980 + number // 12}-{number % 12 + 1:02d}"
            shutil.copytree(many / "issues" / MONTH, month)
        desk = open_desk(load_config(few / "config.toml", {}))
        issue = desk.read(MONTH)
        of_few, of_many = (stack.enter_context(_saving(folder)) for folder in (few, many))
        rounds = [
            (seconds(of_few), seconds(of_many), seconds(lambda: desk.compile_in(issue, "en")))
            for _ in range(SAVES)
        ]
        one, other, compile_ = map(min, zip(*rounds, strict=True))
        yield Measure("save to new HTML served / one compile", one / compile_, 20, duration(one))
        yield Measure("the same among 40 issues more / among two", other / one, 2, duration(other))
        first, bare = interleaved(lambda: _first_page(few), _import_it, runs=5)
        yield Measure("command to first page / importing it", first / bare, 3, duration(first))


@contextmanager
def _saving(folder: Path) -> Iterator[Callable[[], None]]:
    """What saves an article and returns when the email that holds it was served over HTTP."""
    article = folder / f"issues/{MONTH}/01-alliance.md"
    text = article.read_text("utf-8")
    numbers = count()
    server = PreviewServer(
        lambda: load_config(folder / "config.toml", {}), listen(0, is_wish=True), MONTH
    )
    server.start()
    with (
        httpx.Client(base_url=server.url, timeout=30) as http,
        http.stream("GET", "/changes") as stream,
    ):
        events = (line for line in stream.iter_lines() if line.startswith("data:"))
        next(events)
        http.get("/")

        def save() -> None:
            words = f"Number {next(numbers)}"
            article.write_text(text.replace("Few findings", words), "utf-8")
            next(events)
            while words not in http.get("/email").text:
                next(events)

        yield save
    server.stop()


def _first_page(folder: Path) -> float:
    begun = perf_counter()
    command = [str(Path(sys.executable).with_name("newsletter")), "preview", "--no-browser"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    url = process.stdout.readline().split()[-1]
    httpx.get(url, timeout=30).raise_for_status()
    took = perf_counter() - begun
    process.terminate()
    process.communicate()
    return took


def _import_it() -> None:
    subprocess.run([sys.executable, "-c", "import newsletter.preview.server"], check=True)
