import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from textwrap import dedent

import pytest

from newsletter.errors import TransportError
from newsletter.model.delivery import Outcome
from tests.fakes.newsletters import NEWSLETTER
from tests.fakes.sendgrid_account import BATCH, CANCEL, SEND
from tests.fakes.sendgrid_letters import (
    Sender,
    addresses,
    messages,
    open_sendgrid,
    outcomes,
    readers,
)
from tests.fakes.sendgrid_server import FakeSendgrid, Trouble

ACCEPTED, RETRY, UNCERTAIN = Outcome.ACCEPTED, Outcome.RETRY, Outcome.UNCERTAIN
IN_DOUBT = [
    *(Trouble.HANG_BEFORE, Trouble.CLOSE_BEFORE, Trouble.ERROR_BEFORE),
    *(Trouble.HANG_AFTER, Trouble.CLOSE_AFTER, Trouble.ERROR_AFTER),
    *(Trouble.CUT_SHORT_AFTER, Trouble.HTML_AFTER),
]
in_doubt = pytest.mark.parametrize("trouble", IN_DOUBT)


@pytest.fixture
def fake() -> Iterator[FakeSendgrid]:
    with FakeSendgrid(verified_sender=NEWSLETTER.sender.email) as fake:
        yield fake


@pytest.fixture
def sender(fake: FakeSendgrid) -> Sender:
    return Sender(open_sendgrid(fake, timeout=0.3))


@in_doubt
def test_a_batch_in_doubt_is_called_back_and_sent_again_once(
    fake: FakeSendgrid, sender: Sender, trouble: Trouble
) -> None:
    fake.trouble[SEND].append(trouble)
    batch = messages(20)
    assert outcomes(sender.send(batch)) == [RETRY] * 20
    assert outcomes(sender.send_until_settled(batch)) == [ACCEPTED] * 20
    assert len(set(sender.committed)) == 2
    assert readers(fake) == addresses(batch)


@in_doubt
def test_what_left_at_once_cannot_be_called_back(
    fake: FakeSendgrid, sender: Sender, trouble: Trouble
) -> None:
    fake.trouble[SEND].append(trouble)
    assert outcomes(sender.transport.send(messages(1))) == [UNCERTAIN]
    assert fake.calls(CANCEL) == 0


@pytest.mark.parametrize(
    "trouble", [Trouble.CLOSE_AFTER, Trouble.ERROR_AFTER, Trouble.CUT_SHORT_AFTER]
)
def test_a_cancellation_whose_answer_is_lost_is_asked_for_again(
    fake: FakeSendgrid, sender: Sender, trouble: Trouble
) -> None:
    """The second is refused, as the batch has been cancelled: its state is looked up."""
    fake.trouble[SEND].append(Trouble.HANG_AFTER)
    fake.trouble[CANCEL].append(trouble)
    batch = messages(3)
    assert outcomes(sender.send_until_settled(batch)) == [ACCEPTED] * 3
    assert readers(fake) == addresses(batch)


@pytest.mark.parametrize("trouble", [Trouble.ERROR_BEFORE, Trouble.TOO_MANY, Trouble.CREDITS])
def test_what_cannot_be_called_back_is_uncertain_and_says_why(
    fake: FakeSendgrid, sender: Sender, trouble: Trouble
) -> None:
    fake.trouble[SEND].append(Trouble.CLOSE_AFTER)
    fake.trouble[CANCEL].extend([trouble] * 2)
    receipts = sender.send(messages(2))
    assert outcomes(receipts) == [UNCERTAIN] * 2
    assert receipts[0].detail.startswith("Remote end closed connection without response; not canc")
    assert readers(fake) == addresses(messages(2))


@pytest.mark.parametrize("trouble", [Trouble.FORBIDDEN_PAGE, Trouble.UNNAMED])
def test_a_cancellation_that_is_refused_leaves_the_batch_uncertain(
    fake: FakeSendgrid, sender: Sender, trouble: Trouble
) -> None:
    fake.trouble[SEND].append(Trouble.ERROR_AFTER)
    fake.trouble[CANCEL].append(trouble)
    receipts = sender.send(messages(2))
    assert outcomes(receipts) == [UNCERTAIN] * 2
    assert receipts[0].detail == "500 internal server error; not cancelled: too late, or refused"


