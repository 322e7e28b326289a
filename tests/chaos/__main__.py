"""`make chaos`: hundreds of senders killed on each way out; 1 if anybody was lost or mailed twice.

On SQLite and on PostgreSQL: a server of its own, or the one at NEWSLETTER_CHAOS_DATABASE, whose
user may create databases.
"""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.chaos.trial import WAYS_OUT, try_way_out
from tests.fakes.postgresql_server import running

_DATABASES: Final = ("sqlite", "postgresql")


def main() -> int:
    """Try the ways out that the arguments name, or all, on each kind of database."""
    parser = ArgumentParser(prog="chaos")
    parser.add_argument("ways_out", nargs="*", metavar="WAY_OUT", help=", ".join(WAYS_OUT))
    parser.add_argument("--database", choices=_DATABASES, action="append", help="or both")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--readers", type=int, default=2000)
    chosen = parser.parse_args()
    is_clean = True
    for kind in chosen.database or _DATABASES:
        with _server(kind) as server:
            for name in chosen.ways_out or WAYS_OUT:
                tally = try_way_out(
                    name,
                    seed=chosen.seed,
                    kills=chosen.kills,
                    readers=chosen.readers,
                    server=server,
                )
                print(f"{name:<8} {kind:<10} seed {chosen.seed}  {tally}", flush=True)  # noqa: T201 - its report
                is_clean &= tally.is_clean
    return 0 if is_clean else 1


@contextmanager
def _server(kind: str) -> Iterator[str | None]:
    """Where databases may be made; None for files."""
    if kind == "sqlite":
        yield None
    elif given := os.environ.get("NEWSLETTER_CHAOS_DATABASE"):
        yield given
    else:
        with running() as server:
            yield server.fresh()


if __name__ == "__main__":
    sys.exit(main())
