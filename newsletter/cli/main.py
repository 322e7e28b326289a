"""The command line's door: what there is to run, and what becomes of an error.

A command's file is imported only when that command runs: `newsletter --help` costs little more
than starting Python and importing Typer.
"""

import atexit
import gc
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from traceback import walk_tb
from typing import Annotated, Any, Final

import typer
from typer._click.exceptions import NoArgsIsHelpError, UsageError  # it exports none of them
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from newsletter.errors import NewsletterError

# Command -> the file it lives in, and its line in the list of commands.
COMMANDS: Final = {
    "init": ("folder", "Make a new newsletter folder from the bundled one."),
    "new": ("folder", "Make a new issue to fill in."),
    "check": ("issues", "List every problem of an issue, or of everything."),
    "approve": ("timetable", "Say that a draft may be sent."),
    "preview": ("preview", "Show an issue in the browser while it is written."),
    "build": ("issues", "Write the emails of an issue to a folder, to look at."),
    "plan": ("issues", "Show who will get what, and who nothing and why."),
    "send": ("sending", "Send an issue, or go on where the last send stopped."),
    "status": ("standing", "Show how the deliveries of an issue stand."),
    "pause": ("control", "Stop sending an issue until it is resumed."),
    "resume": ("control", "Let a paused issue be sent again."),
    "cancel": ("control", "Never send what is left of an issue."),
    "resolve": ("control", "List or settle the deliveries whose answer was lost."),
    "schedule": ("timetable", "Show the next dates, and what each would send."),
    "rehearse": ("rehearsal", "Show what the schedule would do, under a clock of its own."),
    "subscribers": ("subscribers", "Import, export, list and change subscribers."),
    "token": ("token", "Make, list and revoke tokens for the API."),
    "bounces": ("bounces", "Take in what failed mail and complaints say."),
    "backup": ("backup", "Copy the database to a file, while everything goes on."),
    "doctor": ("doctor", "Examine settings, secrets, database, way out and DNS."),
    "archive": ("archive", "Build the public archive, import past issues."),
    "run": ("web", "Send every issue in its time, and serve the public pages."),
    "serve": ("web", "Serve the public pages alone."),
}

# What Typer says of wrong usage -> what a person is told.
_USAGE: Final = {
    r"^Invalid value(?: for '?(.+?)'?)?: (?:Value error, )?": r"\1 ",
    r"Input should be a valid (?:integer|number).*": "must be a whole number",
    r"Input should be greater than or equal to ": "must be at least ",
    r"Input should be less than or equal to ": "must be at most ",
    r"'(.*)' is not one of (.*)": r"must be one of \2",
    r"^Missing (?:argument|option) '(.+)'": r"\1 is missing",
    r"^No such (command|option):? '?([^' ]*)'?": r"there is no \1 '\2'",
    r"\. Did you mean (.*)\?": r"; did you mean \1?",
    r"^Got unexpected extra argument(?:\(s\)|s)? \((.*)\)": r"'\1' is too much",
    r" \(Possible options: (.*)\)": r"; did you mean \1?",
    r"^Option '(.+)' requires an argument": r"\1 needs a value",
    r"^Option '(.+)' does not take a value": r"\1 takes no value",
    r"^ ": "",
}

# What a command loads stays, and what comes and goes by the thousand has no cycles: to look for
# them seldom saves an eighth of a start, and not to look at the end a tenth of a second.
gc.set_threshold(200_000, 50, 50)
atexit.register(gc.freeze)
# Whoever has an answer from the database or the network waits so long for the others' turn to end.
sys.setswitchinterval(0.0005)


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
        typer.Option(
            envvar="NEWSLETTER_CONFIG",
            metavar="PATH",
            readable=False,  # whoever reads it says why it cannot be
            help="The newsletter's settings.",
        ),
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
    is wrong or was broken off, and 2 for wrong usage.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")
    words = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(words)
    except NewsletterError as error:
        _log_failure(words, str(error))
        return _fail(*error.lines)
    except KeyboardInterrupt:
        return _fail("Stopped.")
    except BrokenPipeError:  # whoever read our output has gone
        _settle_output()
        return 1
    except OSError as error:
        _settle_output()
        reason = error.strerror or str(error)
        _log_failure(words, reason)
        return _fail(f"{error.filename}: {reason}" if error.filename else reason)
    except Exception as error:
        if os.environ.get("NEWSLETTER_DEBUG"):
            raise
        fault = _describe_fault(error)
        _log_failure(words, fault)
        return _fail(fault)


def _run(arguments: Sequence[str]) -> int:
    command, in_order = get_command(app), _with_config_first(arguments)
    try:
        status = command(in_order, prog_name="newsletter", standalone_mode=False)
    except UsageError as error:
        return _refuse(error)
    except SystemExit as finished:  # Typer's way out where nobody reads our output
        status = finished.code
    print(end="", flush=True)
    if status == 130:  # what Typer makes of Ctrl-C
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


def _refuse(error: UsageError) -> int:
    """Say in one line what was typed wrong; a group of commands alone gets its help."""
    command = error.ctx.command_path if error.ctx else "newsletter"
    if isinstance(error, NoArgsIsHelpError):
        print(error.message, file=sys.stderr)
    else:
        what = error.format_message().rstrip(".")
        for theirs, ours in _USAGE.items():
            what = re.sub(theirs, ours, what)
        print(f"{command}: {what} (see: {command} --help)", file=sys.stderr)
    return 2


def _fail(*lines: str) -> int:
    for line in lines:
        print(line, file=sys.stderr)
    return 1


def _log_failure(arguments: Sequence[str], reason: str) -> None:
    from newsletter.logs import ERROR, event

    command = next(filter(COMMANDS.__contains__, arguments), None)
    event("command.failed", ERROR, command=command, reason=reason)


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
