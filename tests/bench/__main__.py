"""`make bench`: every speed that is promised, as a ratio to something bare in the same run.

`python -m tests.bench NAME …` runs some of them, or those of `LONG`, which take minutes.
"""

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
    missed = 0
    for name in sys.argv[1:] or BENCHES:
        for measure in import_module(f"tests.bench.{name}").measures():
            print(measure, flush=True)
            missed += not measure.is_kept
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
