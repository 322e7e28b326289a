"""A folder that is made whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def made_whole(target: Path) -> Iterator[Path]:
    """A folder to fill: `target` once the block is done, gone where it fails."""
    target.parent.mkdir(parents=True, exist_ok=True)
    is_there = target.is_dir()
    name = f".{target.absolute().name}.{os.getpid()}"
    staging = target / name if is_there else target.with_name(name)
    try:
        staging.mkdir()
        yield staging
        # A folder that somebody may be standing in is filled; renaming onto it would pull it away.
        for child in list(staging.iterdir()) if is_there else ():
            child.rename(target / child.name)
        if is_there:
            staging.rmdir()
        else:
            staging.rename(target)
    except BaseException as error:
        shutil.rmtree(staging, ignore_errors=True)
        # A full disk names no file, and nobody knows the name that goes before the target's.
        if isinstance(error, OSError) and error.filename in {None, str(staging)}:
            error.filename = str(target)
        raise
