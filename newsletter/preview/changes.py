"""What was saved, told to every open page at once. The only file that knows watchfiles."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Final

from watchfiles import Change, DefaultFilter, awatch

_STEP: Final = 5  # milliseconds of quiet after which a save counts as done
_CALM_STEP: Final = 50  # the same for the settings, which nobody types in all day
_LONGEST: Final = 100  # milliseconds after which it counts as done all the same
_AGAIN: Final = 0.5  # seconds until the folders are looked for again
_PING: Final = 15.0  # seconds; what stands between may drop a silent connection


class _Saved(DefaultFilter):
    """Files that people save; no hidden ones, which editors and `newsletter new` write beside."""

    def __call__(self, change: Change, path: str) -> bool:
        return not Path(path).name.startswith(".") and super().__call__(change, path)


class Changes:
    """The revision of everything a page may show, and who waits for the next one."""

    def __init__(self) -> None:
        self._run = token_hex(4)  # a page of an earlier run must not take ours for its own
        self._count = 0
        self._waiting: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_over = False
        self._is_polling = False

    @property
    def revision(self) -> str:
        """A name for the state of everything; another one after each change."""
        return f"{self._run}-{self._count}"

    def announce(self) -> None:
        """Tell every page that something changed; from any thread."""
        if self._loop is None:
            self._count += 1
        else:
            with suppress(RuntimeError):  # the loop has been closed meanwhile
                self._loop.call_soon_threadsafe(self._announce)

    def close(self) -> None:
        """End every stream, so that the server can stop; from any thread."""
        self._is_over = True
        self.announce()

    async def watch(
        self, folder: Path, watched: Callable[[], list[Path]], forget: Callable[[set[Path]], None]
    ) -> None:
        """Announce every save in `folder` itself and anywhere in the `watched` folders.

        `forget` gets the paths first. Any of the folders may go, and come again.
        """
        self._loop = asyncio.get_running_loop()
        is_known = True  # nobody has read a file yet
        while not self._is_over:
            now = watched()
            with _held([folder, *now]) as are_there:
                tasks = [asyncio.create_task(self._watch_settings(folder, watched, forget))]
                if inside := [path for path in now if path.is_dir()]:
                    tasks.append(asyncio.create_task(self._watch_inside(inside, forget)))
                await asyncio.sleep(0)  # they watch: no save from here on is missed
                if not is_known:
                    forget({folder, *now})
                    self._announce()
                try:
                    while are_there() and now == watched() and not any(t.done() for t in tasks):
                        await asyncio.wait(tasks, timeout=_AGAIN)
                finally:
                    await self._end(tasks)
            is_known = False

    async def stream(self) -> AsyncIterator[bytes]:
        """Server-sent events: the revision now, and again after each change."""
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            while not self._is_over:
                changed.clear()
                yield f"data: {json.dumps({'revision': self.revision})}\n\n".encode()
                while not changed.is_set():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(changed.wait(), _PING)
                    if not changed.is_set():
                        yield b": still here\n\n"
        finally:
            self._waiting.discard(changed)

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        if failures := [end for end in ends if isinstance(end, Exception)]:
            # Where it is not a folder that just went, the system has no more watches to give.
            self._is_polling |= any(not isinstance(end, FileNotFoundError) for end in failures)
            await asyncio.sleep(_AGAIN)

    async def _watch_inside(self, folders: list[Path], forget: Callable[[set[Path]], None]) -> None:
        async for paths in self._saves(*folders, step=_STEP):
            forget(paths)
            self._announce()

    async def _watch_settings(
        self,
        folder: Path,
        watched: Callable[[], list[Path]],
        forget: Callable[[set[Path]], None],
    ) -> None:
        async for paths in self._saves(folder, step=_CALM_STEP, recursive=False):
            if not paths.isdisjoint(watched()):
                forget(paths)
                self._announce()

    async def _saves(
        self, *folders: Path, step: int, recursive: bool = True
    ) -> AsyncIterator[set[Path]]:
        async for found in awatch(
            *folders,
            watch_filter=_Saved(),
            step=step,
            debounce=_LONGEST,
            rust_timeout=0,
            recursive=recursive,
            force_polling=self._is_polling or None,
        ):
            yield {Path(path) for _, path in found}

    def _announce(self) -> None:
        self._count += 1
        for changed in self._waiting:
            changed.set()


@contextmanager
def _held(paths: Iterable[Path]) -> Iterator[Callable[[], bool]]:
    """Gives what tells whether the folders at these paths are still the same ones.

    They are held open meanwhile, so that no new folder can pass for one that is gone.
    """
    held = {path: _open(path) for path in paths if not path.is_file()}
    try:
        yield lambda: all(_is_at(path, handle) for path, handle in held.items())
    finally:
        for handle in held.values():
            if handle is not None:
                os.close(handle)


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return None


def _is_at(path: Path, handle: int | None) -> bool:
    try:
        found = path.stat()
    except OSError:
        return handle is None
    return handle is not None and os.path.samestat(found, os.fstat(handle))