def test_all_of_a_batch_shares_one_fate(fake: FakeSendgrid, sender: Sender) -> None:
    """Half of it was accepted already: that half is called back too, and sent again."""
    fake.trouble[SEND].extend([Trouble.TOO_LARGE, Trouble.NONE, Trouble.CLOSE_AFTER])
    batch = messages(10)
    assert outcomes(sender.send(batch)) == [RETRY] * 10
    assert outcomes(sender.send_until_settled(batch)) == [ACCEPTED] * 10
    assert readers(fake) == addresses(batch)


def test_a_batch_of_which_half_was_accepted_is_uncertain_as_a_whole(
    fake: FakeSendgrid, sender: Sender
) -> None:
    """So that a cancellation that works later takes back only what was never called accepted."""
    fake.trouble[SEND].extend([Trouble.TOO_LARGE, Trouble.NONE, Trouble.ERROR_BEFORE])
    fake.trouble[CANCEL].extend([Trouble.ERROR_BEFORE] * 2)
    assert outcomes(sender.send(messages(10))) == [UNCERTAIN] * 10
    assert sender.transport.can_repeat(sender.committed[-1])
    assert outcomes(sender.send(messages(10))) == [ACCEPTED] * 10
    assert readers(fake) == addresses(messages(10))


def test_a_cancellation_that_comes_too_late_is_not_trusted(
    fake: FakeSendgrid, sender: Sender
) -> None:
    """SendGrid takes it (201), and sends the messages all the same."""

    def passing(path: str) -> Trouble:
        if path == SEND:
            fake.advance(timedelta(minutes=15))
        return Trouble.ERROR_AFTER if path == SEND else Trouble.NONE

    fake.choose_trouble = passing
    assert outcomes(sender.send(messages(2))) == [UNCERTAIN] * 2
    assert readers(fake) == addresses(messages(2))


def test_nothing_more_is_given_in_when_no_time_is_left_to_cancel(
    fake: FakeSendgrid, sender: Sender
) -> None:
    fake.size_limit = 3000

    def passing(path: str) -> Trouble:
        if fake.calls(SEND):
            fake.advance(timedelta(minutes=12))
        return Trouble.NONE

    fake.choose_trouble = passing
    batch = messages(8)
    receipts = sender.send(batch)
    assert {r.outcome for r in receipts} == {ACCEPTED, RETRY}
    fake.size_limit, fake.choose_trouble = 30_000_000, lambda _: Trouble.NONE
    sender.send_until_settled(
        [m for m, r in zip(batch, receipts, strict=True) if r.outcome is RETRY]
    )
    assert readers(fake) == addresses(batch)


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_wrong_clock_of_ours_changes_nothing(
    fake: FakeSendgrid, sender: Sender, hours: int
) -> None:
    fake.advance(timedelta(hours=hours))
    fake.trouble[SEND].append(Trouble.CLOSE_AFTER)
    batch = messages(3)
    assert outcomes(sender.send_until_settled(batch)) == [ACCEPTED] * 3
    assert fake.delivered == []
    assert readers(fake) == addresses(batch)


def test_nothing_is_risked_while_no_cancellation_is_to_be_had(
    fake: FakeSendgrid, sender: Sender
) -> None:
    """SendGrid keeps at most ten; they lapse when their batches would have left."""
    fake.trouble[SEND].extend([Trouble.ERROR_AFTER] * 10)
    for _ in range(10):
        assert outcomes(sender.send(messages(2))) == [RETRY] * 2
    with pytest.raises(TransportError, match="ten cancelled batches"):
        sender.send(messages(2))
    assert (fake.calls(SEND), len(sender.committed)) == (10, 10)
    fake.advance(timedelta(minutes=30))
    assert outcomes(sender.send(messages(2))) == [ACCEPTED] * 2
    assert readers(fake) == addresses(messages(2))


