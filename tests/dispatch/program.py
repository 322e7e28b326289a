"""A sender in a process of its own, which can be killed or given a small disk."""

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from newsletter.errors import TransportError
from newsletter.model.delivery import DeliveryStatus, Outcome
from newsletter.model.message import Personalisation
from newsletter.transports.outbox import Outbox

from .sender import Carrier, Sender, encode, in_outbox


def send_slowly(sender: Sender, outbox: Path) -> None:
    def write_slowly(reader: Personalisation) -> list[bytes]:
        time.sleep(0.01)
        return encode(reader)

    sender.send(Outbox(outbox), encode=write_slowly)


def post_slowly(sender: Sender, posted: Path) -> None:
    sender.send(Carrier(partial(post, posted)))


def post(posted: Path, delivery_id: str) -> Outcome:
    time.sleep(0.01)
    with posted.open("a") as file:
        file.write(f"{delivery_id}\n")
    return Outcome.ACCEPTED


def send_to_a_small_disk(sender: Sender, outbox: Path) -> None:
    def mount(*options: str) -> None:
        subprocess.run(["mount", *options, "none", str(outbox)], check=True)  # noqa: S607

    def encode_at_length(reader: Personalisation) -> list[bytes]:
        return [b"x" * 50_000, *encode(reader)]

    mount("-t", "tmpfs", "-o", "size=256k")
    with pytest.raises(TransportError, match=r"new.*\.eml: .*No space left on device"):
        sender.send(Outbox(outbox), encode=encode_at_length)
    written = len(in_outbox(outbox))
    assert sender.counts() == {
        DeliveryStatus.ACCEPTED: written,
        DeliveryStatus.PLANNED: 20 - written,
    }
    mount("-o", "remount,size=4m")
    assert sender.send(Outbox(outbox), encode=encode_at_length).done == 20 - written
    assert len(in_outbox(outbox)) == 20


def main(kind: str, folder: str, way_out: str) -> None:
    """Send what the ledger in `folder` promises; `kind` is outbox, post or fill."""
    send = {"outbox": send_slowly, "post": post_slowly, "fill": send_to_a_small_disk}[kind]
    send(Sender(Path(folder)), Path(way_out))


if __name__ == "__main__":
    main(*sys.argv[1:])
