"""Senders killed at random moments, and the count of what became of every reader's message."""

import time
from collections import Counter
from dataclasses import astuple, dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from signal import SIGKILL
from tempfile import TemporaryDirectory
from typing import Final

from newsletter.model.delivery import PENDING, DeliveryStatus
from tests.chaos.ways_out import WayOut, open_way_out
from tests.chaos.world import Entry, World, fresh_database

WAYS_OUT: Final = ("outbox", "smtp", "sendgrid")
_S: Final = DeliveryStatus
_WRITTEN_OFF: Final = {_S.REFUSED, _S.FAILED, _S.UNCERTAIN}
_LONGEST_WAIT: Final = 1.5  # seconds for a sender to come to the step at which it is killed
_LAST_SENDS: Final = 20


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the readers of one round, or of several."""

    kills: int = 0
    lost: int = 0  # no message, and nothing in the ledger that says so
    duplicated: int = 0
    refused: int = 0  # or failed
    uncertain: int = 0
    uncertain_arrived: int = 0
    unexplained: int = 0  # uncertain for no reason, or written off and yet delivered

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def is_clean(self) -> bool:
        """Whether nobody was lost, mailed twice or is in doubt without need."""
        return not (self.lost or self.duplicated or self.unexplained)

    def __str__(self) -> str:
        return (
            f"kills {self.kills}  lost {self.lost}  duplicated {self.duplicated}  "
            f"uncertain {self.uncertain} ({self.uncertain_arrived} arrived, "
            f"{self.uncertain - self.uncertain_arrived} did not, {self.unexplained} unexplained)  "
            f"refused {self.refused}"
        )


def try_way_out(
    name: str, *, seed: int, kills: int, readers: int, server: str | None = None
) -> Tally:
    """Kill so many senders, or one more, on rounds of an issue to so many readers each.

    `seed` decides what goes wrong and when to kill; the machine's own pace does the rest. `server`
    is the address of a PostgreSQL where databases may be created; without it there is a file.
    """
    tally = Tally()
    number = 0
    while tally.kills < kills:
        number += 1
        words = f"{name} {seed} {number}"
        with (
            TemporaryDirectory(prefix="chaos-") as folder,
            fresh_database(server) as database,
            open_way_out(name, words) as way_out,
        ):
            world = World(Path(folder), database, {"SENDGRID_API_KEY": "SG.fake"})
            chance = Random(words)  # noqa: S311 - repeatable
            try:
                world.found(way_out.settings, readers, chance)
                round_ = _Round(world, way_out, chance)
                round_.kill_senders(kills - tally.kills)
                tally += round_.finish(readers)
            finally:
                world.close()
    return tally


@dataclass(slots=True)
class _Round:
    """One issue, from its first sender to its last."""

    world: World
    way_out: WayOut
    chance: Random
    kills: int = 0
    in_flight: set[str] = field(default_factory=set)  # at any of the kills

    def kill_senders(self, most: int) -> None:
        """Start senders, sometimes two at once, and kill them until one has come to the end."""
        while self.kills < most and self._is_open():
            senders = [self.world.start_sending() for _ in range(self.chance.choice((1, 1, 2)))]
            for sender in senders:
                self._kill(sender)
            self.way_out.rest()

    def finish(self, readers: int) -> Tally:
        """Let one `send` after the other run to its end in peace, and count."""
        self.way_out.calm()
        for _ in range(_LAST_SENDS):
            sender = self.world.start_sending()
            sender.join()
            if not self._is_open():
                break
            self.way_out.rest()
        assert "Traceback" not in self.world.log, self.world.log
        return self._count(self.world.entries(), self.way_out.arrivals(), readers)

    def _is_open(self) -> bool:
        entries = self.world.entries()
        return not entries or any(entry.status in PENDING for entry in entries.values())

    def _kill(self, sender: ForkServerProcess) -> None:
        """Kill it at some moment after its start, or at a certain step on its way."""
        self._wait(sender)
        sender.kill()
        sender.join()
        self.kills += sender.exitcode == -SIGKILL
        self.way_out.look_at(self.world.outbox)
        self.in_flight |= self.world.in_flight()

    def _wait(self, sender: ForkServerProcess) -> None:
        if self.chance.random() < 0.3:
            sender.join(self.chance.uniform(0, 0.5))
            return
        step = self.way_out.steps() + self.chance.randint(1, self.way_out.stride)
        latest = time.monotonic() + _LONGEST_WAIT
        while self.way_out.steps() < step and time.monotonic() < latest and sender.is_alive():
            time.sleep(0.002)
        time.sleep(self.chance.uniform(0, 0.005))

    def _count(self, entries: dict[str, Entry], arrivals: Counter[str], readers: int) -> Tally:
        assert entries.keys() >= arrivals.keys()
        written_off = {key for key, entry in entries.items() if entry.status in _WRITTEN_OFF}
        uncertain = {key for key in written_off if entries[key].status is _S.UNCERTAIN}
        explained = {x for x in uncertain if self.way_out.explains(x, entries[x].reason)}
        if not self.way_out.may_repeat:
            explained |= uncertain & self.in_flight
        refused = written_off - uncertain
        return Tally(
            kills=self.kills,
            lost=readers - len(arrivals.keys() | written_off),
            duplicated=sum(1 for times in arrivals.values() if times > 1),
            refused=len(refused),
            uncertain=len(uncertain),
            uncertain_arrived=len(uncertain & arrivals.keys()),
            unexplained=len(uncertain - explained) + len(refused & arrivals.keys()),
        )
