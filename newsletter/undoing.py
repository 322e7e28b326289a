"""What is begun is put right where it fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def on_failure(act: Callable[[], object]) -> Iterator[None]:
    """Do it if the block fails, whatever the block raises; that goes its way."""
    try:
        yield
    except BaseException:
        act()
        raise
