"""A newsletter's public pages under a real server, and what their visitors and editor see."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Final

import httpx

from newsletter.config import load_config
from newsletter.ledger.ledger import Ledger
from newsletter.model.subscriber import Consent, Subscriber
from newsletter.pipeline import Pipeline
from newsletter.settings import Config
from newsletter.starter import create_newsletter
from newsletter.subscriptions import Subscriptions
from newsletter.web.app import create_app
from newsletter.web.server import Server, bind
from newsletter.wiring import open_pipeline, open_public_side, open_subscriptions

MONTH: Final = "2022-11"
SECRET: Final = "a key for the tests of the web"  # noqa: S105
_LINK: Final = re.compile(r"https://digest\.rideau-network\.example(/\S+)")
_visitors = count(1)


def made(folder: Path) -> Path:
    """A new newsletter's folder, whose pages believe a proxy on this machine."""
    create_newsletter(folder)
    settings = folder / "config.toml"
    text = settings.read_text("utf-8").replace("# trusted_proxies", "trusted_proxies")
    settings.write_text(text, "utf-8")
    return folder


def config_of(folder: Path, environ: Mapping[str, str] | None = None) -> Config:
    return load_config(folder / "config.toml", {"NEWSLETTER_SECRET_KEY": SECRET, **(environ or {})})


@dataclass(frozen=True)
class Served:
    """The pages at `url`, and the newsletter behind them."""

    url: str
    folder: Path
    config: Config
    ledger: Ledger

    def visitor(self, **headers: str) -> httpx.Client:
        """Somebody who comes from a network of their own."""
        number = next(_visitors)
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return httpx.Client(base_url=self.url, headers={"X-Forwarded-For": address, **headers})

    def sign_up(self, email: str, **fields: str | list[str]) -> httpx.Response:
        with self.visitor() as visitor:
            return visitor.post("/subscribe", data={"email": email, **fields})

    def subscribe(self, email: str, **fields: str | list[str]) -> Subscriber:
        """Sign somebody up and confirm, by the link in the email."""
        assert self.sign_up(email, **fields).status_code == 200
        with self.visitor() as visitor:
            assert visitor.post(self.link(email, "confirm")).status_code == 200
        self.wait_for_email(email, 2)
        return self.find(email)

    def history(self, address: str) -> list[Consent]:
        """Every consent on record of an address, the oldest first."""
        return self.ledger.subscribers.history(self.find(address).id)

    def emails(self, address: str) -> list[EmailMessage]:
        """What lies in the outbox for an address, the first one first."""
        files = sorted(
            (self.folder / "var/outbox/new").glob("*.eml"), key=lambda f: f.stat().st_mtime_ns
        )
        found = []
        for file in files:
            message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
            assert isinstance(message, EmailMessage)
            if message["To"].addresses[0].addr_spec == address:
                found.append(message)
        return found

    def wait_for_email(self, address: str, number: int = 1) -> EmailMessage:
        """The nth email to an address; it leaves within 5 s of being asked for."""
        latest = time.monotonic() + 5
        while len(found := self.emails(address)) < number:
            assert time.monotonic() < latest, f"no email {number} to {address}"
            time.sleep(0.02)
        return found[number - 1]

    def link(self, address: str, place: str, number: int = 1) -> str:
        """The path of a link in the nth email to an address."""
        return link_in(self.wait_for_email(address, number), place)

    def find(self, address: str) -> Subscriber:
        person = self.ledger.subscribers.find(address)
        assert person is not None, f"{address} is not stored"
        return person

    @property
    def editor(self) -> Subscriptions:
        """What an editor does to the list."""
        return open_subscriptions(self.config)

    @property
    def pipeline(self) -> Pipeline:
        return open_pipeline(self.config)

    def planned(self) -> tuple[dict[str, int], dict[str, int]]:
        """Recipients per variant, and per reason those who get nothing."""
        pipeline = self.pipeline
        plan = pipeline.plan(pipeline.desk.read(MONTH))
        return (
            {variant.id: number for variant, number in plan.variants.items()},
            {reason.value: number for reason, number in plan.skipped.items()},
        )


def link_in(message: EmailMessage, place: str) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    paths: list[str] = _LINK.findall(body.get_content())
    return next(path for path in paths if path.startswith(f"/{place}"))


@contextmanager
def serving(folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Served]:
    """A server of this folder's public side, in a thread of its own."""
    config = config_of(folder, environ)
    public = open_public_side(config)
    app = create_app(public)
    listening = bind("127.0.0.1", 0)
    server = Server(app, config.web.trusted_proxies)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        yield Served(url, folder, config, public.ledger)
    finally:
        server.should_exit = True
        thread.join(timeout=30)
