"""A newsletter's folder and its preview, running in this process and spoken to over HTTP."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from newsletter.cli.main import main
from newsletter.config import load_config
from newsletter.preview.server import PreviewServer, listen

MONTH = "2022-11"
ENVIRON = {"NEWSLETTER_SECRET_KEY": "a key for the tests"}

Start = Callable[..., "Previewed"]


def until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    """Wait until something is so; fail where it does not come about."""
    end = monotonic() + seconds
    while not is_so():
        assert monotonic() < end, "it did not come about"
        sleep(0.05)


class Previewed:
    """A newsletter's folder that is being previewed."""

    def __init__(self, path: Path, server: PreviewServer) -> None:
        self.path = path
        self.server = server
        self.url = server.url.rstrip("/")
        self.http = httpx.Client(base_url=self.url, timeout=60)

    def get(self, path: str = "/", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.get(path, headers=named)

    def page(self, path: str = "/") -> str:
        """A page, when the subscribers have been counted."""
        until(lambda: "Counting the subscribers" not in self.get(path).text)
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.path / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    def close(self) -> None:
        self.http.close()
        self.server.stop()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled newsletter with its example subscribers, to be copied."""
    folder = tmp_path_factory.mktemp("made") / "digest"
    config = str(folder / "config.toml")
    assert main(["init", str(folder)]) == 0
    subscribers = str(folder / "subscribers/example.csv")
    assert main(["--config", config, "subscribers", "import", subscribers]) == 0
    return folder


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts the preview of a folder."""
    running: list[Previewed] = []

    def begin(folder: Path, month: str = "") -> Previewed:
        def load() -> object:
            return load_config(folder / "config.toml", ENVIRON)

        server = PreviewServer(load, listen(0, is_wish=True), month)  # type: ignore[arg-type]
        server.start()
        running.append(Previewed(folder, server))
        return running[-1]

    yield begin
    for each in running:
        each.close()


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of the newsletter that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "digest"))


@pytest.fixture
def preview(folder: Path, start: Start) -> Previewed:
    """Its preview, opened on the November issue."""
    return start(folder, MONTH)
