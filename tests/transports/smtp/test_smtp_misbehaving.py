"""What becomes of a message whatever the server does, at every step of the dialogue."""

import itertools
import socket
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from ssl import create_default_context

import pytest

from newsletter.model.delivery import Outcome, Receipt
from newsletter.transports.base import Hurried
from newsletter.transports.smtp.relay import Protection
from tests.fakes.authority import Authority
from tests.fakes.smtp_letters import CONTENT, attempt, message, open_smtp, outcomes
from tests.fakes.smtp_server import Phase, ScriptedSmtp, Taken, Then, Trouble

PLACE = "127.0.0.1:{port}: "
LATER = b"451 4.3.0 come back later\r\n"
NEVER = b"550 5.1.1 nobody here of that name\r\n"
SHUT = b"421 4.3.2 closing\r\n"
OUT_OF_ORDER = b"354 go on\r\n"

TROUBLES: Mapping[str, Trouble] = {
    "closes": Trouble(then=Then.CLOSE),
    "resets": Trouble(then=Then.RESET),
    "is silent": Trouble(then=Then.HANG),
    "4yz": Trouble(lambda _: [LATER]),
    "5yz": Trouble(lambda _: [NEVER]),
    "421": Trouble(lambda _: [SHUT], Then.CLOSE),
    "garbage": Trouble(lambda _: [b"HTTP/1.1 400 Bad Request\r\n\r\n"]),
    "endless": Trouble(lambda _: [b"250-and so on\r\n" * 500], Then.HANG),
    "long line": Trouble(lambda _: [b"250 " + b"x" * 20_000], Then.HANG),
    "half a reply": Trouble(lambda usual: [usual[:5]], Then.CLOSE),
    "two packets": Trouble(lambda usual: [usual[:2], usual[2:]]),
    "hangs up after": Trouble(lambda usual: [usual], Then.CLOSE),
    "out of turn": Trouble(lambda usual: [usual * 2]),
}
# What becomes of a message, in the order of the troubles.
A, R, N, U = Outcome.ACCEPTED, Outcome.RETRY, Outcome.REFUSED, Outcome.UNCERTAIN
X = "TransportError"

TABLE: Mapping[Phase, tuple[Outcome | str, ...]] = {
    Phase.GREETING: (X, X, X, X, X, X, X, X, X, X, A, X, R),
    Phase.EHLO:     (X, X, X, X, A, X, X, X, X, X, A, R, R),
    Phase.STARTTLS: (X, X, X, X, X, X, X, X, X, X, A, X, X),
    Phase.AUTH:     (X, X, X, X, X, X, X, X, X, X, A, R, R),
    Phase.MAIL:     (R, R, R, R, X, R, R, R, R, R, A, R, R),
    Phase.RCPT:     (R, R, R, R, N, R, R, R, R, R, A, R, R),
    Phase.DATA:     (R, R, R, R, N, R, R, R, R, R, A, U, R),
    Phase.END:      (U, U, U, R, N, R, U, U, U, U, A, A, A),
    Phase.QUIT:     (A, A, A, A, A, A, A, A, A, A, A, A, A),
}  # fmt: skip


def rows() -> Iterator[object]:
    for phase, cells in TABLE.items():
        for what, expected in zip(TROUBLES, cells, strict=True):
            for is_pipelining in (True, False):
                how = "pipelined" if is_pipelining else "in steps"
                id_ = f"{phase.name}-{what}-{how}"
                yield pytest.param(phase, what, expected, is_pipelining, id=id_)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.mark.parametrize(("phase", "what", "expected", "is_pipelining"), list(rows()))
def test_the_outcome_is_exact_to_the_phase(
    authority: Authority, phase: Phase, what: str, expected: Outcome | str, is_pipelining: bool
) -> None:
    is_private = phase is Phase.STARTTLS
    tls = authority.server(expires_in=timedelta(days=9)) if is_private else None
    offers = [*(["PIPELINING"] if is_pipelining else []), "STARTTLS", "AUTH PLAIN"]
    with ScriptedSmtp({phase: TROUBLES[what]}, offers=offers, tls=tls) as server:
        transport = open_smtp(
            server.port,
            protection=Protection.STARTTLS if is_private else Protection.NONE,
            tls=create_default_context(cafile=authority.path),
            username="digest" if phase is Phase.AUTH else None,
            timeout=0.4 if what == "is silent" else 20,
        )
        (result,) = attempt(transport, message())
    if expected is X:
        assert isinstance(result, str)
        assert result.startswith(PLACE.format(port=server.port))
        assert "\n" not in result
        assert server.taken == []
        return
    assert isinstance(result, Receipt)
    assert result.outcome is expected
    if expected is A:
        ours = Taken("bounces+delivery-0@list.example", "anna@reader.example", CONTENT)
        assert (server.taken, result.detail) == ([ours], "")
    elif expected in {R, N}:
        assert server.taken == []
        if what in {"4yz", "5yz", "421"}:
            said = {"4yz": LATER, "5yz": NEVER, "421": SHUT}[what]
            assert result.detail == said.decode().strip()
    else:
        assert result.detail.startswith("the server ")


