"""A real IMAP server of the tests' own: pymap, with everything in memory."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from imaplib import IMAP4
from pathlib import Path

import pytest

FOLDER = 'Returned "mail"'
QUOTED = '"Returned \\"mail\\""'
USERNAME = "demouser"  # pymap's own
PASSWORD = "demopass"  # noqa: S105


@dataclass(frozen=True)
class ImapServer:
    """Where it listens; a folder in it begins empty."""

    port: int

    def put(self, *messages: bytes) -> None:
        """Deliver messages to the folder."""
        with self._open() as connection:
            for message in messages:
                connection.append(QUOTED, None, None, message.replace(b"\n", b"\r\n"))

    def flags(self) -> list[set[bytes]]:
        """The flags of the folder's messages, in their order."""
        with self._open() as connection:
            connection.select(QUOTED, readonly=True)
            _, found = connection.fetch("1:*", "(FLAGS)")
            marks = {rb"\Seen", rb"\Flagged"}
            return [{m for m in marks if m in line} for line in found if isinstance(line, bytes)]

    def _open(self) -> IMAP4:
        connection = IMAP4("127.0.0.1", self.port, timeout=10)
        connection.login(USERNAME, PASSWORD)
        return connection


@contextmanager
def running(*options: str) -> Iterator[ImapServer]:
    """The server, started anew."""
    pytest.importorskip("pymap", reason="needs pymap: it is the IMAP server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = str(Path(sys.executable).with_name("pymap"))
    command = [program, "--host", "127.0.0.1", "--port", str(port)]
    started = subprocess.Popen(
        [*command, *options, "dict", "--demo-data"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        server = ImapServer(port)
        for _ in range(100):
            with suppress(OSError), server._open() as connection:  # noqa: SLF001 - its own
                connection.create(QUOTED)
                break
            time.sleep(0.1)
        yield server
    finally:
        started.terminate()
        started.wait()
