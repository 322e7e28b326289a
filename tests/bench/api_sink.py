"""What SendGrid's API looks like to a sender, and nothing behind it: bodies are read and dropped.

`python -m tests.bench.api_sink [FOLDER]` prints its port; with a folder it keeps the bodies there.
"""

import sys
from email.utils import formatdate
from itertools import count
from pathlib import Path
from socket import create_server, socket
from threading import Thread

_BATCH_ID = b'{"batch_id":"bench"}'
_numbers = count()


def main() -> None:
    """Answer until the process is ended."""
    folder = Path(sys.argv[1]) if sys.argv[1:] else None
    with create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            Thread(target=_serve, args=[connection, folder], daemon=True).start()


def _serve(connection: socket, folder: Path | None) -> None:
    with connection, connection.makefile("rb", 1 << 20) as stream:
        while request := stream.readline():
            length = 0
            while (line := stream.readline()) not in {b"\r\n", b""}:
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
            body = stream.read(length)
            is_send = b"/mail/send" in request
            if folder and is_send:
                Path(folder, f"{next(_numbers):05}.json").write_bytes(body)
            status, content = (b"202 Accepted", b"") if is_send else (b"201 Created", _BATCH_ID)
            connection.sendall(
                b"HTTP/1.1 %b\r\nDate: %b\r\nContent-Length: %d\r\n\r\n%b"
                % (status, formatdate(usegmt=True).encode(), len(content), content)
            )


if __name__ == "__main__":
    main()