# The same for the second of three messages: the server has its commands before it answers for the
# first. What was not heard of there goes over another connection, as if it had not been offered.
AHEAD: Mapping[Phase, tuple[Outcome, ...]] = {
    Phase.MAIL: (A, A, A, A, A, A, A, A, A, A, A, R, A),
    Phase.RCPT: (R, R, R, R, N, R, R, R, R, R, A, R, A),
    Phase.DATA: (R, R, R, R, N, R, R, R, R, R, A, U, R),
    Phase.END:  (U, U, U, R, N, R, U, U, U, U, A, A, A),
}  # fmt: skip


@pytest.mark.parametrize(
    ("phase", "what", "expected"),
    [
        pytest.param(phase, what, expected, id=f"{phase.name}-{what}")
        for phase, cells in AHEAD.items()
        for what, expected in zip(TROUBLES, cells, strict=True)
    ],
)
def test_a_message_offered_ahead_of_an_answer_has_a_fate_of_its_own(
    phase: Phase, what: str, expected: Outcome
) -> None:
    with ScriptedSmtp({phase: TROUBLES[what]}, spares=1, passes=1) as server:
        transport = open_smtp(server.port, timeout=0.4 if what == "is silent" else 20)
        results = attempt(transport, *map(message, range(3)))
    assert [r.outcome for r in results if isinstance(r, Receipt)] == [A, expected, A]
    taken = [taken.sender for taken in server.taken]
    assert len(set(taken)) == len(taken)
    first, second, third = (f"bounces+delivery-{n}@list.example" for n in range(3))
    assert {first, third} <= set(taken) <= {first, second, third}
    if expected is not U:
        assert (second in taken) == (expected is A)


@pytest.mark.parametrize(
    ("then", "expected"), [(Then.GO_ON, A), (Then.HANG, U), (Then.CLOSE, U), (Then.RESET, U)]
)
def test_a_server_that_cannot_take_what_comes_behind_a_message_is_given_one_at_a_time(
    then: Then, expected: Outcome
) -> None:
    """Not every one that offers PIPELINING can: the first message finds out for all."""
    with ScriptedSmtp({Phase.BEHIND: Trouble(then=then)}) as server:
        transport = open_smtp(server.port, connections=4, timeout=0.4)
        results = outcomes(transport.send(map(message, range(9))))
        transport.close()
    assert results == [expected, *[A] * 8]
    taken = {taken.sender for taken in server.taken}
    assert len(taken) == len(server.taken) == 9 - (expected is U)


def test_once_the_last_byte_of_a_message_has_left_what_follows_it_changes_nothing() -> None:
    """The server takes a message and then no more of what was sent in the same breath."""
    with ScriptedSmtp({Phase.END: TROUBLES["is silent"]}, passes=1) as server:
        transport = open_smtp(server.port, timeout=1, sender="x" * 10_000_000 + "@list.example")
        results = attempt(transport, message(0), message(1))
    words = "the server gave no answer within 1 s after the whole message"
    assert results == [Receipt("delivery-0", U, words), Receipt("delivery-1", A)]


@pytest.mark.parametrize("what", ["closes", "resets", "is silent", "4yz", "garbage", "421"])
@pytest.mark.parametrize("is_pipelining", [True, False])
def test_in_the_middle_of_a_message_nothing_was_taken(what: str, is_pipelining: bool) -> None:
    trouble = TROUBLES[what]._replace(then=Then.HANG if what == "is silent" else Then.RESET)
    offers = ["PIPELINING"] if is_pipelining else []
    with ScriptedSmtp({Phase.CONTENT: trouble}, offers=offers) as server:
        transport = open_smtp(server.port, timeout=0.4 if what == "is silent" else 20)
        long = message(content=b"Subject: x\r\n\r\n" + b"one line of many\r\n" * 1_000_000)
        (result,) = attempt(transport, long)
    assert isinstance(result, Receipt)
    assert result.outcome is Outcome.RETRY


