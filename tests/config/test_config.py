"""config.toml: what it may say, what it means, and how everything wrong with it is reported."""

import json
from collections.abc import Callable, Mapping
from datetime import time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from newsletter.config import load_config
from newsletter.errors import ConfigError, ProblemsFound
from newsletter.model.message import Address
from newsletter.model.variant import WhenNothingMatches
from newsletter.settings import Config, Security, TransportName

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
NEWSLETTER = {
    "name": "Digest",
    "list_id": "digest.network.example",
    "sender_name": "The Digest",
    "sender_email": "digest@network.example",
    "organisation": "A Network",
    "postal_address": "12 Imaginary Lane, Ottawa",
    "contact": "editor@network.example",
    "base_url": "https://digest.network.example",
}
Load = Callable[..., Config]
Complaints = Callable[..., list[str]]


def written(changes: Mapping[str, object], rest: str) -> str:
    """A config.toml: a sound [newsletter] with changes (None leaves a key out), then `rest`."""
    keys = {key: value for key, value in {**NEWSLETTER, **changes}.items() if value is not None}
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(["[newsletter]", *lines, rest])


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(rest: str = "", **newsletter: object) -> Config:
        path = tmp_path / "config.toml"
        path.write_text(written(newsletter, rest), "utf-8")
        return load_config(path, {})

    return load


@pytest.fixture
def complaints(load: Load, tmp_path: Path) -> Complaints:
    def complaints(rest: str = "", **newsletter: object) -> list[str]:
        with pytest.raises(ProblemsFound) as caught:
            load(rest, **newsletter)
        return [line.removeprefix(f"{tmp_path}/") for line in caught.value.lines]

    return complaints


def test_the_identity_is_read_as_every_email_states_it(load: Load) -> None:
    newsletter = load(language="fr-CA", base_url="https://Digest.example/news/").newsletter

    assert newsletter.sender == Address("digest@network.example", "The Digest")
    assert newsletter.language == "fr-CA"
    assert newsletter.base_url == "https://digest.example/news"


def test_replies_go_to_the_sender_unless_they_are_sent_elsewhere(load: Load) -> None:
    assert load().newsletter.reply_to.email == "digest@network.example"
    assert load(reply_to="editor@network.example").newsletter.reply_to.email == (
        "editor@network.example"
    )


def test_a_postal_address_on_several_lines_becomes_one_line(load: Load) -> None:
    newsletter = load(postal_address="A Network,\n12 Imaginary Lane\nOttawa\n").newsletter

    assert newsletter.postal_address == "A Network, 12 Imaginary Lane, Ottawa"


def test_relative_paths_begin_at_the_file_wherever_the_program_runs(
    load: Load, tmp_path: Path
) -> None:
    config = load('[paths]\nissues = "texts"\n[transport.outbox]\npath = "/srv/outbox"')

    assert config.paths.issues == tmp_path / "texts"
    assert config.paths.archive == tmp_path / "archive"
    assert config.transport.outbox.path == Path("/srv/outbox")
    assert config.database.url == f"sqlite:///{tmp_path}/var/newsletter.db"


def test_every_other_section_may_be_left_out_and_the_example_shows_its_defaults(
    load: Load, tmp_path: Path
) -> None:
    example = tmp_path / "example.toml"
    example.write_bytes(EXAMPLE.read_bytes())
    shown, bare = load_config(example, {}), load(timezone="America/Toronto")

    for section in ("paths", "content", "database", "personalisation", "schedule", "alerts", "web"):
        assert getattr(shown, section) == getattr(bare, section)
    assert shown.transport.sendgrid == bare.transport.sendgrid
    assert shown.transport.use is TransportName.OUTBOX


def test_a_window_is_for_those_who_send_by_their_readers_clocks(load: Load) -> None:
    assert load('[schedule]\nwindow = "6h"').schedule.window == timedelta(0)
    by_readers = '[schedule]\nsend_in = "subscriber"'
    assert load(by_readers).schedule.window == timedelta(hours=24)
    assert load(f'{by_readers}\nwindow = "6h"').schedule.window == timedelta(hours=6)


