"""`newsletter preview`: the issue in a browser while it is written."""

import os
import sys
from typing import Annotated, Final

import typer

from newsletter.cli.options import OptionalMonth, command_group, load
from newsletter.cli.output import note, say
from newsletter.cli.signals import stop_on_signals
from newsletter.config import load_config
from newsletter.errors import IssueError

app = command_group()

_PORT: Final = 8025


@app.command()
def preview(
    context: typer.Context,
    month: OptionalMonth = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            metavar="PORT",
            help=f"Where on this machine; without it {_PORT}, or the next free one.",
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")
    ] = True,
) -> None:
    """Show an issue in the browser as its readers will get it, at every save.

    Example: newsletter preview 2026-12
    """
    from newsletter.preview.server import PreviewServer, listen

    config = load(context)
    path = config.path.absolute()  # the folder may be moved away and come back meanwhile
    if month and not (config.paths.issues / month).is_dir():
        raise IssueError(f"no issue {month}; to begin it: newsletter new {month}")
    listener = listen(port or _PORT, is_wish=port is not None)
    server = PreviewServer(lambda: load_config(path, os.environ), listener, month or "")
    if port is None and server.port != _PORT:
        note(f"Port {_PORT} is in use; this preview has another one.")
    with stop_on_signals() as stop:
        server.start()
        say(f"The preview is at {server.url}")
        note("It follows every save. Ctrl-C ends it.")
        sys.stdout.flush()
        if browser and _has_screen():
            _open(server.url)
        while not stop.is_set() and not server.wait(0.2):
            pass
        server.stop()


def _has_screen() -> bool:
    """Whether a browser would have a window, and not take this terminal."""
    return sys.platform in {"darwin", "win32"} or not {"DISPLAY", "WAYLAND_DISPLAY"}.isdisjoint(
        os.environ
    )


def _open(url: str) -> None:
    import webbrowser

    webbrowser.open(url)