@pytest.mark.parametrize("what", ["closes", "resets", "is silent", "garbage"])
def test_tls_that_cannot_be_begun_closes_the_way(authority: Authority, what: str) -> None:
    tls = authority.server(expires_in=timedelta(days=9))
    with ScriptedSmtp({Phase.HANDSHAKE: TROUBLES[what]}, offers=["STARTTLS"], tls=tls) as server:
        transport = open_smtp(
            server.port,
            protection=Protection.STARTTLS,
            tls=create_default_context(cafile=authority.path),
            timeout=0.4 if what == "is silent" else 20,
        )
        (result,) = attempt(transport, message())
    assert str(result).startswith(PLACE.format(port=server.port))
    assert [line for line in server.heard if line.startswith(("MAIL", "AUTH"))] == []


def test_replies_in_another_order_are_no_consent() -> None:
    trouble = {Phase.RCPT: Trouble(lambda _: [OUT_OF_ORDER])}
    with ScriptedSmtp(trouble) as server:
        (result,) = attempt(open_smtp(server.port), message())
    assert result == Receipt("delivery-0", R, "the server answered out of turn: 354 go on")
    assert server.taken == []


@pytest.mark.parametrize(
    "words",
    [
        "530 5.7.0 Must issue a STARTTLS command first",
        "535 5.7.8 Authentication credentials invalid",
        "550 5.7.1 you may not send as this address",
        "503 5.5.1 Error: need AUTH first",
    ],
)
def test_a_refusal_of_us_writes_nobody_off(words: str) -> None:
    trouble = {Phase.MAIL: Trouble(lambda _: [f"{words}\r\n".encode()])}
    with ScriptedSmtp(trouble) as server:
        (result,) = attempt(open_smtp(server.port, connections=4), *map(message, range(9)))
    assert result == f"127.0.0.1:{server.port}: refuses us: {words}"
    assert server.connections == 1


def test_an_unreachable_server_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert attempt(open_smtp(port), message()) == [
        f"127.0.0.1:{port}: cannot be reached: Connection refused"
    ]


def test_a_name_that_does_not_exist_is_named() -> None:
    (result,) = attempt(open_smtp(25, host="no-such-host.invalid"), message())
    assert str(result).startswith("no-such-host.invalid:25: its name cannot be looked up: ")


def test_a_server_that_does_not_let_anybody_in_is_given_up_in_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)  # noqa: FBT003 - its only parameter
            one.connect_ex(("127.0.0.1", port))
        (result,) = attempt(open_smtp(port, timeout=0.4), message())
        for one in waiting:
            one.close()
    assert result == f"127.0.0.1:{port}: gave no answer within 0.4 s"


@pytest.mark.parametrize("is_pipelining", [True, False])
def test_a_connection_goes_on_after_a_refused_reader(is_pipelining: bool) -> None:
    offers = ["PIPELINING"] if is_pipelining else []
    with ScriptedSmtp({Phase.RCPT: TROUBLES["5yz"]}, offers=offers, passes=1) as server:
        transport = open_smtp(server.port)
        results = attempt(transport, message(0), message(1), message(2))
        assert [r.outcome for r in results if isinstance(r, Receipt)] == [N, A, A]
    assert server.connections == 1
    assert server.heard.count("RSET") == 1
    assert [taken.sender for taken in server.taken] == [
        f"bounces+delivery-{n}@list.example" for n in (1, 2)
    ]


@pytest.mark.parametrize("what", ["closes", "resets", "5yz", "garbage", "421"])
def test_a_connection_that_cannot_start_anew_is_replaced(what: str) -> None:
    with ScriptedSmtp({Phase.RCPT: TROUBLES["5yz"]}, passes=1) as server:
        transport = open_smtp(server.port)
        assert outcomes(transport.send([message(0)])) == [N]
        server.trouble, server.left = {Phase.RSET: TROUBLES[what]}, None
        assert outcomes(transport.send([message(1)])) == [A]
        transport.close()
    assert server.connections == 2
    assert len(server.taken) == 1