def test_the_schedule_is_in_the_newsletters_time_zone(load: Load) -> None:
    schedule = load(
        '[schedule]\nday = "last fri"\ntime = "17:05"\nremind_before = "0h"\nmax_lateness = "90m"',
        timezone="America/St_Johns",
    ).schedule

    assert (schedule.day, schedule.time) == ("last fri", time(17, 5))
    assert schedule.timezone == ZoneInfo("America/St_Johns")
    assert (schedule.max_lateness, schedule.remind_before) == (timedelta(minutes=90), timedelta(0))


def test_an_smtp_relay_gets_the_port_of_its_security(load: Load) -> None:
    smtp = load(
        '[transport]\nuse = "smtp"\n[transport.smtp]\nhost = "relay.example"\nsecurity = "tls"\n'
        'envelope_sender = "b+{token}@network.example"\nmessages_per_second = 5'
    ).transport.smtp

    assert (smtp.host, smtp.port, smtp.security) == ("relay.example", 465, Security.TLS)
    assert smtp.envelope_sender == "b+{token}@network.example"
    assert smtp.messages_per_second == 5.0


def test_bounces_return_to_the_sender_unless_they_are_sent_elsewhere(load: Load) -> None:
    assert load().transport.smtp.envelope_sender == "digest@network.example"


def test_sendgrids_region_chooses_its_address(load: Load) -> None:
    sendgrid = load('[transport.sendgrid]\nregion = "eu"').transport.sendgrid

    assert sendgrid.base_url == "https://api.eu.sendgrid.com"


def test_proxies_that_are_believed_are_addresses_or_networks(
    load: Load, complaints: Complaints
) -> None:
    proxies = '[web]\ntrusted_proxies = ["127.0.0.1", "10.0.0.0/8", "::1"]'
    assert load(proxies).web.trusted_proxies == ("127.0.0.1", "10.0.0.0/8", "::1")
    assert load("").web.trusted_proxies == ()
    for wrong in ("*", "localhost", "10.0.0.1/8", ""):
        (complaint,) = complaints(f'[web]\ntrusted_proxies = ["{wrong}"]')
        assert "trusted_proxies must be IP addresses or networks" in complaint


def test_what_nobody_chose_is_decided_in_one_word(load: Load) -> None:
    config = load('[personalisation]\nwhen_nothing_matches = "skip"')

    assert config.personalisation.when_nothing_matches is WhenNothingMatches.SKIP


def test_everything_wrong_is_told_at_once_in_the_files_order(complaints: Complaints) -> None:
    assert complaints(
        'colour = "red"\n[shedule]\n[schedule]\nday = "1st tuesday"\n[web]\nport = 0',
        name=None,
        sender_email="nobody",
        contact="a\nb",
    ) == [
        "config.toml:1: newsletter.name is missing",
        "config.toml:4: sender_email is no email address: an email address must have an @-sign",
        "config.toml:7: contact must be one line, without control characters",
        "config.toml:9: unknown key 'colour'",
        "config.toml:10: unknown key 'shedule'; did you mean 'schedule'?",
        'config.toml:12: day must be a day such as "1st tue", "last fri", "15" or "last"',
        "config.toml:14: port must be from 1 to 65535",
    ]


