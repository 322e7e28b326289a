"""One-click unsubscribing under wrk's load: its rate. And what a running send feels of the web."""

import asyncio
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import which
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
from newsletter.transports.sendgrid.events import SIGNATURE_HEADER, TIMESTAMP_HEADER
from newsletter.web.app import create_app
from newsletter.web.server import Server, bind
from newsletter.wiring import open_desk, open_public_side
from tests.bench import feedback, world
from tests.bench.harness import Measure
from tests.bench.memory import Nowhere

PEOPLE, CONNECTIONS, SECONDS, ROUNDS = 30_000, 16, 3, 3
LEAVING = 50  # one-click POSTs a second, while a send runs: 180,000 an hour
TELLING = 1  # requests with a thousand events a second, as much as of 500 messages
KEY = "a key for the benches"
LAST_MONTH = "2022-10"
_FORM = "application/x-www-form-urlencoded"
_ONE_CLICK = b"List-Unsubscribe=One-Click"


def measures() -> Iterator[Measure]:
    with TemporaryDirectory(dir=world.ROOT) as name:
        folder = Path(name, "digest")
        ids = _newsletter(folder)
        links = Links("", LinkTokens([KEY]))
        leave = [f"/unsubscribe/{links.token(LinkPurpose.UNSUBSCRIBE, one)}" for one in ids]
        if which("wrk"):
            yield _rate(folder, leave, [f"/write/{one}" for one in ids])
        else:
            print("one-click POST: left out, for want of wrk (Debian: apt install wrk)")
        # Whose turn comes last in the send leaves first.
        leaving = [_post(path, _ONE_CLICK, {"Content-Type": _FORM}) for path in reversed(leave)]
        yield _disturbance(folder, leaving, LEAVING, "one-click POSTs/s")
        news = list(_news(_accept(folder)))
        yield _disturbance(folder, news, TELLING, "webhook of 1,000 events/s")


def _rate(folder: Path, leave: Sequence[str], bare: Sequence[str]) -> Measure:
    ours = theirs = 0.0
    share = PEOPLE // ROUNDS
    copy = _copy(folder)
    for turn in range(ROUNDS):  # in turn: what disturbs a run can only make it slower
        part = slice(turn * share, (turn + 1) * share)
        with _served("bare", copy) as port:
            theirs = max(theirs, _load(port, bare[part]))
        with _served("ours", copy) as port:
            ours = max(ours, _load(port, leave[part]))
    return Measure(
        "one-click POST / one committed write",
        ours / theirs,
        0.3,
        f"{ours:,.0f} and {theirs:,.0f} requests/s",
        at_least=True,
    )


def _disturbance(folder: Path, requests: Sequence[bytes], per_second: float, what: str) -> Measure:
    alone, beside = [], []
    for _ in range(ROUNDS):
        with _served("ours", copy := _copy(folder)):
            alone.append(_send(copy))
        with _served("ours", copy := _copy(folder)) as port, _trickling(port, requests, per_second):
            beside.append(_send(copy))
    return Measure(
        f"a send beside {per_second:g} {what} / alone",
        min(beside) / min(alone),
        1.2,
        f"{min(beside):.2f} s and {min(alone):.2f} s for {PEOPLE:,}",
    )


def _accept(folder: Path) -> list[str]:
    """Have the issue before accepted for everybody; the ids of its deliveries."""
    with closing(Database.open(_config(folder).database.url, base=folder)) as database:
        return feedback.accept(Ledger.of(database), LAST_MONTH)


def _news(deliveries: list[str]) -> Iterator[bytes]:
    for body in feedback.requests(deliveries):
        signature, timestamp = feedback.sign(body, datetime.now(UTC))
        headers = {SIGNATURE_HEADER: signature, TIMESTAMP_HEADER: timestamp}
        yield _post("/webhooks/sendgrid", body, headers)


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
def _trickling(port: int, requests: Sequence[bytes], per_second: float) -> Iterator[None]:
    """So many of the requests a second, until the block is done."""
    is_over = threading.Event()
    work = _trickle(port, requests, 1 / per_second, is_over)
    thread = threading.Thread(target=asyncio.run, args=[work])
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


async def _trickle(
    port: int, requests: Sequence[bytes], pause: float, is_over: threading.Event
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for request in requests:
        if is_over.is_set():
            break
        begun = perf_counter()
        await _ask(reader, writer, request)
        await asyncio.sleep(begun + pause - perf_counter())
    writer.close()


def _load(port: int, paths: Sequence[str]) -> float:
    """Answered requests a second over several connections; no path is asked for twice."""
    with TemporaryDirectory() as place:
        script = Path(place, "load.lua")
        listed = ",".join(f'"{path}"' for path in paths)
        script.write_text(_WRK.format(paths=listed, form=_FORM), "utf-8")
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}", "-s", str(script)]
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True
        )
    answered, failed = map(float, done.stdout.splitlines()[-1].split())
    assert failed == 0, done.stdout
    return answered


# wrk's own summary is followed by a line of ours: answers a second, and how many were not sound.
_WRK = """
local paths, place = {{ {paths} }}, 0
wrk.method, wrk.body = "POST", "List-Unsubscribe=One-Click"
wrk.headers["Content-Type"] = "{form}"
function request()
  place = place % #paths + 1
  return wrk.format(nil, paths[place])
end
function done(summary)
  local bad, seconds = summary.errors, summary.duration / 1e6
  print(summary.requests / seconds, bad.status + bad.connect + bad.read + bad.write + bad.timeout)
end
"""


def _post(path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = (f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{''.join(lines)}\r\n".encode() + body


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head[:20], head
    length = next(line for line in head.lower().split(b"\r\n") if b"content-length" in line)
    await reader.readexactly(int(length.partition(b":")[2]))


# What the processes do that are measured.


def _config(folder: Path) -> Config:
    return load_config(
        folder / "config.toml",
        {"NEWSLETTER_SECRET_KEY": KEY, "SENDGRID_WEBHOOK_KEY": feedback.WEBHOOK_KEY},
    )


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
