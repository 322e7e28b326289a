import re

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.addresses import ParsedAddress, parse_address


@pytest.mark.parametrize(
    ("written", "email", "key"),
    [
        ("anna@x.example", "anna@x.example", "anna@x.example"),
        ("  Anna.B+news@X.Example ", "Anna.B+news@x.example", "anna.b+news@x.example"),
        ("Info@X.EXAMPLE", "info@x.example", "info@x.example"),
        ("a@x.test", "a@x.test", "a@x.test"),
        ("o'neill_{1}@x.example", "o'neill_{1}@x.example", "o'neill_{1}@x.example"),
        ("a@bücher.example", "a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@XN--bcher-kva.example", "a@bücher.example", "a@xn--bcher-kva.example"),
        ("ÉLODIE@x.example", "ÉLODIE@x.example", "élodie@x.example"),
        ("e\u0301lodie@x.example", "élodie@x.example", "élodie@x.example"),
        ("अनन्या@x.example", "अनन्या@x.example", "अनन्या@x.example"),
        (f"a@{'b' * 63}.example", f"a@{'b' * 63}.example", f"a@{'b' * 63}.example"),
    ],
)
def test_an_address_is_kept_as_written_and_compared_without_case(
    written: str, email: str, key: str
) -> None:
    assert parse_address(written) == ParsedAddress(email, key)


@pytest.mark.parametrize(
    ("written", "word"),
    [
        ("", "missing"),
        ("   ", "missing"),
        ("anna", "@-sign"),
        ("@x.example", "before the @-sign"),
        ("anna@", "after the @-sign"),
        ("anna@x", "period"),
        ("anna@x..example", "two periods"),
        ("anna@-x.example", "hyphen"),
        ("anna@x.local", "reserved"),
        ("anna@x.invalid", "reserved"),
        ("anna@1.2.3.4", "top-level domain"),
        ("anna@[1.2.3.4]", "IP address"),
        ("an na@x.example", "SPACE"),
        ('"an na"@x.example', "quoting"),
        ("Anna <anna@x.example>", "display name"),
        ("anna@x.example, b@x.example", "invalid characters"),
        ("anna@x.example\nBcc: b@x.example", "invalid characters"),
        ("an\x00na@x.example", "U+0000"),
        ("an\u202ena@x.example", "unsafe"),
        (f"{'a' * 250}@x.example", "too long"),
        (f"{'a' * 100_000}@x.example", "too long"),
        (f"a@{'b' * 64}.example", "so many characters"),
        ("anna\uff20x.example", "full-width"),
    ],
)
def test_an_unusable_address_is_refused_with_the_reason_and_without_the_address(
    written: str, word: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(word)) as refusal:
        parse_address(written)

    reason = str(refusal.value)
    assert not reason.endswith(".")
    assert "anna" not in reason


def by_the_library(text: str) -> ParsedAddress | None:
    """What the library makes of an address of any form, without our quick way."""
    try:
        valid = validate_email(text.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return ParsedAddress(valid.normalized, f"{valid.local_part.casefold()}@{valid.ascii_domain}")


def ours(text: str) -> ParsedAddress | None:
    try:
        return parse_address(text)
    except ValueError:
        return None


label = st.text("abzAZ09-_", max_size=6) | st.sampled_from(["x" * 63, "x" * 64, "xn--a", "ab--c"])
roles = ["INFO", "Postmaster", "www", "information"]
local = st.text("abzAZ09.+-_!#$%&'*/=?^`{|}~ \"(),:;<>@[\\]é", max_size=12) | st.sampled_from(roles)
top = st.sampled_from(
    [
        *["example", "TEST", "test", "local", "Local", "localhost", "onion", "arpa", "invalid"],
        *["c", "c1", "1", "museum", "xn--p1ai", "рф", "", "example."],
    ]
)
almost = st.builds(
    lambda local, labels, top: f"{local}@{'.'.join([*labels, top])}",
    local,
    st.lists(label, max_size=5),
    top,
)


@given(almost | st.text(max_size=30) | st.emails())
@example("a@b.c")
@example("a@b.cd\n")
@example("a@localhost.local")
@example("a@test")
@example(f"{'a' * 52}@b.example")
@example(f"{'a' * 53}@b.example")
@example("K@x.example")
@example("İ@x.example")
def test_the_quick_way_says_exactly_what_the_library_says(text: str) -> None:
    assert ours(text) == by_the_library(text)


@given(almost | st.emails())
def test_an_address_read_again_is_the_same_address(text: str) -> None:
    once = ours(text)

    assert once is None or (parse_address(once.email) == once and ours(once.key) is not None)
    assert once is None or parse_address(once.key).key == once.key
