"""What a person may write as a value -> the value the program works with.

Every parser raises ValueError with the rest of a sentence that begins with the setting's name.
"""

import re
from collections.abc import Collection
from datetime import time, timedelta
from difflib import get_close_matches
from enum import StrEnum
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from newsletter.addresses import parse_address
from newsletter.model.problem import did_you_mean
from newsletter.textfile import has_control_characters

_Choice = TypeVar("_Choice", bound=StrEnum)

_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_HOST: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_URL: Final = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")  # RFC 3986, section 2
_SUBTAG: Final = re.compile(r"[A-Za-z0-9]{2,8}")
_MONTH: Final = re.compile(r"[1-9][0-9]{3}-(?:0[1-9]|1[0-2])")
_DAY: Final = re.compile(
    r"(?:1st|2nd|3rd|4th|5th|last) (?:mon|tue|wed|thu|fri|sat|sun)|last|[1-9]|[12][0-9]|3[01]"
)
_TIME: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DURATION: Final = re.compile(r"([0-9]{1,6})([mhd])")
_UNITS: Final = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LONGEST: Final = timedelta(days=31)


def parse_line(text: str) -> str:
    """One line of text, trimmed: what may stand in a header."""
    line = text.strip()
    if not line:
        raise ValueError("is empty")
    if has_control_characters(line):
        raise ValueError("must be one line, without control characters")
    return line


def parse_lines(text: str) -> str:
    """Text of several lines, such as an address on an envelope, as one line with commas."""
    return ", ".join(parse_line(line).rstrip(",") for line in text.strip().split("\n"))


def parse_choice(text: str, kind: type[_Choice]) -> _Choice:
    """The member of `kind` whose value is `text`."""
    known = [member.value for member in kind]
    if text not in known:
        listed = ", ".join(f'"{value}"' for value in known)
        raise ValueError(f"must be one of {listed}{did_you_mean(text, known)}")
    return kind(text)


def parse_email(text: str) -> str:
    """A mailbox's address (RFC 5322 addr-spec) in ASCII, its domain in lower case.

    No DNS is asked. Addresses without an ASCII form are refused: many servers cannot answer them.
    """
    line = parse_line(text)
    try:
        address = parse_address(line).ascii_email
    except ValueError as error:
        raise ValueError(f"is no email address: {error}") from None
    if address is None:
        raise ValueError("must have only ASCII letters before the @")
    return address


def parse_envelope_sender(text: str) -> str:
    """An address with at most one `{token}` before the @, which becomes the delivery's (VERP)."""
    local, _, domain = text.partition("@")
    if set(local.replace("{token}", "", 1) + domain) & set("{}"):
        raise ValueError('may hold {token} once, before the @, as in "bounce+{token}@…"')
    return parse_email(text.replace("{token}", "token-0")).replace("token-0", "{token}")


def parse_list_id(text: str) -> str:
    """The list's lasting name, shaped like a domain and in lower case (RFC 2919)."""
    if not _DOMAIN.fullmatch(text) or len(text) > 200:
        raise ValueError('must look like a domain, such as "digest.example.org"')
    return text.lower()


def parse_language(text: str, known: Collection[str]) -> str:
    """A BCP 47 tag such as `fr` or `fr-CA` whose primary subtag is `known`."""
    primary, *regions = text.split("-")
    if primary.lower() not in known or not all(_SUBTAG.fullmatch(region) for region in regions):
        listed = ", ".join(f'"{language}"' for language in known)
        raise ValueError(f'must be one of {listed}, or one with a region such as "en-CA"')
    return text


def parse_host(text: str) -> str:
    """A host's name or IP address, without a port."""
    if not _is_host(text):
        raise ValueError(
            'must be a host\'s name or address alone, such as "smtp.example.org"; '
            "the port has a key of its own"
        )
    return text


