"""`make chaos`: hundreds of senders killed on each way out; 1 if anybody was lost or mailed twice.

NEWSLETTER_CHAOS_DATABASE may name a PostgreSQL server, whose user may create databases.
"""

import os
import sys
from argparse import ArgumentParser

from sqlalchemy import make_url

from tests.chaos.trial import WAYS_OUT, try_way_out


def main() -> int:
    """Try the ways out that the arguments name, or all."""
    parser = ArgumentParser(prog="chaos")
    parser.add_argument("ways_out", nargs="*", metavar="WAY_OUT", help=", ".join(WAYS_OUT))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--readers", type=int, default=2000)
    chosen = parser.parse_args()
    server = os.environ.get("NEWSLETTER_CHAOS_DATABASE")
    kind = make_url(server or "sqlite://").get_backend_name()
    is_clean = True
    for name in chosen.ways_out or WAYS_OUT:
        tally = try_way_out(
            name, seed=chosen.seed, kills=chosen.kills, readers=chosen.readers, server=server
        )
        print(f"{name:<8} {kind:<10} seed {chosen.seed}  {tally}", flush=True)  # noqa: T201 - its report
        is_clean &= tally.is_clean
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