@pytest.mark.parametrize("refused", [Phase.RSET, Phase.MAIL, Phase.RCPT])
def test_nobody_gets_an_empty_message_from_a_server_that_goes_on_though_it_refused(
    refused: Phase,
) -> None:
    """RFC 2920, 3.1: such a one waits for content nobody is to get."""
    with ScriptedSmtp({Phase.RCPT: TROUBLES["5yz"]}, passes=1) as server:
        transport = open_smtp(server.port)
        assert outcomes(transport.send([message(0)])) == [N]
        server.is_lax = True
        server.trouble, server.left = {refused: TROUBLES["4yz"]}, 1
        results = outcomes(transport.send([message(1), message(2)]))
        transport.close()
    assert results == [A if refused is Phase.RSET else R, A]
    assert all(taken.content == CONTENT for taken in server.taken if taken.recipient)


def test_a_kept_connection_that_has_died_costs_nobody_an_attempt() -> None:
    with ScriptedSmtp() as server:
        transport = open_smtp(server.port)
        assert outcomes(transport.send([message(0)])) == [A]
        server.drop_connections()
        assert outcomes(transport.send([message(1)])) == [A]
        transport.close()
    assert (server.connections, len(server.taken)) == (2, 2)


def test_of_more_connections_than_the_server_likes_those_that_are_open_go_on() -> None:
    with ScriptedSmtp() as server:
        transport = open_smtp(server.port, connections=5)

        def messages() -> Iterator[object]:
            for number in itertools.count():
                if number == 1:
                    server.trouble = {Phase.GREETING: TROUBLES["421"]}
                if number == 30:
                    return
                yield message(number)

        assert outcomes(transport.send(messages())) == [A] * 30  # type: ignore[arg-type]
        transport.close()
    assert len({taken.sender for taken in server.taken}) == len(server.taken) == 30


def test_two_senders_get_on_with_the_one_connection_that_the_server_allows() -> None:
    with ScriptedSmtp() as server, ThreadPoolExecutor() as threads:
        transport = open_smtp(server.port, connections=5)
        assert outcomes(transport.send([message(0)])) == [A]
        server.trouble = {Phase.GREETING: TROUBLES["421"]}
        halves = [map(message, range(1, 40)), map(message, range(40, 80))]
        sent = threads.map(lambda half: outcomes(transport.send(half)), halves)
        assert [outcome for half in sent for outcome in half] == [A] * 79
        transport.close()
    assert len({taken.sender for taken in server.taken}) == len(server.taken) == 80


def test_words_of_the_server_are_kept_without_the_readers_address() -> None:
    said = b"550-5.1.1 <Anna@Reader.example> is not\r\n550 5.1.1 \x1b[31mknown\x00 here\r\n"
    with ScriptedSmtp({Phase.RCPT: Trouble(lambda _: [said])}) as server:
        (result,) = attempt(open_smtp(server.port), message())
    detail = "550 5.1.1 <…> is not 5.1.1 [31mknown here"
    assert result == Receipt("delivery-0", N, detail)


@pytest.mark.parametrize("offers", [("PIPELINING",), ()])
def test_a_message_is_noted_when_it_is_about_to_be_whole_and_not_before(
    offers: Sequence[str],
) -> None:
    """Of the one that a killed sender had offered ahead everybody knows that it was not taken."""
    noted: list[str] = []
    before: list[int] = []
    behind: list[int] = []

    def counting(into: list[int]) -> Trouble:
        def count(usual: bytes) -> Sequence[bytes]:
            into.append(len(noted))
            return [usual]

        return Trouble(count)

    looks = {Phase.DATA: counting(before), Phase.END: counting(behind)}
    with ScriptedSmtp(looks, offers=offers) as server:
        transport = open_smtp(server.port)
        receipts = list(transport.send(map(message, range(3)), note=noted.append))
        transport.close()
    assert noted == [receipt.delivery_id for receipt in receipts]
    assert (before, behind) == ([0, 1, 2], [1, 2, 3])


@pytest.mark.parametrize(("phase", "number"), [(Phase.DATA, 0), (Phase.END, 1)])
def test_in_a_hurry_no_further_message_leaves(phase: Phase, number: int) -> None:
    """Neither the one that the server has just asked for, nor one that was offered ahead."""
    noted: list[str] = []

    def answer_in_a_hurry(usual: bytes) -> Sequence[bytes]:
        transport.hurry()
        return [usual]

    with ScriptedSmtp({phase: Trouble(answer_in_a_hurry)}) as server:
        transport = open_smtp(server.port)
        with suppress(Hurried):
            list(transport.send(map(message, range(3)), note=noted.append))
        transport.close()
    assert len(noted) == len(server.taken) == number
