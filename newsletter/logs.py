"""What happened, one JSON object a line, for whoever keeps the newsletter running.

Whatever calls `event` is heard once `keep_log` has named a folder. Only events get into the log,
never the lines of a library, and no text of theirs gets there with an address, a key or a token.
"""

import fcntl
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from logging import DEBUG, ERROR, INFO, WARNING
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

__all__ = ["DEBUG", "ERROR", "INFO", "WARNING", "censored", "event", "keep_log", "overhear"]

Fact = str | int | float | datetime | None

_FILE: Final = "newsletter.log"
_LARGEST: Final = 5_000_000  # bytes; then it becomes newsletter.log.1 and a new one begins
_KEPT: Final = 5
_SHORTEST_SECRET: Final = 4  # a shorter one would blot out half of every line

_LOG: Final = logging.getLogger("newsletter")
_LOG.propagate = False
_LOG.addHandler(logging.NullHandler())

_ADDRESS: Final = re.compile(r"\S*(?:[@\uff20\ufe6b]|%40)\S*")
_RUN: Final = re.compile(r"[A-Za-z0-9_+=-]{16,}")
_WORD: Final = r"(?:[A-Z]{0,6}(?:[A-Z]?[a-z]{2,24}){1,4}|[A-Z]{1,12}|[a-z]|[0-9]{1,8})"
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_HARMLESS: Final = rf"{_UUID}|[-_]*{_WORD}(?:[-_]+{_WORD})*[-_]*|[-_=+]+"  # few meet it: 20 ms


def event(name: str, level: int = INFO, /, **facts: Fact) -> None:
    """Write down what happened: `send.begun`, and numbers and words about it.

    No fact is a person's name or text: those cannot be told from other words.
    """
    _LOG.log(level, name, extra={"facts": facts})


def keep_log(
    folder: Path, *, hide: Collection[str] = (), level: int = INFO, aloud: bool = False
) -> None:
    """Write events of at least `level` to newsletter.log in `folder`, made when there is one.

    `hide` are the secrets; `aloud` writes to standard error too, on a terminal in words. The file
    is shared by all processes and kept small; one that cannot be written keeps nothing else from
    being done.
    """
    for old in _LOG.handlers[1:]:
        _LOG.removeHandler(old)
        old.close()
    handlers: list[logging.Handler] = [_SharedFile(folder / _FILE)]
    handlers[0].setFormatter(_Lines(hide))
    if aloud:
        handlers.append(logging.StreamHandler(sys.stderr))
        handlers[1].setFormatter(_Sentences(hide) if sys.stderr.isatty() else _Lines(hide))
    for handler in handlers:
        handler.addFilter(lambda record: hasattr(record, "facts"))
        _LOG.addHandler(handler)
    _LOG.setLevel(level)


@contextmanager
def overhear(hear: Callable[[str, Mapping[str, Fact]], None]) -> Iterator[None]:
    """Tell `hear` of every event, and nobody else, until the end of the block."""
    before, level = _LOG.handlers, _LOG.level
    _LOG.handlers = [_Ear(hear)]
    _LOG.setLevel(INFO)
    try:
        yield
    finally:
        _LOG.handlers = before
        _LOG.setLevel(level)


def censored(text: str, hide: Collection[str] = ()) -> str:
    """`text` without what `hide` names and what looks like an address, a key or a token."""
    for secret in sorted(hide, key=len, reverse=True):
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret, "[secret]")
    text = _ADDRESS.sub("[address]", text)
    return _RUN.sub(lambda run: run[0] if re.fullmatch(_HARMLESS, run[0]) else "[secret]", text)


class _Ear(logging.Handler):
    """Passes an event on as it is."""

    def __init__(self, hear: Callable[[str, Mapping[str, Fact]], None]) -> None:
        super().__init__()
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self._hear(record.msg, vars(record)["facts"])


class _Lines(logging.Formatter):
    """An event as one line of JSON."""

    def __init__(self, hide: Collection[str]) -> None:
        super().__init__()
        self._hide = tuple(hide)

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, Fact] = vars(record)["facts"]
        document = {
            "at": _instant(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "event": record.msg,
            "process": record.process,
            **{name: self._plain(value) for name, value in facts.items() if value is not None},
        }
        return json.dumps(document, ensure_ascii=False)

    def _plain(self, value: Fact) -> Fact:
        if isinstance(value, str):
            return censored(value, self._hide)
        return _instant(value) if isinstance(value, datetime) else value


class _Sentences(_Lines):
    """An event as a line for a person who looks on."""

    def format(self, record: logging.LogRecord) -> str:
        facts: dict[str, Fact] = vars(record)["facts"]
        told = (f"{n} {self._plain(v)}" for n, v in facts.items() if v is not None)
        at = datetime.fromtimestamp(record.created).astimezone()
        level = "" if record.levelno <= INFO else f"{record.levelname.lower()}: "
        return f"{at:%H:%M:%S}  {level}{record.msg}  {', '.join(told)}"


class _SharedFile(RotatingFileHandler):
    """A file that several processes append to, a line at a write, and any of them may rotate."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            maxBytes=_LARGEST,
            backupCount=_KEPT,
            encoding="utf-8",
            delay=True,
            errors="replace",
        )
        self._path = path

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - logging's name
        self._follow()
        return bool(super().shouldRollover(record))

    def doRollover(self) -> None:  # noqa: N802 - logging's name
        with self._alone():
            self._follow()
            if self.stream:  # nobody else was quicker
                super().doRollover()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Go on without the line: a full disk is told of by what was to be done."""

    def _open(self) -> TextIOWrapper:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def _follow(self) -> None:
        """Leave a file that another process has put away."""
        if self.stream and not _is_at(self._path, self.stream.fileno()):
            self.stream.close()
            self.stream = None  # as logging itself does

    @contextmanager
    def _alone(self) -> Iterator[None]:
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
