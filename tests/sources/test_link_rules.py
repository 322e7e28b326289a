import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.sources.links import link_fault


@pytest.mark.parametrize(
    "address",
    [
        "https://x.example",
        "http://x.example/a/b?c=1&d=%20#e",
        "HTTPS://X.Example:8443/",
        "https://localhost/a",
        "https://[2001:db8::1]/",
        "https://xn--bcher-kva.example",
        "mailto:editor@x.example",
        "mailto:editor@x.example?subject=Hello%20there",
    ],
)
def test_a_full_address_may_be_sent(address: str) -> None:
    assert link_fault(address) is None


@pytest.mark.parametrize(
    ("address", "cure"),
    [
        ("", "give a full address, https://"),
        ("#notes", "links within the page"),
        ("/about", "relative links"),
        ("about.html", "relative links"),
        ("www.x.example", "relative links"),
        ("//x.example/a", "write https://x.example/a"),
        ("me@x.example", "write mailto:me@x.example"),
        ("javascript:alert(1)", "javascript: is not safe"),
        ("data:text/html,x", "data: is not safe"),
        ("tel:+1", "only https, http and mailto"),
        ("https://", "names no host"),
        ("https:///path", "names no host"),
        ("https:x.example", "names no host"),
        ("https://x_!.example", "names no host"),
        ("https://x.example:0", "names no host"),
        ("https://x.example:99999", "it is no address"),
        ("https://[::1", "it is no address"),
        ("mailto:", "names no mailbox"),
        ("mailto:a@b@c.example", "names no mailbox"),
        ("https://x.example/a b", "a blank or another character"),
        ("https://x.example/\r\nX", "a blank or another character"),
        ("https://x.example/é", "a blank or another character"),
        ('https://x.example/"', "a blank or another character"),
    ],
)
def test_any_other_link_is_refused_with_the_way_to_mend_it(address: str, cure: str) -> None:
    assert cure in str(link_fault(address))


@given(st.text() | st.text("ahtps:/.@#?[]%0 \t", max_size=20))
def test_only_absolute_web_and_mail_addresses_ever_pass(address: str) -> None:
    passes = link_fault(address) is None

    assert not passes or address.lower().startswith(("https://", "http://", "mailto:"))
