import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.personalise.links import LinkPurpose, Links, LinkTokens

OLD, NEW = "the key of last year", "the key of this year"
TOKENS = LinkTokens([NEW, OLD])

purposes = st.sampled_from(LinkPurpose)
subscriber_ids = st.uuids().map(lambda uuid: uuid.hex)


@given(purposes, subscriber_ids)
def test_a_token_gives_back_its_subscriber_for_its_purpose_alone(
    purpose: LinkPurpose, subscriber_id: str
) -> None:
    token = TOKENS.sign(purpose, subscriber_id)
    believed = {other for other in LinkPurpose if TOKENS.verify(other, token) == subscriber_id}
    assert believed == {purpose}


@given(purposes, subscriber_ids)
def test_a_token_is_short_and_safe_in_a_url(purpose: LinkPurpose, subscriber_id: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,70}", TOKENS.sign(purpose, subscriber_id))


@given(subscriber_ids)
def test_links_in_old_mail_go_on_working_after_the_key_has_changed(subscriber_id: str) -> None:
    old_token = LinkTokens([OLD]).sign(LinkPurpose.UNSUBSCRIBE, subscriber_id)
    assert TOKENS.verify(LinkPurpose.UNSUBSCRIBE, old_token) == subscriber_id
    assert LinkTokens([NEW]).verify(LinkPurpose.UNSUBSCRIBE, old_token) is None
    assert TOKENS.sign(LinkPurpose.UNSUBSCRIBE, subscriber_id) != old_token


@given(purposes, subscriber_ids, st.integers(0, 65), st.characters())
def test_a_token_changed_in_any_character_is_refused(
    purpose: LinkPurpose, subscriber_id: str, place: int, character: str
) -> None:
    token = TOKENS.sign(purpose, subscriber_id)
    changed = token[:place] + character + token[place + 1 :]
    assert (TOKENS.verify(purpose, changed) is None) == (changed != token)


@given(purposes, st.text(st.characters()) | st.text("AZaz09-_.=", max_size=80))
def test_no_text_is_taken_for_a_token_or_breaks_the_check(purpose: LinkPurpose, text: str) -> None:
    assert TOKENS.verify(purpose, text) is None


@pytest.mark.parametrize("text", ["A" * 10_000_000, "\udcff" * 66, f"{'A' * 22}.{'A' * 43}\n"])
def test_hostile_text_is_no_token(text: str) -> None:
    assert TOKENS.verify(LinkPurpose.UNSUBSCRIBE, text) is None


@pytest.mark.parametrize(
    "base_url", ["https://news.example/digest", "https://news.example/digest/"]
)
def test_each_link_stands_at_its_place_on_the_site_and_holds_its_token(base_url: str) -> None:
    subscriber_id = "0123456789abcdef" * 2
    links = Links(base_url, TOKENS)
    for purpose, url in (
        (LinkPurpose.UNSUBSCRIBE, links.unsubscribe_url(subscriber_id)),
        (LinkPurpose.PREFERENCES, links.preferences_url(subscriber_id)),
    ):
        folder, _, token = urlsplit(url).path.rpartition("/")
        assert url.startswith("https://news.example/digest/")
        assert folder == f"/digest/{purpose}"
        assert TOKENS.verify(purpose, token) == subscriber_id