def test_every_required_key_is_named_when_it_is_missing(complaints: Complaints) -> None:
    nothing: dict[str, Any] = dict.fromkeys(NEWSLETTER)

    assert complaints(**nothing) == [
        f"config.toml:1: newsletter.{key} is missing" for key in sorted(NEWSLETTER)
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "two\nlines"),
        ("name", " "),
        ("sender_name", "The Digest\r\nBcc: all@network.example"),
        ("sender_email", "The Digest <digest@network.example>"),
        ("reply_to", "é@network.example"),
        ("contact", "a bell \x07"),
        ("list_id", "digest"),
        ("list_id", "<digest.network.example>"),
        ("base_url", "http://digest.network.example"),
        ("base_url", "https://digest.network.example/?a=b"),
        ("language", "de"),
        ("timezone", "../etc/passwd"),
        ("timezone", "America"),
        ("postal_address", ""),
        ("organisation", 7),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_at_its_line(
    complaints: Complaints, key: str, value: object
) -> None:
    (line,) = complaints(**{key: value})

    number = list({**NEWSLETTER, key: value}).index(key) + 2
    assert line.startswith(f"config.toml:{number}: ")
    assert key in line


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ('[transport]\nuse = "smpt"', "did you mean 'smtp'?"),
        ('[transport]\nuse = "smtp"', 'use = "smtp" needs a host in [transport.smtp]'),
        ('[transport.smtp]\nhost = "relay.example:25"', "the port has a key of its own"),
        (
            '[transport.smtp]\nhost = "relay.example"\nsecurity = "none"\nusername = "u"',
            "must not go out in clear",
        ),
        ('[transport.smtp]\npassword = "hunter2"', "put it into SMTP_PASSWORD"),
        ('[transport.sendgrid]\napi_key = "SG.x"', "put it into SENDGRID_API_KEY"),
        (
            '[transport.sendgrid]\nregion = "eu"\nbase_url = "https://api.sendgrid.com"',
            'not the one of region = "eu"',
        ),
        ('[transport.sendgrid]\nbase_url = "http://sink.example"', "plain http"),
        ("[transport.smtp]\nmessages_per_second = nan", "messages_per_second must be from"),
        ("[transport.smtp]\ntimeout_seconds = inf", "timeout_seconds must be from 1 to 600"),
        ("[transport.smtp]\nconnections = 2.5", "must be a whole number"),
        ('[schedule]\nmax_lateness = "0h"', "every issue would be missed"),
        ('[schedule]\nwindow = "25h"', "at most 24h"),
        ('[schedule]\nwindow = "0h"', "more than nothing"),
        ('[schedule]\nsend_in = "reader"', "send_in"),
        ('[paths]\narchive = "issues"', "archive is the same folder as issues"),
        ("[content]\ncallout = []", "callout must name a heading"),
        ('[alerts]\nto = ["editor@network.example", "editor"]', "to is no email address"),
        ('[alerts]\nheartbeat_url = "ftp://x.example"', "must begin with https://"),
        ('[database]\nurl = "mysql://x"', "sqlite:///var/newsletter.db"),
    ],
)
def test_settings_that_contradict_or_cannot_be_are_refused(
    complaints: Complaints, rest: str, said: str
) -> None:
    (line,) = complaints(rest)

    assert said in line
    assert "hunter2" not in line


def test_a_username_in_clear_is_taken_on_this_machine(load: Load) -> None:
    assert load(
        '[transport.smtp]\nhost = "127.0.0.1"\nsecurity = "none"\nusername = "u"'
    ).transport.smtp.username


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"[newsletter", "config.toml:1: not TOML"),
        (b'name = "\xe9"', "config.toml:1: not UTF-8 text"),
        (b"", "config.toml:1: newsletter.name is missing"),
    ],
)
def test_a_file_that_is_no_toml_is_told_as_a_problem(
    tmp_path: Path, data: bytes, said: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(data)

    with pytest.raises(ProblemsFound) as caught:
        load_config(path, {})

    assert any(said in line for line in caught.value.lines)


def test_an_absent_file_tells_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--config.*newsletter init DIR"):
        load_config(tmp_path / "config.toml", {})


def test_no_setting_shows_a_password_by_accident(load: Load, tmp_path: Path) -> None:
    config = load('[database]\nurl = "postgresql+psycopg://u:hunter2@db.example/news"')
    kept = load_config(tmp_path / "config.toml", {"SMTP_PASSWORD": "hunter3"})

    assert config.database.url.endswith("hunter2@db.example/news")
    assert "hunter" not in repr(kept)
