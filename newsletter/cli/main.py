"""The command line's door: what there is to run, and what becomes of an error.

A command's file is imported only when that command runs: `newsletter --help` costs little more
than starting Python and importing Typer.
"""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from traceback import walk_tb
from typing import Annotated, Any, Final

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from newsletter.errors import NewsletterError

# Command -> the file it lives in, and its line in the list of commands.
COMMANDS: Final = {
    "init": ("folder", "Make a new newsletter folder from the bundled one."),
    "new": ("folder", "Make a new issue to fill in."),
    "check": ("issues", "List every problem of an issue, or of everything."),
    "build": ("issues", "Write the emails of an issue to a folder, to look at."),
    "plan": ("issues", "Show who will get what, and who nothing and why."),
    "send": ("issues", "Send an issue, or go on where the last send stopped."),
    "status": ("issues", "Show how the deliveries of an issue stand."),
    "pause": ("control", "Stop sending an issue until it is resumed."),
    "resume": ("control", "Let a paused issue be sent again."),
    "cancel": ("control", "Never send what is left of an issue."),
    "resolve": ("control", "List or settle the deliveries whose answer was lost."),
    "subscribers": ("subscribers", "Import, export, list and change subscribers."),
    "archive": ("archive", "Build the public archive."),
}


class Commands(TyperGroup):
    """The commands by name and line; the one that is asked for is loaded then."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - Typer's own, passed on
        super().__init__(**settings)
        self.commands = {
            name: TyperCommand(name, help=line) for name, (_, line) in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - types private to Typer
        """The command that `args` begin with, loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, _load_command(name) if name else command, rest


def _load_command(name: str) -> Any:  # noqa: ANN401 - a type private to Typer
    """The command, or the group of commands, of this name."""
    file = COMMANDS[name][0]
    command = get_command(import_module(f"newsletter.cli.{file}").app)
    return command.commands[name] if isinstance(command, TyperGroup) and file != name else command


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"newsletter {version('newsletter')}")
        raise typer.Exit


app = typer.Typer(
    cls=Commands,
    context_settings={"help_option_names": ["--help", "-h"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # Rich would double the time of --help
)


@app.callback()
def _newsletter(
    context: typer.Context,
    config: Annotated[
        Path,
        typer.Option(envvar="NEWSLETTER_CONFIG", metavar="PATH", help="The newsletter's settings."),
    ] = Path("config.toml"),
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """A monthly email newsletter: read → assemble → render → personalise → dispatch → archive."""
    context.obj = config


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the arguments name, by default the command line's.

    Whatever happens is told in lines on standard error. The exit status is 0, or 1 where something
    is wrong, 2 for wrong usage and 130 for Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        return _run(_with_config_first(sys.argv[1:] if arguments is None else arguments))
    except NewsletterError as error:
        return _fail(*error.lines)
    except KeyboardInterrupt:
        _fail("Stopped.")
        return 130
    except BrokenPipeError:  # whoever read our output has gone
        _settle_output()
        return 1
    except OSError as error:
        _settle_output()
        words = error.strerror or str(error)
        return _fail(f"{error.filename}: {words}" if error.filename else words)
    except Exception as error:
        if os.environ.get("NEWSLETTER_DEBUG"):
            raise
        return _fail(_describe_fault(error))


def _run(arguments: Sequence[str]) -> int:
    status: object = 0
    try:
        get_command(app)(arguments, prog_name="newsletter")
    except SystemExit as finished:  # Typer's way to end, whatever happened
        status = finished.code
    print(end="", flush=True)
    if status == 130:
        raise KeyboardInterrupt
    return status if isinstance(status, int) else 0


def _with_config_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--config PATH` before the command, wherever it was written."""
    for place, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--config" or argument.startswith("--config="):
            end = place + (2 if argument == "--config" else 1)
            return [*arguments[place:end], *arguments[:place], *arguments[end:]]
    return list(arguments)


def _fail(*lines: str) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    return 1


def _settle_output() -> None:
    """Write out what is still buffered; where that fails, let it go before Python tries again."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _describe_fault(error: Exception) -> str:
    """One line without the error's own text, which may hold somebody's address."""
    *_, (frame, line) = walk_tb(error.__traceback__)
    return (
        f"A fault in the program, not in your newsletter: {type(error).__name__} in "
        f"{Path(frame.f_code.co_filename).name}:{line}. NEWSLETTER_DEBUG=1 shows the traceback."
    )
