"""Ratios measured within one run, so that a busy machine slows both sides alike."""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

Work = Callable[[], object]


@dataclass(frozen=True)
class Measure:
    """A ratio and the promise about it: at most, or `at_least`, its limit."""

    name: str
    ratio: float
    limit: float
    detail: str
    at_least: bool = False

    @property
    def is_kept(self) -> bool:
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit

    def __str__(self) -> str:
        bound = ">=" if self.at_least else "<="
        verdict = "" if self.is_kept else "  MISSED"
        return f"{self.name:<58} {self.ratio:8.2f}  {bound} {self.limit:<6g} {self.detail}{verdict}"


def seconds(work: Work, repeat: int = 1) -> float:
    """How long one of `repeat` calls takes."""
    begun = perf_counter()
    for _ in range(repeat):
        work()
    return (perf_counter() - begun) / repeat


def interleaved(ours: Work, theirs: Work, *, runs: int, repeat: int = 1) -> tuple[float, float]:
    """The best seconds of each, run in turn: what disturbs a run can only make it slower."""
    pairs = [(seconds(ours, repeat), seconds(theirs, repeat)) for _ in range(runs)]
    return min(a for a, _ in pairs), min(b for _, b in pairs)


def duration(value: float) -> str:
    """Seconds in a unit that reads well."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if value >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value / 1e-6:.3g} us"