def parse_network(text: str) -> str:
    """An IP address, or a network of them such as `10.0.0.0/8`."""
    try:
        return str(ip_network(text)) if "/" in text else str(ip_address(text))
    except ValueError:
        raise ValueError(
            'must be IP addresses or networks, such as "127.0.0.1" or "10.0.0.0/8"'
        ) from None


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine itself."""
    return host == "localhost" or (_is_ip(host) and ip_address(host).is_loopback)


def parse_url(text: str) -> str:
    """An address on the web, http or https."""
    parts = _split_url(text)
    if parts.scheme not in {"http", "https"}:
        raise ValueError("must begin with https:// or http://")
    return text


def parse_base_url(text: str) -> str:
    """The https address that paths are put after, without a slash at its end.

    Plain http is taken for this machine itself alone.
    """
    parts = _split_url(text)
    local = parts.scheme == "http" and is_loopback(parts.hostname or "")
    if parts.scheme != "https" and not local:
        raise ValueError("must begin with https:// (plain http is for this machine alone)")
    if set(text) & set("?#@"):
        raise ValueError("must not hold ?, # or @: paths are put after it")
    if len(text) > 200:  # it stands in a header whose line ends at 998 octets
        raise ValueError("must have at most 200 characters")
    return f"{parts.scheme}://{parts.netloc.lower()}{parts.path.rstrip('/')}"


def parse_database_url(text: str, folder: Path) -> str:
    """A database's address for SQLAlchemy; a relative SQLite file lies in `folder`."""
    scheme, _, rest = parse_line(text).partition("://")
    if scheme == "postgresql+psycopg" and rest.strip("/") and _has_sound_port(text):
        return text
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/") and "?" not in rest:
        return f"sqlite:///{folder / rest[1:]}"
    raise ValueError(
        'must be "sqlite:///" and a file, such as "sqlite:///var/newsletter.db", '
        'or "postgresql+psycopg://" and a server'
    )


def parse_timezone(text: str) -> ZoneInfo:
    """A time zone of the IANA database."""
    try:
        return ZoneInfo(text)
    # A folder of the database, such as "America", raises what the file system says.
    except (ZoneInfoNotFoundError, ValueError, OSError):
        zones = available_timezones()
    known = {zone.rpartition("/")[2].casefold(): zone for zone in zones}
    known |= {zone.casefold(): zone for zone in zones}
    near = get_close_matches(text.casefold(), known, n=1)
    hint = f"; did you mean '{known[near[0]]}'?" if near else ""
    raise ValueError(f'is no IANA time zone such as "America/Toronto"{hint}')


def parse_month(text: str) -> str:
    """The month of an issue, `2022-11`."""
    if not _MONTH.fullmatch(text):
        raise ValueError("must be a month such as 2022-11")
    return text


def parse_day(text: str) -> str:
    """A day of every month: `1st tue` … `5th sun`, `last fri`, `1` … `31` or `last`."""
    if not _DAY.fullmatch(text):
        raise ValueError('must be a day such as "1st tue", "last fri", "15" or "last"')
    return text


def parse_time(text: str) -> time:
    """A time of day on the 24-hour clock."""
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError('must be a time of day such as "09:00" or "17:30"')
    return time(int(found[1]), int(found[2]))


def parse_duration(text: str) -> timedelta:
    """A number of minutes, hours or days, at most 31 days."""
    found = _DURATION.fullmatch(text)
    if not found or (duration := int(found[1]) * _UNITS[found[2]]) > _LONGEST:
        raise ValueError('must be a duration of at most 31 days, such as "90m", "24h" or "2d"')
    return duration


def _is_host(text: str) -> bool:
    return _HOST.fullmatch(text) is not None or _is_ip(text)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _split_url(text: str) -> SplitResult:
    if not _URL.fullmatch(text):
        raise ValueError("must be a web address, in ASCII and without blanks")
    if not _has_sound_port(text) or not _is_host(urlsplit(text).hostname or ""):
        raise ValueError('must be a web address, such as "https://digest.example.org"')
    return urlsplit(text)


def _has_sound_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:  # no number, above 65535, or brackets that hold no IPv6 address
        return False
