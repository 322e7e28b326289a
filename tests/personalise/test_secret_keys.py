from collections.abc import Sequence

import pytest

from newsletter.errors import ConfigError
from newsletter.personalise.keys import AddressDigests
from newsletter.personalise.links import LinkTokens

OLD, NEW = "the key of last year", "the key of this year"


@pytest.mark.parametrize("keys", [[], [""], [NEW, ""]])
@pytest.mark.parametrize("user", [LinkTokens, AddressDigests])
def test_a_missing_key_is_refused_by_its_variable_and_never_shown(
    user: type[LinkTokens | AddressDigests], keys: Sequence[str]
) -> None:
    with pytest.raises(ConfigError) as refusal:
        user(keys)
    assert str(refusal.value).startswith("NEWSLETTER_SECRET_KEY: ")
    assert not any(key and key in str(refusal.value) for key in keys)


def test_an_erased_address_is_known_again_after_the_key_has_changed() -> None:
    kept = AddressDigests([OLD]).digest("anna@reader.example")
    candidates = AddressDigests([NEW, OLD]).candidates("anna@reader.example")
    assert kept in candidates
    assert AddressDigests([NEW, OLD]).digest("anna@reader.example") == candidates[0] != kept


def test_a_digest_is_nobody_elses_and_tells_nothing_without_the_key() -> None:
    digests = AddressDigests([NEW])
    assert digests.digest("anna@reader.example") != digests.digest("ann@reader.example")
    assert not set(digests.candidates("anna@reader.example")) & set(
        AddressDigests([OLD]).candidates("anna@reader.example")
    )


def test_a_key_from_an_environment_that_is_not_utf8_can_be_used() -> None:
    assert AddressDigests(["\udcff" * 20]).digest("anna@reader.example")
