"""A folder that is made whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from newsletter.undoing import on_failure


@contextmanager
def made_whole(target: Path) -> Iterator[Path]:
    """A folder to fill: `target` once the block is done, gone where it fails."""
    target.parent.mkdir(parents=True, exist_ok=True)
    is_there = target.is_dir()
    name = f".{target.absolute().name}.{os.getpid()}"
    staging = target / name if is_there else target.with_name(name)
    try:
        with on_failure(partial(shutil.rmtree, staging, ignore_errors=True)):
            staging.mkdir()
            yield staging
            # A folder somebody may be standing in is filled; a rename onto it would pull it away.
            for child in list(staging.iterdir()) if is_there else ():
                child.rename(target / child.name)
            if is_there:
                staging.rmdir()
            else:
                staging.rename(target)
    except OSError as error:
        # A full disk names no file, and nobody knows the name that goes before the target's.
        if error.filename in {None, str(staging)}:
            error.filename = str(target)
        raise
