"""`newsletter backup`: the database in one file."""

from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.options import command_group, load
from newsletter.cli.output import note, say
from newsletter.errors import LedgerError

app = command_group()


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", show_default=False, help="A file not there yet.")
    ],
) -> None:
    """Copy the database to a file, whole, while everything goes on.

    To put it back: stop everything, remove the -wal and -shm files beside the database, and copy
    the file to the database's place. Who may have got an issue since is then asked about.

    Example: newsletter backup "digest-$(date +%F).db"
    """
    from newsletter.backups import back_up_ledger

    if file.exists():
        raise LedgerError("is there already; name another", where=str(file))
    config = load(context)
    back_up_ledger(config, file)
    say(f"The database is in {file} ({file.stat().st_size / 1e6:,.1f} MB).")
    note("It holds addresses: keep it as safe as the database itself.")
