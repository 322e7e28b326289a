"""A line to a port on this machine that takes its time, as one to a server far away does.

`python -m tests.bench.slow_line PORT SECONDS` prints its own port. Every byte arrives so many
seconds after it was sent, in each direction; how many are on the way is not limited.
"""

import sys
from collections import deque
from contextlib import suppress
from selectors import EVENT_READ, DefaultSelector
from socket import IPPROTO_TCP, SHUT_WR, TCP_NODELAY, create_connection, create_server, socket
from time import monotonic

_CHUNK = 1 << 18


def main() -> None:
    """Carry until the process is ended."""
    port, delay = int(sys.argv[1]), float(sys.argv[2])
    selector = DefaultSelector()
    under_way: deque[tuple[float, socket, bytes]] = deque()  # the first to arrive first
    with create_server(("127.0.0.1", 0), backlog=128) as server:
        selector.register(server, EVENT_READ)
        print(server.getsockname()[1], flush=True)
        while True:
            while under_way and under_way[0][0] <= monotonic():
                _, end, content = under_way.popleft()
                _arrive(end, content)
            left = max(0.0, under_way[0][0] - monotonic()) if under_way else None
            for key, _ in selector.select(left):
                if key.data is None:
                    near, _ = server.accept()
                    far = create_connection(("127.0.0.1", port))
                    for one, other in ((near, far), (far, near)):
                        one.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
                        selector.register(one, EVENT_READ, other)
                    continue
                assert isinstance(key.fileobj, socket)
                content = _read(key.fileobj)
                under_way.append((monotonic() + delay, key.data, content))
                if not content:
                    selector.unregister(key.fileobj)


def _read(end: socket) -> bytes:
    with suppress(OSError):
        return end.recv(_CHUNK)
    return b""


def _arrive(end: socket, content: bytes) -> None:
    with suppress(OSError):
        if content:
            end.sendall(content)
        else:
            end.shutdown(SHUT_WR)


if __name__ == "__main__":
    main()
