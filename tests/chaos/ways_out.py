"""The three ways out as somebody beside the senders sees them: what arrived, and how often."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Lock
from typing import Final, Protocol

from tests.chaos.smtp_sink import SmtpSink
from tests.fakes.sendgrid_server import FakeSendgrid, Trouble

_TROUBLES: Final = (
    *(Trouble.HANG_BEFORE, Trouble.HANG_AFTER, Trouble.CLOSE_BEFORE, Trouble.CLOSE_AFTER),
    *(Trouble.CUT_SHORT_AFTER, Trouble.ERROR_BEFORE, Trouble.ERROR_AFTER, Trouble.TOO_MANY),
)


class WayOut(Protocol):
    """Where the messages of one round arrive."""

    stride: int  # at most so many steps before a sender is killed
    may_repeat: bool  # what it was given twice arrives once, so that no kill leaves a doubt

    @property
    def settings(self) -> Mapping[str, str]:
        """What to put into config.toml for what stands there."""

    def look_at(self, outbox: Path) -> None:
        """Hear where the outbox is, and see again what is in it."""

    def steps(self) -> int:
        """A number that grows as messages arrive."""

    def rest(self) -> None:
        """Perhaps let time pass while nobody sends."""

    def calm(self) -> None:
        """Make no more trouble."""

    def arrivals(self) -> Counter[str]:
        """How often each delivery has reached its reader, once all time has passed."""

    def explains(self, delivery_id: str, reason: str, /) -> bool:
        """Whether a living sender could not know what became of a delivery."""


class _OutboxWay:
    stride = 80
    may_repeat = True
    settings: Final[Mapping[str, str]] = {}

    def __init__(self) -> None:
        self._files: dict[tuple[str, int], None] = {}
        self._outbox = Path()

    def look_at(self, outbox: Path) -> None:
        self._outbox = outbox
        if outbox.exists():
            # Were a file written again there would be another under its name.
            with os.scandir(outbox) as files:
                self._files |= {(file.name, file.inode()): None for file in files}

    def steps(self) -> int:
        return len(os.listdir(self._outbox)) if self._outbox.exists() else 0  # noqa: PTH208 - twice as quick

    def rest(self) -> None:
        pass

    def calm(self) -> None:
        pass

    def arrivals(self) -> Counter[str]:
        self.look_at(self._outbox)
        return Counter(
            name.removesuffix(".eml")
            for name, _ in self._files
            if (self._outbox / name).read_bytes().endswith(b"--\r\n")
        )

    def explains(self, _delivery_id: str, _reason: str, /) -> bool:
        return False


class _SmtpWay:
    stride = 200
    may_repeat = False

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            'use = "outbox"': 'use = "smtp"',
            '# host = "smtp.example.org"\nsecurity = "starttls"': (
                f'host = "127.0.0.1"\nport = {self._sink.port}\nsecurity = "none"'
            ),
        }

    def look_at(self, outbox: Path) -> None:
        pass

    def steps(self) -> int:
        return self._sink.taken.total()

    def rest(self) -> None:
        pass

    def calm(self) -> None:
        self._sink.is_calm = True

    def arrivals(self) -> Counter[str]:
        return Counter(self._sink.taken)

    def explains(self, delivery_id: str, _reason: str, /) -> bool:
        return delivery_id in self._sink.unanswered


class _SendgridWay:
    stride = 12
    may_repeat = False

    def __init__(self, fake: FakeSendgrid, chance: Random) -> None:
        self._fake = fake
        self._chance = chance
        self._lock = Lock()
        fake.reset_seconds = 1
        fake.choose_trouble = self._choose

    @property
    def settings(self) -> Mapping[str, str]:
        return {
            'use = "outbox"': 'use = "sendgrid"',
            '\n# base_url = "https://api.sendgrid.com" ': f'\nbase_url = "{self._fake.url}" ',
            "timeout_seconds = 20\n": "timeout_seconds = 1\n",
        }

    def look_at(self, outbox: Path) -> None:
        pass

    def steps(self) -> int:
        return len(self._fake.requests)

    def rest(self) -> None:
        """Now and then longer than the time in which something can be called back."""
        if self._chance.random() < 0.1:
            self._fake.advance(timedelta(minutes=self._chance.choice((5, 15, 25))))

    def calm(self) -> None:
        self._fake.choose_trouble = lambda _path: Trouble.NONE

    def arrivals(self) -> Counter[str]:
        self._fake.advance(timedelta(hours=1))
        return Counter(email.custom_args["delivery_id"] for email in self._fake.delivered)

    def explains(self, _delivery_id: str, reason: str, /) -> bool:
        return "not cancelled" in reason

    def _choose(self, _path: str) -> Trouble:
        with self._lock:
            is_well = self._chance.random() < 0.85
            return Trouble.NONE if is_well else self._chance.choice(_TROUBLES)


@contextmanager
def open_way_out(name: str, seed: str) -> Iterator[WayOut]:
    """The way out of that name, for one round."""
    with ExitStack() as stack:
        match name:
            case "smtp":
                yield _SmtpWay(stack.enter_context(SmtpSink(seed)))
            case "sendgrid":
                fake = stack.enter_context(FakeSendgrid())
                yield _SendgridWay(fake, Random(seed))  # noqa: S311 - repeatable
            case _:
                yield _OutboxWay()
