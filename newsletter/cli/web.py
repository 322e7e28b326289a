"""The commands that run until they are told to stop: `serve`, and `run`, which also sends."""

from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

import typer

from newsletter.cli.options import command_group, load, log, reload
from newsletter.cli.output import note, say, warn

if TYPE_CHECKING:
    from socket import socket

    from newsletter.settings import Config

app = command_group()


@app.command()
def serve(context: typer.Context) -> None:
    """Serve the public pages: the archive, sign-up, preferences, unsubscribing, webhooks.

    Example: newsletter serve
    """
    _open(context)()


@app.command()
def run(context: typer.Context) -> None:
    """Send every issue in its time and serve the public pages, until told to stop.

    Example: newsletter run
    """
    from newsletter.alarm import ringing
    from newsletter.scheduler import Scheduler
    from newsletter.wiring import open_workshop

    stop = Event()
    serve_pages = _open(context, on_signal=stop.set)
    note("Issues leave by themselves; to see when: newsletter schedule")
    scheduler = Scheduler(lambda: open_workshop(reload(context)), stop)
    with ringing(scheduler.tick, report=lambda error: warn(str(error))):
        serve_pages()


def _open(
    context: typer.Context, on_signal: Callable[[], None] = lambda: None
) -> Callable[[], None]:
    """Open the public pages and say where they are; gives what serves them until the end."""
    from newsletter.web.app import create_app
    from newsletter.web.server import Server, bind
    from newsletter.wiring import open_public_side

    config = load(context)
    public = open_public_side(config)
    listening = bind(config.web.host, config.web.port)
    log(config, aloud=True)
    _say_where(config, listening)
    server = Server(create_app(public), config.web.trusted_proxies, on_signal)
    return partial(server.run, sockets=[listening])


def _say_where(config: "Config", listening: "socket") -> None:
    host = f"[{config.web.host}]" if ":" in config.web.host else config.web.host
    say(f"The public pages are at http://{host}:{listening.getsockname()[1]}/")
    note(f"Visitors reach them as {config.newsletter.base_url}. Ctrl-C ends this.")
