"""Thousands of odd requests: none is more than refused."""

import asyncio
import random
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.personalise.links import LinkPurpose, Links, LinkTokens
from newsletter.web.app import create_app
from newsletter.wiring import open_public_side
from tests.web.served import MONTH, SECRET, config_of, made

LINKS = Links("", LinkTokens([SECRET]))

METHODS = st.sampled_from(["GET", "HEAD", "POST", "POST", "POST", "PUT", "DELETE", "OPTIONS"])
TOKENS = st.sampled_from(
    [LINKS.token(p, i) for p in LinkPurpose for i in ("0" * 32, "f" * 32)]
) | st.text(max_size=80)
PLACES = st.sampled_from(
    ["", "subscribe", "preferences", "healthz", "metrics", "webhooks/sendgrid", f"{MONTH}/", "x"]
) | st.builds(
    lambda place, token: f"{place}/{quote(token, safe='')}",
    st.sampled_from(["confirm", "preferences", "unsubscribe", MONTH, "api/v1"]),
    TOKENS,
)
FIELDS = st.dictionaries(
    st.sampled_from(["email", "name", "language", "topics", "website", "shown", "action", "until"]),
    st.text(max_size=60)
    | st.emails()
    | st.sampled_from(["alliance", "en", "fr", "save", "pause", "return", "data", "erase"]),
    max_size=6,
)
KINDS = st.sampled_from(
    [
        "application/x-www-form-urlencoded",
        "application/json",
        "multipart/form-data; boundary=x",
        "multipart/form-data; charset=unicode_escape; boundary=x",
        "text/plain; charset=utf-16",
        "\xff",
    ]
)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))


def multipart(fields: dict[str, str]) -> bytes:
    parts = (
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return ("".join(parts) + "--x--\r\n").encode("utf-8", "surrogatepass")


BODIES = (
    FIELDS.map(lambda fields: urlencode(fields, errors="surrogatepass").encode())
    | FIELDS.map(multipart)
    | st.binary(max_size=400)
)
QUERIES = st.sampled_from(["", "?lang=fr", "?lang=%00", "?page", "?lang[]=x&lang=en", "?%ff=%fe"])


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., httpx.Response]]:
    """Asks the application itself, as many times as one likes."""
    folder = made(tmp_path_factory.mktemp("fuzzed"))
    app = create_app(open_public_side(config_of(folder)))
    transport = httpx.ASGITransport(app)
    loop = asyncio.new_event_loop()  # in a thread of its own: a browser may have this one's
    thread = Thread(target=loop.run_forever)
    thread.start()
    client = httpx.AsyncClient(transport=transport, base_url="http://site.test")

    def request(*arguments: Any, **more: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        asked = client.request(*arguments, **more)
        return asyncio.run_coroutine_threadsafe(asked, loop).result(timeout=30)

    yield request
    asyncio.run_coroutine_threadsafe(client.aclose(), loop).result(timeout=30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@settings(max_examples=400)
@given(METHODS, PLACES, QUERIES, BODIES, KINDS, VALUES, VALUES)
def test_no_request_whatever_is_more_than_refused(  # noqa: PLR0917 - Hypothesis gives them in order
    ask: Callable[..., httpx.Response],
    method: str,
    place: str,
    query: str,
    body: bytes,
    kind: str,
    language: str,
    agent: str,
) -> None:
    headers = {
        "Content-Type": kind.encode("latin-1"),
        "Accept-Language": language.encode("latin-1"),
        "User-Agent": agent.encode("latin-1"),
        "X-Forwarded-For": agent.encode("latin-1"),
    }
    answer = ask(method, f"/{place}{query}", content=body, headers=headers)
    assert answer.status_code < 500, (method, place, body)
    assert "Traceback" not in answer.text


def test_thousands_of_damaged_sign_ups_are_answered_quickly_and_without_a_fault(
    ask: Callable[..., httpx.Response],
) -> None:
    chance = random.Random(5)  # noqa: S311 - the same damage every time
    whole = urlencode({"email": "ana@clinic.example", "name": "Ana", "topics": "cbt"}).encode()
    codes = set()
    for _ in range(2000):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
        answer = ask(
            "POST",
            "/subscribe",
            content=bytes(damaged),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        codes.add(answer.status_code)
    assert codes <= {200, 400, 422, 429}
