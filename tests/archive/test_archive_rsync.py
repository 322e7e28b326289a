"""The site goes to another machine: a real rsync server on this one stands for it."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from socket import create_connection

import pytest

from newsletter.archive.destination import copy_by_rsync
from newsletter.errors import NewsletterError
from tests.archive.conftest import Publish
from tests.fakes.ports import free_port


@pytest.fixture
def there(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server's module, and the folder that it keeps."""
    rsync = shutil.which("rsync")
    if rsync is None:
        pytest.skip("needs rsync")
    port, folder, settings = free_port(), tmp_path / "there", tmp_path / "rsyncd.conf"
    folder.mkdir()
    owner = (f"uid = {os.geteuid()}", f"gid = {os.getegid()}")
    lines = ("use chroot = no", *owner, "[www]", f"path = {folder}", "read only = no")
    settings.write_text("\n".join((*lines, "")), "utf-8")
    command = [rsync, "--daemon", "--no-detach", "--address=127.0.0.1"]
    with subprocess.Popen([*command, f"--port={port}", f"--config={settings}"]) as server:
        try:
            _await(port)
            yield f"rsync://127.0.0.1:{port}", folder
        finally:
            server.terminate()


def test_rsync_carries_the_site_and_leaves_what_others_put_there(
    publish: Publish, archive: Path, there: tuple[str, Path]
) -> None:
    publish()
    address, folder = there
    (folder / "theirs.html").write_text("theirs", "utf-8")
    copy_by_rsync(archive, f"{address}/www")

    public = {path for path in _files(archive) if not any(p[0] == "." for p in path.parts)}
    assert _files(folder) == public | {Path("theirs.html")}
    assert all((folder / path).read_bytes() == (archive / path).read_bytes() for path in public)


def test_a_place_that_is_not_there_is_told_in_rsyncs_own_words(
    publish: Publish, archive: Path, there: tuple[str, Path]
) -> None:
    publish()
    address, _ = there
    with pytest.raises(NewsletterError, match=f"^{address}/nowhere: .*nowhere"):
        copy_by_rsync(archive, f"{address}/nowhere")


def _files(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def _await(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with suppress(ConnectionRefusedError), create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    pytest.fail("the rsync server did not begin to listen")