def test_beyond_ten_cancellations_a_batch_in_doubt_is_uncertain(fake: FakeSendgrid) -> None:
    """As another process cannot know of those of the first."""
    fake.trouble[SEND].extend([Trouble.ERROR_AFTER] * 11)
    for number in range(11):
        receipts = Sender(open_sendgrid(fake)).send(messages(2))
        assert outcomes(receipts) == [RETRY if number < 10 else UNCERTAIN] * 2
    assert readers(fake) == addresses(messages(2))


def test_what_nobody_can_repeat_or_need_not(fake: FakeSendgrid) -> None:
    transport = open_sendgrid(fake)
    assert transport.can_repeat(None)
    assert not transport.can_repeat("another transport's")
    assert not transport.can_repeat("unknown@4102444800")
    assert fake.calls(CANCEL) == 1


@pytest.mark.parametrize("trouble", [Trouble.ERROR_BEFORE, Trouble.CLOSE_BEFORE, Trouble.CREDITS])
def test_whether_a_batch_may_be_repeated_stays_open_while_sendgrid_is_away(
    fake: FakeSendgrid, sender: Sender, trouble: Trouble
) -> None:
    sender.send(messages(2))
    fake.trouble[CANCEL].extend([trouble] * 2)
    with pytest.raises(TransportError, match=r"^SendGrid cannot be asked to cancel what was in"):
        sender.transport.can_repeat(sender.committed[0])
    assert sender.transport.can_repeat(sender.committed[0])
    assert readers(fake) == []


@pytest.mark.parametrize("minutes", [0, 8])
def test_a_batch_is_repeated_after_a_crash_however_often_one_asks(
    fake: FakeSendgrid, sender: Sender, minutes: int
) -> None:
    sender.send(messages(2))
    fake.advance(timedelta(minutes=minutes))
    for _ in range(2):
        assert Sender(open_sendgrid(fake)).transport.can_repeat(sender.committed[0])
    assert readers(fake) == []


@pytest.mark.parametrize("minutes", [10, 60])
def test_after_the_time_to_cancel_a_batch_is_not_repeated(
    fake: FakeSendgrid, sender: Sender, minutes: int
) -> None:
    sender.send(messages(2))
    fake.advance(timedelta(minutes=minutes))
    assert not sender.transport.can_repeat(sender.committed[0])
    assert readers(fake) == addresses(messages(2))


@pytest.mark.parametrize(
    ("path", "trouble"),
    [(BATCH, Trouble.HANG_AFTER), (SEND, Trouble.HANG_BEFORE), (SEND, Trouble.HANG_AFTER)],
)
def test_a_sender_killed_in_mid_request_loses_nobody_and_repeats_nobody(
    fake: FakeSendgrid, tmp_path: Path, path: str, trouble: Trouble
) -> None:
    script = dedent("""
        import sys
        from datetime import timedelta
        from pathlib import Path
        from newsletter.transports.sendgrid.transport import Sendgrid
        from newsletter.transports.sendgrid.client import SendgridClient
        from tests.fakes.newsletters import NEWSLETTER
        from tests.fakes.sendgrid_letters import messages
        client = SendgridClient(sys.argv[1], "SG.fake", timedelta(seconds=60))
        list(Sendgrid(NEWSLETTER, client).send(messages(5), Path(sys.argv[2]).write_text))
    """)
    fake.trouble[path].append(trouble)
    ledger = tmp_path / "committed"
    with subprocess.Popen(
        [sys.executable, "-c", script, fake.url, ledger], cwd=Path(__file__).parents[2]
    ) as process:
        assert fake.is_hanging.wait(20)
        process.kill()
    sender = Sender(open_sendgrid(fake))
    assert sender.transport.can_repeat(ledger.read_text() if ledger.exists() else None)
    assert outcomes(sender.send(messages(5))) == [ACCEPTED] * 5
    assert readers(fake) == addresses(messages(5))
