"""`make bench`: every speed that is promised, as a ratio to something bare in the same run.

`python -m tests.bench NAME …` runs some of them, or those of `LONG`, which take minutes.
"""

import subprocess
import sys
from importlib import import_module

import newsletter.cli.main  # noqa: F401 - it sets how Python runs the program

BENCHES = (
    "startup",
    "rendering",
    "checks",
    "messages",
    "outbox",
    "smtp",
    "imports",
    "memory",
    "feedback",
    "web",
    "preview",
    "archive",
    "backfile",
    "sending",
)
LONG = ("planning", "million")


def main() -> int:
    """Run the benches that the arguments name, or all; 1 if a promise is not kept."""
    names = sys.argv[1:] or BENCHES
    if len(names) > 1:  # each in a process of its own: what one leaves in memory, the next counts
        run = [sys.executable, "-m", "tests.bench"]
        return max(subprocess.run([*run, name], check=False).returncode for name in names)
    missed = 0
    for measure in import_module(f"tests.bench.{names[0]}").measures():
        print(measure, flush=True)
        missed += not measure.is_kept
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
