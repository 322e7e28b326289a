"""How far a send is: a bar with rate and time left on a terminal, else a line per tenth."""

import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from newsletter.cli.output import console, warn
from newsletter.model.delivery import PENDING, IssueState

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.table import Table

    from newsletter.control import Standing

_WINDOW_SECONDS: Final = 20.0  # the rate is that of the last of them
_LOOK_SECONDS: Final = 1.0
_SILENCE_SECONDS: Final = 30.0  # a send waits as long for those who asked for patience


@dataclass(slots=True)
class Pace:
    """How fast something goes lately, from what was done by when (in seconds)."""

    _seen: deque[tuple[float, int]] = field(default_factory=deque)

    def note(self, done: int, at: float) -> None:
        """So many are done by now."""
        while len(self._seen) > 1 and self._seen[1][0] <= at - _WINDOW_SECONDS:
            self._seen.popleft()
        self._seen.append((at, done))

    @property
    def per_second(self) -> float:
        """How many get done in a second; 0 where that is not known yet."""
        (began, before), (at, done) = self._seen[0], self._seen[-1]
        return (done - before) / (at - began) if at > began else 0.0

    def words(self, total: int) -> str:
        """The rate and the time left, as in `5,120/s, 3 min left`."""
        rate = self.per_second
        if not rate:
            return ""
        left = max(0, total - self._seen[-1][1]) / rate
        shown = f"{rate:,.0f}/s" if rate >= 10 else f"{rate:,.1f}/s"
        return f"{shown}, {_duration(left)} left"


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A way to say how many of `total` are done."""
    if not sys.stderr.isatty():
        yield _lines(what, total)
        return
    pace = Pace()
    pace.note(0, monotonic())
    with _bar() as bar:
        task = bar.add_task(what, total=total, pace="")

        def report(done: int) -> None:
            pace.note(done, monotonic())
            bar.update(task, completed=done, pace=pace.words(total))

        yield report


def watch(look: Callable[[], "Standing"], is_being_sent: Callable[[], bool]) -> None:
    """Show an issue that is being sent, anew each second, until that is over or Ctrl-C."""
    from rich.console import Group
    from rich.live import Live

    bar, pace, heard_at = _bar(), Pace(), monotonic()
    standing = look()
    task = bar.add_task(f"Sending {standing.month}", total=None, pace="")
    with Live(console=console(stderr=False), transient=True, auto_refresh=False) as live:
        while True:
            now, total = monotonic(), sum(standing.counts.values())
            done = total - sum(standing.counts.get(status, 0) for status in PENDING)
            if is_being_sent():
                heard_at = now
            elif standing.state is not IssueState.SENDING or now - heard_at > _SILENCE_SECONDS:
                return
            pace.note(done, now)
            bar.update(task, completed=done, total=total, pace=pace.words(total))
            live.update(Group(bar, _counts(standing)), refresh=True)
            sleep(_LOOK_SECONDS)
            standing = look()


def _bar() -> "Bar":
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None, complete_style="cyan", finished_style="cyan"),
        TextColumn("{task.completed:,} of {task.total:,}"),
        TextColumn("{task.fields[pace]}", style="dim"),
        console=console(stderr=True),
        transient=True,
        expand=True,
    )


def _counts(standing: "Standing") -> "Table":
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column(justify="right")
    for status, count in standing.counts.items():
        table.add_row(f"  {status}", f"{count:,}")
    return table


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def _lines(what: str, total: int) -> Callable[[int], None]:
    said = 0

    def report(done: int) -> None:
        nonlocal said
        if total and (tenth := done * 10 // total) > said:
            said = tenth
            warn(f"{what}: {done:,} of {total:,}")

    return report
