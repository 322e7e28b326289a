"""A whole sending over SMTP, ledger and all."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

from newsletter.dispatch.dispatcher import Manners
from newsletter.dispatch.pacing import Patience
from newsletter.model.delivery import DeliveryStatus as Status
from tests.dispatch.sender import MONTH, NOW, Sender
from tests.fakes.smtp_letters import open_smtp
from tests.fakes.smtp_server import Phase, ScriptedSmtp, Trouble

SOON = Manners(patience=Patience(first=timedelta(seconds=1), attempts=5), linger=timedelta())


def recipients(server: ScriptedSmtp) -> Counter[str]:
    return Counter(taken.recipient for taken in server.taken)


def test_greylisting_delays_everybody_and_loses_and_repeats_nobody(tmp_path: Path) -> None:
    sender = Sender(tmp_path)
    sender.promise(250)
    greylisted = Trouble(lambda _: [b"450 4.2.0 greylisted, come back\r\n"])
    with ScriptedSmtp({Phase.RCPT: greylisted}, passes=300) as server:
        transport = open_smtp(server.port, connections=4)
        first = sender.send(transport, manners=SOON)
        assert (first.accepted, first.refused, first.uncertain) == (0, 0, 0)
        assert sender.counts() == {Status.PLANNED: 250}
        sender.send(transport, manners=SOON, now=NOW + timedelta(minutes=10))
        sender.send(transport, manners=SOON, now=NOW + timedelta(minutes=20))
        transport.close()
    assert sender.counts() == {Status.ACCEPTED: 250}
    assert set(recipients(server).values()) == {1}
    assert len(server.taken) == 250
    sender.database.close()


def test_a_reply_that_takes_too_long_leaves_doubt_and_is_never_sent_again(tmp_path: Path) -> None:
    sender = Sender(tmp_path)
    sender.promise(20)
    late = Trouble(lambda usual: [b"", usual])
    with ScriptedSmtp({Phase.END: late}, passes=2) as server:
        server.pause = 3
        transport = open_smtp(server.port, connections=3, timeout=1)
        for minute in range(3):
            sender.send(transport, manners=SOON, now=NOW + timedelta(minutes=minute))
        transport.close()
    assert sender.counts() == {Status.ACCEPTED: 18, Status.UNCERTAIN: 2}
    assert {problem.reason for problem in sender.deliveries.problems(MONTH)} == {
        "the server gave no answer within 1 s after the whole message"
    }
    assert set(recipients(server).values()) == {1}
    assert len(server.taken) == 20
    sender.database.close()
