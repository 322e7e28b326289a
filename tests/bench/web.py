"""One-click unsubscribing under load: its rate, and what a send that runs meanwhile feels of it."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from fastapi import FastAPI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from newsletter.config import load_config
from newsletter.ledger.database import Database
from newsletter.ledger.ledger import Ledger
from newsletter.ledger.subscribers import Subscribers
from newsletter.model.subscriber import SubscriberRow
from newsletter.personalise.links import LinkPurpose, Links, LinkTokens
from newsletter.pipeline import Pipeline
from newsletter.settings import Config
from newsletter.starter import create_newsletter
from newsletter.web.app import create_app
from newsletter.web.server import Server, bind
from newsletter.wiring import open_desk, open_public_side
from tests.bench import world
from tests.bench.harness import Measure
from tests.bench.memory import Nowhere

PEOPLE, CONNECTIONS, SECONDS, ROUNDS = 30_000, 16, 3.0, 3
LEAVING = 50  # a second, while a send runs: 180,000 an hour
KEY = "a key for the benches"
_HEAD = (
    "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    "Content-Length: 26\r\n\r\nList-Unsubscribe=One-Click"
)


def measures() -> Iterator[Measure]:
    with TemporaryDirectory(dir=world.ROOT) as name:
        folder = Path(name, "digest")
        ids = _newsletter(folder)
        links = Links("", LinkTokens([KEY]))
        leave = [f"/unsubscribe/{links.token(LinkPurpose.UNSUBSCRIBE, one)}" for one in ids]
        yield _rate(folder, leave, [f"/write/{one}" for one in ids])
        yield _disturbance(folder, leave)


def _rate(folder: Path, leave: Sequence[str], bare: Sequence[str]) -> Measure:
    ours = theirs = 0.0
    share = PEOPLE // ROUNDS
    copy = _copy(folder)
    for turn in range(ROUNDS):  # in turn: what disturbs a run can only make it slower
        part = slice(turn * share, (turn + 1) * share)
        with _served("bare", copy) as port:
            theirs = max(theirs, asyncio.run(_load(port, bare[part])))
        with _served("ours", copy) as port:
            ours = max(ours, asyncio.run(_load(port, leave[part])))
    return Measure(
        "one-click POST / one committed write",
        ours / theirs,
        0.3,
        f"{ours:,.0f} and {theirs:,.0f} requests/s",
        at_least=True,
    )


def _disturbance(folder: Path, leave: Sequence[str]) -> Measure:
    alone, beside = [], []
    for _ in range(ROUNDS):
        with _served("ours", copy := _copy(folder)):
            alone.append(_send(copy))
        with _served("ours", copy := _copy(folder)) as port, _leaving(port, leave):
            beside.append(_send(copy))
    return Measure(
        f"a send beside {LEAVING} one-click POSTs/s / alone",
        min(beside) / min(alone),
        1.2,
        f"{min(beside):.2f} s and {min(alone):.2f} s for {PEOPLE:,}",
    )


def _newsletter(folder: Path) -> list[str]:
    """A newsletter of many people, and their ids."""
    create_newsletter(folder)
    database = Database.open(_config(folder).database.url, base=folder)
    people = Subscribers(database)
    rows = (
        SubscriberRow(f"reader{n}@list.example", f"reader{n}@list.example") for n in range(PEOPLE)
    )
    people.import_rows(rows, now=world.NOW, is_erased=None)
    ids = [person.id for person in people.iterate()]
    database.close()
    return ids


def _copy(folder: Path) -> Path:
    copy = folder.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    return Path(shutil.copytree(folder, copy))


@contextmanager
def _served(which: str, folder: Path) -> Iterator[int]:
    """A server in a process of its own; gives its port."""
    command = [sys.executable, "-m", "tests.bench.web", which, str(folder)]
    with subprocess.Popen(command, cwd=world.ROOT, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())
        finally:
            server.terminate()


def _send(folder: Path) -> float:
    """The seconds of a send to everybody, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.web", "send", str(folder)]
    done = subprocess.run(command, cwd=world.ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(done.stdout))


@contextmanager
def _leaving(port: int, paths: Sequence[str]) -> Iterator[None]:
    """People who leave, so many a second, until the block is done."""
    is_over = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_trickle(port, paths, is_over)))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


async def _trickle(port: int, paths: Sequence[str], is_over: threading.Event) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in reversed(paths):  # whose turn comes last in the send
        if is_over.is_set():
            break
        await _ask(reader, writer, path)
        await asyncio.sleep(1 / LEAVING)
    writer.close()


async def _load(port: int, paths: Sequence[str]) -> float:
    """Answered requests a second over several connections; no path is asked for twice."""
    remaining = iter(paths)
    begun = perf_counter()

    async def visitor() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answered = 0
        for path in remaining:
            await _ask(reader, writer, path)
            answered += 1
            if perf_counter() > begun + SECONDS:
                break
        writer.close()
        return answered

    answered = await asyncio.gather(*(visitor() for _ in range(CONNECTIONS)))
    return sum(answered) / (perf_counter() - begun)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    writer.write(_HEAD.format(path=path).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head[:20], head
    length = next(line for line in head.lower().split(b"\r\n") if b"content-length" in line)
    await reader.readexactly(int(length.partition(b":")[2]))


# What the processes do that are measured.


def _config(folder: Path) -> Config:
    return load_config(folder / "config.toml", {"NEWSLETTER_SECRET_KEY": KEY})


def _bare_app(folder: Path) -> ASGIApp:
    """The same server and framework around nothing but a write, with sqlite3 as it comes."""
    app = FastAPI(openapi_url=None)
    local = threading.local()

    @app.post("/write/{name}")
    def write(name: str) -> PlainTextResponse:
        if not hasattr(local, "database"):
            local.database = sqlite3.connect(folder / "bare.db", isolation_level=None, timeout=30)
            local.database.execute("PRAGMA journal_mode = WAL")
            local.database.execute("PRAGMA synchronous = FULL")
            local.database.execute("CREATE TABLE IF NOT EXISTS gone (name TEXT PRIMARY KEY)")
        local.database.execute("BEGIN IMMEDIATE")
        local.database.execute("INSERT OR IGNORE INTO gone VALUES (?)", (name,))
        local.database.execute("COMMIT")
        return PlainTextResponse("written\n")

    return app


def _serve(app: ASGIApp) -> None:
    listening = bind("127.0.0.1", 0)
    print(json.dumps(listening.getsockname()[1]), flush=True)
    Server(app).run(sockets=[listening])


def _send_all(folder: Path) -> None:
    config = _config(folder)
    ledger = Ledger.of(Database.open(config.database.url, base=folder))
    pipeline = Pipeline(
        open_desk(config),
        open_ledger=lambda: ledger,
        open_links=world.links,
        open_transport=Nowhere,
    )
    begun = perf_counter()
    pipeline.send(pipeline.sendable(world.MONTH))
    print(json.dumps(perf_counter() - begun))


def main(what: str, folder: Path) -> None:
    """Be one of the processes."""
    if what == "send":
        _send_all(folder)
    elif what == "bare":
        _serve(_bare_app(folder))
    else:
        _serve(create_app(open_public_side(_config(folder))))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
