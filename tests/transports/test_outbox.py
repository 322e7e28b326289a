import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from textwrap import dedent
from time import time
from uuid import uuid4

import pytest

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome, Receipt
from newsletter.model.message import Address, Message, Personalisation
from newsletter.model.variant import OpenText, RenderedVariant, Variant
from newsletter.transports.base import Transport
from newsletter.transports.outbox import Outbox

RENDERED = RenderedVariant(
    Variant("en-all", "2022-11", "en", (), ()), "Subject", OpenText(()), OpenText(())
)


def open_outbox(path: Path) -> Transport:
    return Outbox(path)


def message(delivery_id: str, content: bytes = b"To: anna@reader.example\r\n\r\n") -> Message:
    reader = Personalisation(delivery_id, Address("anna@reader.example"), "", "", "")
    return Message(RENDERED, reader, lambda _: [content])


def delivery_ids(count: int) -> list[str]:
    return [str(uuid4()) for _ in range(count)]


def files(outbox: Path) -> dict[str, bytes]:
    """What lies anywhere in the outbox, by its path there."""
    found = (path for path in outbox.rglob("*") if path.is_file())
    return {str(path.relative_to(outbox)): path.read_bytes() for path in found}


def test_each_message_becomes_one_file_named_by_its_delivery(tmp_path: Path) -> None:
    transport = open_outbox(tmp_path / "var" / "outbox")
    ids = delivery_ids(3)
    receipts = list(transport.send(message(id_, id_.encode()) for id_ in ids))
    transport.close()
    assert receipts == [Receipt(id_, Outcome.ACCEPTED) for id_ in ids]
    assert files(tmp_path / "var" / "outbox") == {f"new/{id_}.eml": id_.encode() for id_ in ids}


def test_a_delivery_sent_again_is_accepted_and_its_file_stays_as_it_was(tmp_path: Path) -> None:
    (id_,) = delivery_ids(1)
    for content in (b"first", b"second"):
        receipts = list(Outbox(tmp_path).send([message(id_, content)]))
        assert receipts == [Receipt(id_, Outcome.ACCEPTED)]
    assert files(tmp_path) == {f"new/{id_}.eml": b"first"}


def test_whoever_gives_the_messages_can_stop_and_still_gets_every_receipt(tmp_path: Path) -> None:
    given: list[str] = []

    def messages() -> Iterator[Message]:
        for id_ in delivery_ids(250):
            assert len(list(tmp_path.glob("new/*"))) == len(given)
            given.append(id_)
            yield message(id_)

    receipts = list(Outbox(tmp_path).send(islice(messages(), 230)))
    assert [receipt.delivery_id for receipt in receipts] == given
    assert len(given) == 230


def test_a_failure_comes_after_the_receipts_for_what_was_written(tmp_path: Path) -> None:
    ids = [*delivery_ids(3), "not/a/name", *delivery_ids(1)]
    receipts: list[Receipt] = []
    with pytest.raises(TransportError):
        receipts.extend(Outbox(tmp_path).send(map(message, ids)))
    assert [receipt.delivery_id for receipt in receipts] == ids[:3]
    assert files(tmp_path).keys() == {f"new/{id_}.eml" for id_ in ids[:3]}


def test_what_a_killed_sender_left_is_removed_once_it_is_old(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    for name, age in (("half-written", 2 * 86400), ("being-written", 60)):
        leftover = tmp_path / "tmp" / name
        leftover.write_bytes(b"To: an")
        os.utime(leftover, (time() - age, time() - age))
    assert not list(Outbox(tmp_path).send([]))
    assert files(tmp_path).keys() == {"tmp/being-written"}


@pytest.mark.parametrize("id_", ["../escaped", "/escaped", "a/b", "", "a\0b", "é", "a" * 300])
def test_a_delivery_id_cannot_name_a_file_elsewhere(tmp_path: Path, id_: str) -> None:
    outbox = tmp_path / "outbox"
    with pytest.raises(TransportError) as refusal:
        list(Outbox(outbox).send([message(id_)]))
    assert str(refusal.value).startswith(str(outbox / "new"))
    assert files(tmp_path) == {}


@pytest.mark.parametrize("in_the_way", ["outbox", "outbox/tmp", "outbox/new"])
def test_a_file_in_the_way_is_named(tmp_path: Path, in_the_way: str) -> None:
    obstacle = tmp_path / in_the_way
    obstacle.parent.mkdir(exist_ok=True)
    obstacle.write_bytes(b"mine")
    with pytest.raises(TransportError, match=rf"^{tmp_path}/outbox.*: cannot be written: \w+"):
        list(Outbox(tmp_path / "outbox").send(map(message, delivery_ids(1))))
    assert obstacle.read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("options", "words"),
    [("size=256k", "No space left on device"), ("ro", "Read-only file system")],
)
def test_a_disk_that_takes_no_more_closes_the_way_and_holds_nothing_half_written(
    tmp_path: Path, options: str, words: str
) -> None:
    """A file system of its own in a namespace of its own, as root or where users may have one."""
    script = dedent("""
        import sys
        from newsletter.errors import TransportError
        from newsletter.transports.outbox import Outbox
        from pathlib import Path
        from tests.transports.test_outbox import delivery_ids, files, message
        outbox = Path(sys.argv[1])
        receipts = []
        try:
            receipts.extend(Outbox(outbox).send(message(i, b"x" * 50000) for i in delivery_ids(9)))
        except TransportError as error:
            print(error)
        assert all(content == b"x" * 50000 for content in files(outbox).values())
        assert not list(outbox.glob("tmp/*"))
    """)
    namespace = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    mount = f'mount -t tmpfs -o {options} none "$1" && exec "$2" -c "$3" "$1"'
    run = subprocess.run(
        [*namespace, "sh", "-c", mount, "sh", tmp_path, sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    if "unshare" in run.stderr or "mount" in run.stderr:
        pytest.skip(f"no file system of our own here: {run.stderr.strip()}")
    assert run.stderr == ""
    assert run.stdout.startswith(str(tmp_path))
    assert run.stdout.endswith(f": cannot be written: {words}\n")
