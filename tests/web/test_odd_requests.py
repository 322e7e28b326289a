"""Ten thousand odd requests: none is more than refused."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from time import time
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import schemathesis
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from newsletter.model.api_token import Scope
from newsletter.personalise.links import LinkPurpose, Links, LinkTokens
from newsletter.web.app import create_app
from newsletter.wiring import open_api_tokens, open_public_side
from tests.web.in_process import Answer, Application, Request, running
from tests.web.oddities import Oddities, encoded
from tests.web.served import MONTH, SECRET, Served, config_of, made, serving

SEEDS, PER_SEED = range(4), 2400
PER_OPERATION = 25  # of sound requests and as many of unsound ones, for each of the API's six
LINKS = Links("", LinkTokens([SECRET]))
KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True, slots=True)
class Site:
    """A newsletter that has sent an issue, its application, and who is subscribed."""

    application: Application
    served: Served
    people: list[str]

    def secret(self) -> str:
        """A new token that opens all of the API."""
        return open_api_tokens(self.served.config).create("fuzz", tuple(Scope))[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = made(tmp_path_factory.mktemp("odd"))
    known = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    environ = {"SENDGRID_WEBHOOK_KEY": encoded(known)}
    with serving(folder, environ) as served:
        served.editor.import_file(folder / "subscribers/example.csv", "example.csv", report=print)
        people = [served.subscribe(f"{n}@clinic.example").id for n in range(3)]
        pipeline = served.pipeline
        pipeline.send(pipeline.sendable(MONTH))
        public = open_public_side(config_of(folder, environ))
        with running(create_app(public)) as application:
            yield Site(application, served, people)


def sign(body: bytes, timestamp: str) -> str:
    return encoded(KEY.sign(timestamp.encode() + body, ec.ECDSA(SHA256())))


def assert_plain(request: object, answer: Answer) -> None:
    assert answer.status < 500, request
    assert b"Traceback" not in answer.body, request
    if answer.status:  # somebody was there to take an answer
        assert answer.headers is not None
        assert answer.headers[b"x-content-type-options"] == b"nosniff", request
        assert b"set-cookie" not in answer.headers, request
        assert b"evil.example" not in answer.headers.get(b"location", b""), request


@pytest.mark.parametrize("seed", SEEDS)
def test_no_request_whatever_is_more_than_refused(site: Site, seed: int) -> None:
    bystander = site.people[0]  # whom nobody's link or token names
    before = site.served.ledger.subscribers.get(bystander)
    named = site.people[1:]
    letters = [site.served.link(f"{n}@clinic.example", "confirm") for n in (1, 2)]
    paths = letters + [
        f"/{place}/{LINKS.token(purpose, one)}"
        for one in (*named, "0" * 32)
        for place in ("preferences", "unsubscribe", "confirm")
        for purpose in LinkPurpose
    ]
    secrets = [site.secret() for _ in range(8)]
    chance = Random(seed)  # noqa: S311 - the same oddities every time
    oddities = Oddities(chance, paths, named, secrets, sign, int(time()))
    requests = [oddities.request() for _ in range(PER_SEED)]
    answers = site.application.ask_all(requests)
    for request, answer in zip(requests, answers, strict=True):
        assert_plain(request, answer)
    statuses = Counter(answer.status for answer in answers)
    assert statuses.keys() >= {200, 400, 401, 403, 404, 405, 413, 422}  # they get everywhere
    assert site.served.ledger.subscribers.get(bystander) == before
    assert site.application.ask(Request("GET", b"/readyz")).status == 200


TOKENS = st.sampled_from(
    [LINKS.token(p, i) for p in LinkPurpose for i in ("0" * 32, "f" * 32)]
) | st.text(max_size=80)
PLACES = st.sampled_from([b"/subscribe", b"/preferences", b"/2022-11/", b"/api/v1/x"]) | st.builds(
    lambda place, token: f"/{place}/{quote(token, safe='')}".encode(),
    st.sampled_from(["confirm", "preferences", "unsubscribe", MONTH]),
    TOKENS,
)
FIELDS = st.dictionaries(
    st.sampled_from(["email", "name", "language", "topics", "website", "shown", "action", "until"]),
    st.text(max_size=60) | st.emails() | st.sampled_from(["alliance", "fr", "pause", "data"]),
    max_size=6,
)
BODIES = st.binary(max_size=300) | FIELDS.map(
    lambda fields: urlencode(fields, errors="surrogatepass").encode()
)
NAMES = st.sampled_from([b"accept-language", b"content-type", b"range", b"if-modified-since"])
HEADERS = st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=2)


@settings(max_examples=300)
@given(st.sampled_from(["GET", "POST"]), PLACES, st.binary(max_size=20), HEADERS, BODIES)
def test_a_text_of_any_kind_is_taken_anywhere(  # noqa: PLR0917 - Hypothesis gives them in order
    site: Site,
    method: str,
    path: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    request = Request(method, path, query, headers, [body])
    assert_plain(request, site.application.ask(request))


@pytest.mark.parametrize("mode", GenerationMode)
def test_the_api_is_as_it_describes_itself_whatever_it_is_sent(
    site: Site, mode: GenerationMode
) -> None:
    schema = schemathesis.openapi.from_url(f"{site.served.url}/api/v1/openapi.json")
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == 6
    for operation in operations:
        known = {"id": site.people[2]} if "{id}" in operation.path else None
        check(operation.as_strategy(mode, path_parameters=known), site.secret())


def check(cases: st.SearchStrategy[schemathesis.Case[Any]], secret: str) -> None:
    @settings(
        max_examples=PER_OPERATION,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def ask(case: schemathesis.Case[Any]) -> None:
        # It cannot know which topics there are, nor what we take for an address.
        case.call_and_validate(
            headers={"Authorization": f"Bearer {secret}"},
            excluded_checks=[positive_data_acceptance],
        )

    ask()
