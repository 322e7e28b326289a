"""Many dialogues over the network side by side in one thread.

Each is a generator that yields what it waits for. Threads would do too, but every message and
every receipt would have to change hands; here whoever reads the results does the work.
"""

from collections.abc import Callable, Generator, Hashable
from functools import partial
from math import ceil, inf
from select import poll
from threading import Event
from time import monotonic
from typing import Final, Generic, NamedTuple, TypeVar

_Key = TypeVar("_Key", bound=Hashable)
_Result = TypeVar("_Result")

_LONGEST_SLEEP: Final = 0.25  # seconds, as somebody may be in a hurry meanwhile


class Wait(NamedTuple):
    """`events` of poll(2) on a descriptor, awaited until `deadline` by time.monotonic."""

    descriptor: int
    events: int
    deadline: float


class DeadlinePassed(Exception):
    """What is raised inside a dialogue that has waited long enough; `str()` says why, if told."""


Dialogue = Generator[Wait, None, _Result]
# One that has something to tell before its end.
LongDialogue = Generator[Wait | _Result, None, _Result]


class Dialogues(Generic[_Key, _Result]):
    """The dialogues under way, each with what its starter knows it by.

    No two wait for the same descriptor. What a dialogue raises comes out of the method that
    moved it on. Once `hurry` is set, by any thread, none waits any longer.
    """

    def __init__(self, hurry: Event | None = None) -> None:
        self._hurry = hurry or Event()
        self._poll = poll()
        self._waiting: dict[int, tuple[_Key, LongDialogue[_Result], Wait]] = {}
        self._ready: list[tuple[_Key, LongDialogue[_Result]]] = []
        self._told: list[tuple[_Key, _Result]] = []
        self._deadline = inf  # no dialogue's is earlier

    def start(self, key: _Key, dialogue: LongDialogue[_Result]) -> None:
        """Run a dialogue up to where it first waits or tells something."""
        self._run(key, dialogue, partial(next, dialogue))

    def advance(self, *, wait: bool) -> list[tuple[_Key, _Result]]:
        """Move on whatever can be, having waited for the first of them if wanted.

        Gives what they told, at their end or before it; they may have told nothing.
        """
        may_wait = wait and not (self._told or self._ready)
        ready, self._ready = self._ready, []
        for key, dialogue in ready:
            self._run(key, dialogue, partial(next, dialogue))
        if self._waiting:
            patience = max(0.0, self._deadline - monotonic()) if may_wait else 0.0
            patience = min(patience, _LONGEST_SLEEP)
            for descriptor, _ in self._poll.poll(ceil(patience * 1000)):
                key, dialogue = self._take(descriptor)
                self._run(key, dialogue, partial(next, dialogue))
            # Only now: what came in while nobody looked has been read.
            now = inf if self._hurry.is_set() else monotonic()
            if now >= self._deadline:
                self._expire(now)
        told, self._told = self._told, []
        return told

    def close(self) -> None:
        """Abandon all dialogues where they are."""
        for descriptor in list(self._waiting):
            self._ready.append(self._take(descriptor))
        while self._ready:
            self._ready.pop()[1].close()

    def _run(
        self, key: _Key, dialogue: LongDialogue[_Result], step: Callable[[], Wait | _Result]
    ) -> None:
        try:
            said = step()
        except StopIteration as end:
            self._told.append((key, end.value))
            return
        if isinstance(said, Wait):
            self._waiting[said.descriptor] = key, dialogue, said
            self._poll.register(said.descriptor, said.events)
            self._deadline = min(self._deadline, said.deadline)
        else:
            self._told.append((key, said))
            self._ready.append((key, dialogue))

    def _take(self, descriptor: int) -> tuple[_Key, LongDialogue[_Result]]:
        key, dialogue, _ = self._waiting.pop(descriptor)
        self._poll.unregister(descriptor)
        return key, dialogue

    def _expire(self, now: float) -> None:
        passed = DeadlinePassed("gave no answer before the stop" if now == inf else "")
        waits = [wait for _, _, wait in self._waiting.values()]
        self._deadline = min((w.deadline for w in waits if w.deadline > now), default=inf)
        for wait in waits:
            if wait.deadline <= now:
                key, dialogue = self._take(wait.descriptor)
                self._run(key, dialogue, partial(dialogue.throw, passed))
