"""What several commands take: the month, --json, and the settings that --config names."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from newsletter.config import load_config, read_config
from newsletter.errors import NewsletterError
from newsletter.logs import DEBUG, INFO, keep_log
from newsletter.model.problem import Problem
from newsletter.settings import Config
from newsletter.values import parse_month

if TYPE_CHECKING:
    from newsletter.pipeline import Pipeline
    from newsletter.subscriptions import Subscriptions
    from newsletter.timetable import Timetable


def command_group(line: str = "") -> typer.Typer:
    """The Typer of one file of commands; `line` describes it where it is a command itself."""
    return typer.Typer(
        help=line,
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def load(context: typer.Context) -> Config:
    """The settings that --config names; from now on events are logged beside them.

    Raises ConfigError or ProblemsFound.
    """
    config = reload(context)
    log(config)
    return config


def reload(context: typer.Context) -> Config:
    """The settings as they are now, for who has loaded them before."""
    return load_config(_config_path(context), os.environ)


def load_anyway(context: typer.Context) -> tuple[Config | None, list[Problem]]:
    """The settings as far as they can be read, and their problems. Raises ConfigError."""
    config, problems = read_config(_config_path(context), os.environ)
    if config and not problems:
        log(config)
    return config, problems


def log(config: Config, *, aloud: bool = False) -> None:
    """Write events to the log beside the settings; `aloud`, to standard error too."""
    keep_log(
        config.path.absolute().parent / "var" / "log",
        hide=config.secrets.hidden,
        level=DEBUG if os.environ.get("NEWSLETTER_DEBUG") else INFO,
        aloud=aloud,
    )


def open_pipeline(config: Config) -> "Pipeline":
    """The pipeline of these settings; what it needs is imported only now."""
    from newsletter import wiring

    return wiring.open_pipeline(config)


def open_subscriptions(config: Config) -> "Subscriptions":
    """The list of subscribers of these settings; what it needs is imported only now."""
    from newsletter import wiring

    return wiring.open_subscriptions(config)


def open_timetable(config: Config) -> "Timetable":
    """The calendar of these settings; what it needs is imported only now."""
    from newsletter import wiring

    return wiring.open_timetable(config)


def _config_path(context: typer.Context) -> Path:
    # While a shell completes a line, the option is read but no command runs.
    return Path(context.obj or context.find_root().params.get("config") or "config.toml")


def _sound_month(month: str | None) -> str | None:
    try:
        return parse_month(month) if month is not None else None
    except ValueError as error:
        raise typer.BadParameter(f"{month!r} {error}") from None


def _months(context: typer.Context, incomplete: str) -> list[str]:
    try:
        folders = load(context).paths.issues.glob("????-??")
    except NewsletterError:
        return []
    return sorted(folder.name for folder in folders if folder.name.startswith(incomplete))


_MONTH: Final = typer.Argument(
    metavar="MONTH",
    callback=_sound_month,
    autocompletion=_months,
    show_default=False,
    help="The month of the issue, such as 2022-11.",
)

Month = Annotated[str, _MONTH]
OptionalMonth = Annotated[str | None, _MONTH]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
