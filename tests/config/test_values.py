"""The grammars of single values."""

from contextlib import suppress
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.textfile import has_control_characters
from newsletter.values import (
    parse_base_url,
    parse_database_url,
    parse_day,
    parse_duration,
    parse_email,
    parse_envelope_sender,
    parse_host,
    parse_language,
    parse_line,
    parse_lines,
    parse_list_id,
    parse_month,
    parse_time,
    parse_timezone,
    parse_url,
)

PARSERS = [
    parse_base_url,
    parse_day,
    parse_duration,
    parse_email,
    parse_envelope_sender,
    parse_host,
    parse_line,
    parse_lines,
    parse_list_id,
    parse_month,
    parse_time,
    parse_timezone,
    parse_url,
]
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th", "last")


@pytest.mark.parametrize("parse", PARSERS)
@given(text=st.text() | st.text(alphabet="@.:/-0123456789abh[]{}token\r\n "))
def test_any_text_is_taken_or_refused_in_words(parse: object, text: str) -> None:
    assert callable(parse)
    with suppress(ValueError):
        assert not has_control_characters(str(parse(text)))


@given(st.sampled_from(ORDINALS), st.sampled_from(WEEKDAYS), st.integers(1, 31))
def test_a_day_is_a_weekday_of_the_month_a_number_or_the_last(
    ordinal: str, weekday: str, number: int
) -> None:
    for day in (f"{ordinal} {weekday}", str(number), "last"):
        assert parse_day(day) == day


@pytest.mark.parametrize(
    "day",
    ["", "0", "32", "01", "6th fri", "1th mon", "1st tuesday", "first tue", "tue", "1st  tue"],
)
def test_no_other_day_is_taken(day: str) -> None:
    with pytest.raises(ValueError, match="must be a day"):
        parse_day(day)


@given(st.times())
def test_a_time_of_day_has_hours_and_minutes(moment: time) -> None:
    assert parse_time(f"{moment:%H:%M}") == moment.replace(second=0, microsecond=0)


@pytest.mark.parametrize("text", ["24:00", "9:00", "09:60", "09:00:00", "noon"])
def test_no_other_time_is_taken(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time of day"):
        parse_time(text)


@given(st.integers(0, 744))
def test_a_duration_counts_minutes_hours_or_days(number: int) -> None:
    assert parse_duration(f"{number}h") == timedelta(hours=number)
    assert parse_duration(f"{number}m") == timedelta(minutes=number)


@pytest.mark.parametrize("text", ["32d", "745h", "1w", "-1h", "1.5h", "h", "24", "999999999999d"])
def test_no_other_duration_is_taken(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://Digest.Example/", "https://digest.example"),
        ("https://digest.example/News//", "https://digest.example/News"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_a_base_url_has_no_slash_at_its_end(text: str, url: str) -> None:
    assert parse_base_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "http://digest.example",
        "http://localhost.example",
        "https://",
        "digest.example",
        "https://me@digest.example",
        "https://digest.example/#top",
        "https://digest.example/<>",
        "https://digest.example/é",
        "https://digest.example:99999",
        "https://digest..example",
        "https://" + "a" * 64 + ".example",
        "https://digest.example/" + "a" * 200,
        "javascript:alert(1)",
    ],
)
def test_a_base_url_is_https_with_nothing_after_its_path(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        parse_base_url(text)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        (" Editor@Network.EXAMPLE ", "Editor@network.example"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@network.test", "a@network.test"),
    ],
)
def test_an_email_address_is_kept_in_ascii(text: str, address: str) -> None:
    assert parse_email(text) == address


@pytest.mark.parametrize(
    "text", ["b@{token}.example", "b+{token}{token}@x.example", "b+{id}@x.example", "{token}"]
)
def test_a_bounce_address_holds_its_token_once_before_the_at(text: str) -> None:
    with pytest.raises(ValueError, match=r"\{token\}|email address"):
        parse_envelope_sender(text)


@pytest.mark.parametrize("text", ["Toronto", "america/toronto", "America/Tronto"])
def test_a_time_zone_that_is_misspelt_is_proposed(text: str) -> None:
    with pytest.raises(ValueError, match="did you mean 'America/Toronto'"):
        parse_timezone(text)


@pytest.mark.parametrize("host", ["relay.example", "localhost", "192.0.2.7", "::1", "mail-1"])
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    assert parse_host(host) == host


@pytest.mark.parametrize("tag", ["en", "fr", "en-CA", "fr-CA", "FR-ca"])
def test_a_language_may_have_a_region(tag: str) -> None:
    assert parse_language(tag, ("en", "fr")) == tag


@pytest.mark.parametrize("tag", ["", "de", "english", "en_CA", "en-", "en-C/A"])
def test_a_language_is_one_that_the_program_speaks(tag: str) -> None:
    with pytest.raises(ValueError, match='must be one of "en", "fr"'):
        parse_language(tag, ("en", "fr"))


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("sqlite:///var/n.db", "sqlite:////srv/news/var/n.db"),
        ("sqlite:////data/n.db", "sqlite:////data/n.db"),
        ("postgresql+psycopg://u:p%40@db:5432/n", "postgresql+psycopg://u:p%40@db:5432/n"),
        ("postgresql+psycopg:///n?host=/run/pg", "postgresql+psycopg:///n?host=/run/pg"),
    ],
)
def test_a_relative_sqlite_file_lies_in_the_newsletters_folder(text: str, url: str) -> None:
    assert parse_database_url(text, Path("/srv/news")) == url


@pytest.mark.parametrize(
    "text",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///n.db?mode=ro",
        "postgresql://db/n",
        "postgresql+psycopg://",
        "postgresql+psycopg://db:port/n",
        "var/newsletter.db",
    ],
)
def test_no_other_database_is_taken(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be "):
        parse_database_url(text, Path("/srv/news"))
