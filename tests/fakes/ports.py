"""Ports for servers that are told theirs."""

from contextlib import suppress
from random import SystemRandom
from socket import create_server


def free_port() -> int:
    """One that nothing is given by chance meanwhile: systems hand out higher ones by themselves."""
    for port in SystemRandom().sample(range(20_000, 30_000), 100):
        with suppress(OSError), create_server(("127.0.0.1", port)):
            return port
    raise OSError("a hundred ports are in use")
