"""Secrets: from the environment alone, never shown, named when missing."""

from collections.abc import Callable

import pytest

from newsletter.errors import ConfigError
from newsletter.secrets import NAMES, Secrets

NEEDED: dict[str, Callable[[Secrets], object]] = {
    "SENDGRID_API_KEY": Secrets.sendgrid_api_key,
    "SMTP_PASSWORD": Secrets.smtp_password,
    "SENDGRID_WEBHOOK_KEY": Secrets.sendgrid_webhook_key,
    "BOUNCES_PASSWORD": Secrets.bounces_password,
    "NEWSLETTER_SECRET_KEY": Secrets.link_keys,
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_secret_that_is_missing_is_named_when_it_is_needed(name: str, value: str | None) -> None:
    secrets = Secrets.from_environment({} if value is None else {name: value})

    assert name not in secrets
    with pytest.raises(ConfigError, match=f"^{name} is not set"):
        NEEDED[name](secrets)


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_shown_and_blanks_around_it_are_not_part_of_it(name: str) -> None:
    secrets = Secrets.from_environment({name: " hunter2\n", "HOME": "/home/somebody"})

    assert NEEDED[name](secrets) in {"hunter2", ("hunter2",)}
    assert name in secrets
    assert "hunter2" not in f"{secrets!r} {secrets}"


def test_the_first_link_key_signs_and_all_verify() -> None:
    secrets = Secrets.from_environment({"NEWSLETTER_SECRET_KEY": "new, old,,older,"})

    assert secrets.link_keys() == ("new", "old", "older")


def test_a_missing_link_key_tells_how_to_make_one() -> None:
    with pytest.raises(ConfigError, match=r"token_urlsafe\(32\)"):
        Secrets.from_environment({"NEWSLETTER_SECRET_KEY": ","}).link_keys()


@pytest.mark.parametrize(
    ("name", "value"), [("SENDGRID_API_KEY", "SG.x\r\ny"), ("SENDGRID_API_KEY", "SG.é")]
)
def test_a_key_that_could_break_a_header_is_refused_without_being_shown(
    name: str, value: str
) -> None:
    secrets = Secrets.from_environment({name: value})

    with pytest.raises(ConfigError, match=f"^{name} holds a character") as caught:
        NEEDED[name](secrets)
    assert "SG" not in str(caught.value)


def test_a_password_may_hold_any_letter() -> None:
    assert Secrets.from_environment({"SMTP_PASSWORD": "mot de passé"}).smtp_password()
