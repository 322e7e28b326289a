"""The site of ten years, 120 issues and 360 articles, beside bare Jinja2 on its templates."""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Thread
from typing import TYPE_CHECKING, Any

from httpx import ASGITransport, AsyncClient
from jinja2 import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from newsletter.archive.publish import PublishReport
from newsletter.desk import Desk, Folders
from newsletter.locales import translations
from newsletter.preview.chromium import find_chromium
from newsletter.publication import build_site
from newsletter.sources.issues import ContentRules
from newsletter.templates import Templates
from newsletter.web.archive import serve
from tests.bench import world
from tests.bench.harness import Measure, duration, interleaved, seconds
from tests.browser import FLAGS

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ISSUES = 120
_LARGEST_PAINT = """() => new Promise(done => {
  let last = 0;
  const note = list => list.getEntries().forEach(entry => { last = entry.startTime; });
  new PerformanceObserver(note).observe({type: "largest-contentful-paint", buffered: true});
  setTimeout(() => done(last), 500);
})"""
_WORDS = [
    "alliance",
    "therapy",
    "outcome",
    "the",
    "of",
    "a",
    "patient",
    "session",
    "with",
    "trial",
    "effect",
    "in",
    "group",
    "and",
    "for",
]


class Recording(Templates):
    """Templates that remember what they were asked for."""

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__(folders)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def render(self, name: str, language: str, values: Mapping[str, Any]) -> str:
        self.calls.append((name, dict(values)))
        return super().render(name, language, values)


def measures() -> Iterator[Measure]:
    # In memory where there is such a place: how quick the disk is, is not the program's doing.
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield from _builds(Path(folder))
        yield from _serving(Path(folder) / "archive")
        yield from _painting(Path(folder) / "archive")


def _builds(folder: Path) -> Iterator[Measure]:
    write_issues(folder / "issues")
    recording = Recording([world.ROOT / "templates"])
    build(folder, recording)
    calls, recording.calls = recording.calls, []
    bare = _bare(recording, calls)

    warm = Templates([world.ROOT / "templates"])  # compiled once in a process, as Jinja2's own

    def full() -> None:
        shutil.rmtree(folder / "archive")
        build(folder, warm)

    whole, plain = interleaved(full, bare, runs=5)
    detail = f"{duration(whole)}; {len(calls)} templates"
    yield Measure("archive: full build / bare Jinja2", whole / plain, 3, detail)

    newest = sorted((folder / "issues").iterdir())[-2]  # the last is the taxonomy
    aside = folder / newest.name
    month = []
    for _ in range(5):
        shutil.move(newest, aside)
        build(folder, warm)
        shutil.move(aside, newest)
        month.append(seconds(lambda: build(folder, warm)))
    added = min(month)
    yield Measure("archive: one month more / full build", added / whole, 0.1, duration(added))

    unchanged = min(seconds(lambda: build(folder, warm)) for _ in range(9))
    detail = duration(unchanged)
    yield Measure("archive: nothing new / full build", unchanged / whole, 0.05, detail)


def _serving(site: Path) -> Iterator[Measure]:
    """Our way of serving a page beside Starlette's own files, both without a network."""
    from starlette.concurrency import run_in_threadpool  # noqa: PLC0415 - beside its use
    from starlette.requests import Request  # noqa: PLC0415
    from starlette.responses import Response  # noqa: PLC0415

    async def page(request: Request) -> Response:
        path, headers = request.path_params["path"], dict(request.headers)
        return await run_in_threadpool(serve, site, path, headers) or Response(status_code=404)

    paths = [f"/{path.parent.relative_to(site)}/" for path in site.glob("*/*/index.html")][:100]

    def asking(app: Starlette) -> Callable[[], None]:
        async def ask() -> None:
            async with AsyncClient(transport=ASGITransport(app), base_url="http://site") as client:
                for path in paths:
                    assert (await client.get(path)).status_code == 200

        return lambda: asyncio.run(ask())

    ours = asking(Starlette(routes=[Route("/{path:path}", page)]))
    bare = asking(Starlette(routes=[Mount("/", StaticFiles(directory=site, html=True))]))
    mine, theirs = interleaved(ours, bare, runs=7)
    yield Measure(
        "archive: pages served / bare static files",
        theirs / mine,
        0.5,
        f"{len(paths) / mine:,.0f}/s",
        at_least=True,
    )


