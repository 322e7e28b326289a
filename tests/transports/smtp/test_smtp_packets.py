"""However the server's bytes are cut into packets, the receipts are the same."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.model.delivery import Outcome, Receipt
from tests.fakes.smtp_letters import attempt, message, open_smtp
from tests.fakes.smtp_server import Phase, ScriptedSmtp, Trouble

REPLIES = {
    "yes": (b"250 2.0.0 yes\r\n", Outcome.ACCEPTED, ""),
    "wordy": (b"250-2.0.0 yes\r\n250-\r\n250 and more\r\n", Outcome.ACCEPTED, ""),
    "later": (b"451-4.3.0 not\r\n451 4.3.0 now\n", Outcome.RETRY, "451 4.3.0 not 4.3.0 now"),
    "never": (b"550 5.1.1 no\r\n", Outcome.REFUSED, "550 5.1.1 no"),
}
CUTS = st.lists(st.integers(1, 40), max_size=4)
ANSWERED = [phase for phase in Phase if phase not in {Phase.CONTENT, Phase.BEHIND}]


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedSmtp]:
    with ScriptedSmtp() as server:
        server.pause = 0.001
        yield server


def saying(reply: bytes | None, cuts: Sequence[int]) -> Trouble:
    """A reply, or the usual one, cut into packets there."""

    def say(usual: bytes) -> list[bytes]:
        whole = reply or usual
        places = [0, *sorted(set(cuts)), len(whole)]
        return [whole[a:b] for a, b in pairwise(places) if a < b]

    return Trouble(say)


@settings(max_examples=60)
@given(
    at=st.sampled_from([Phase.RCPT, Phase.END]),
    reply=st.sampled_from(sorted(REPLIES)),
    cuts=st.fixed_dictionaries(dict.fromkeys(ANSWERED, CUTS)),
    is_pipelining=st.booleans(),
    is_bundling=st.booleans(),
)
def test_packets_do_not_matter(  # noqa: PLR0917 - what Hypothesis draws
    server: ScriptedSmtp,
    at: Phase,
    reply: str,
    cuts: dict[Phase, list[int]],
    is_pipelining: bool,
    is_bundling: bool,
) -> None:
    said, outcome, detail = REPLIES[reply]
    server.offers = ("SIZE 1000000", "PIPELINING") if is_pipelining else ("SIZE 1000000",)
    server.is_bundling = is_pipelining and is_bundling
    server.trouble = {
        phase: saying(said if phase is at else None, places) for phase, places in cuts.items()
    }
    server.taken.clear()
    receipts = attempt(open_smtp(server.port), message(0), message(1))
    assert receipts == [Receipt(f"delivery-{n}", outcome, detail) for n in range(2)]
    assert len(server.taken) == (2 if outcome is Outcome.ACCEPTED else 0)
