"""A real browser for tests: the machine's own Chromium, which may speak to this machine alone.

    def test_sign_up(tabs: Tabs) -> None:
        page = tabs.open("http://127.0.0.1:8000/subscribe", width=375, mode="dark")
        assert accessibility_faults(page) == []

Whatever a page asks of another machine, writes to the console as an error or throws fails the test
at its end.
"""

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import pytest

from newsletter.preview.chromium import find_chromium

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

Mode = Literal["light", "dark"]

FLAGS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_NONE: Final = (
    "there is no Chromium on this machine; install one (on Debian: apt-get install chromium) "
    "or name it in NEWSLETTER_CHROMIUM"
)
_PATIENCE: Final = 30_000  # milliseconds; on a busy machine everything takes its time
_HERE: Final = frozenset({"127.0.0.1", "localhost", None})
_GRAVE: Final = frozenset({"serious", "critical"})


def needed_chromium() -> str:
    """The machine's Chromium; without one the test is skipped, or fails where CI is `true`."""
    if found := find_chromium():
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(_NONE, pytrace=False)
    pytest.skip(_NONE)


@pytest.fixture(scope="session")
def chromium() -> Iterator["Browser"]:
    """One browser for all tests of a worker; `tabs` opens pages in it."""
    path = needed_chromium()
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - most tests need none

    expect.set_options(timeout=_PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


class Tabs:
    """Opens pages, each in a context of its own, and notes what they must not do.

    `forgiven` are patterns of errors that a test causes on purpose.
    """

    def __init__(self, browser: "Browser") -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.forgiven: list[str] = []
        self.errors: list[str] = []
        self.off_host: list[str] = []

    def open(
        self,
        url: str = "",
        *,
        width: int = 1280,
        height: int = 800,
        mode: Mode = "light",
        javascript: bool = True,
        **more: Any,  # noqa: ANN401 - whatever else playwright's new_context takes
    ) -> "Page":
        """A page of this size in light or dark mode, at `url` where one is given."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=mode,
            java_script_enabled=javascript,
            reduced_motion="reduce",
            **more,
        )
        self._contexts.append(context)
        context.set_default_timeout(_PATIENCE)
        context.on("request", self._note_request)
        context.on("console", self._note_console)
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        page = context.new_page()
        if url:
            page.goto(url)
        return page

    def close(self) -> None:
        """Close every page."""
        for context in self._contexts:
            context.close()

    @property
    def faults(self) -> list[str]:
        """What the pages did that they must not."""
        errors = [e for e in self.errors if not any(re.search(p, e) for p in self.forgiven)]
        return [*errors, *(f"asked another machine for {url}" for url in self.off_host)]

    def _note_request(self, request: "Request") -> None:
        if urlsplit(request.url).hostname not in _HERE:
            self.off_host.append(request.url)

    def _note_console(self, message: "ConsoleMessage") -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} ({message.location['url']})")


@pytest.fixture
def tabs(chromium: "Browser") -> Iterator[Tabs]:
    """Opens pages; fails the test for an error on the console or a request to another machine."""
    opened = Tabs(chromium)
    yield opened
    opened.close()
    assert opened.faults == []


def accessibility_faults(page: "Page") -> list[str]:
    """What axe-core finds serious or critical on a page, a line for each rule and its places."""
    from axe_playwright_python.sync_playwright import Axe  # noqa: PLC0415 - as above

    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']}: {found['help']}: {[node['target'] for node in found['nodes']]}"
        for found in violations
        if found["impact"] in _GRAVE
    ]