def _painting(site: Path) -> Iterator[Measure]:
    """When the largest part of a page is painted by a processor four times slower than this."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - beside its use

    article = max(site.glob("[0-9]*/*/index.html")).parent.relative_to(site)
    handler = partial(Quiet, directory=str(site))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        for name, path in (("front", ""), ("article", f"{article}/"), ("articles", "articles/")):
            address = f"http://127.0.0.1:{server.server_port}/{path}"
            painted = min(_largest_paint(browser, address) for _ in range(5))
            yield Measure(f"archive: largest paint, {name} / 1 s", painted, 1, duration(painted))
        browser.close()
    server.shutdown()


def _largest_paint(browser: "Browser", address: str) -> float:
    context = browser.new_context(viewport={"width": 375, "height": 812})
    page = context.new_page()
    slow = context.new_cdp_session(page)
    slow.send("Emulation.setCPUThrottlingRate", {"rate": 4})
    page.goto(address)
    painted: float = page.evaluate(_LARGEST_PAINT)
    context.close()
    return painted / 1000


class Quiet(SimpleHTTPRequestHandler):
    """Any web server."""

    def log_message(self, *_: object) -> None: ...


def build(folder: Path, templates: Templates) -> PublishReport:
    """All of it from the issues' files on, without the search index."""
    here = world.desk()
    desk = Desk(
        here.newsletter,
        Folders(folder, folder / "issues", folder / "archive"),
        templates,
        ContentRules(("Practice implications",), callout_required=True),
        here._when_nothing_matches,  # noqa: SLF001 - plays no part
    )
    return build_site(desk, set(), {}, is_searched=False)


def _bare(recording: Recording, calls: Sequence[tuple[str, Any]]) -> Callable[[], None]:
    """The same templates with the same values, by Jinja2 alone."""
    environment = Environment(
        loader=FileSystemLoader(world.ROOT / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        translations("en"), newstyle=True
    )
    environment.globals.update(recording.palette, language="en", width=72)

    def render() -> None:
        for name, values in calls:
            environment.get_template(name).render(values)

    return render


def write_issues(folder: Path, issues: int = ISSUES) -> None:
    """Past issues of three articles each, of 250 words and with a call-out; always the same."""
    random = Random(7)  # noqa: S311 - no secret
    folder.mkdir(parents=True)
    shutil.copy(world.ROOT / "issues/taxonomy.toml", folder)
    topics, types = list(world.desk().taxonomy.topics), list(world.desk().taxonomy.research_types)

    def words(count: int) -> str:
        return " ".join(random.choices(_WORDS, k=count))

    for number in range(issues):
        month = folder / f"{2015 + number // 12}-{number % 12 + 1:02}"
        month.mkdir()
        (month / "issue.toml").write_text(
            f'status = "past"\nsubject = "{words(6)}"\npreheader = "{words(12)}"\n', "utf-8"
        )
        for place in range(1, 4):
            chosen = random.sample(topics, 3)
            (month / f"{place:02}-{chosen[0]}.md").write_text(
                f'+++\ntitle = "{words(8)}"\ntopics = {chosen!r}\n'
                f'research_type = "{random.choice(types)}"\nteaser = "{words(18)}."\n'
                f'citation = "{words(20)}."\ndoi = "10.1000/{number}.{place}"\n+++\n\n'
                + "\n\n".join(f"{words(25)} *{words(2)}* {words(23)}." for _ in range(4))
                + f"\n\n## Practice implications\n\n{words(20)}:\n\n- {words(9)}\n- {words(9)}\n",
                "utf-8",
            )
