"""How soon a person who asks for help gets it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.harness import Measure, duration, interleaved


def measures() -> Iterator[Measure]:
    def run(*command: str) -> None:
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    newsletter = str(Path(sys.executable).with_name("newsletter"))
    help_, python = interleaved(
        lambda: run(newsletter, "--help"), lambda: run(sys.executable, "-c", "pass"), runs=21
    )
    yield Measure("newsletter --help / python -c pass", help_ / python, 8, duration(help_))
