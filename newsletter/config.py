"""config.toml and the environment -> the settings, or every problem at once."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from newsletter.calendar import Schedule
from newsletter.errors import ConfigError, ProblemsFound
from newsletter.locales import LANGUAGES
from newsletter.model.message import Address
from newsletter.model.newsletter import Newsletter
from newsletter.model.problem import Problem
from newsletter.model.variant import WhenNothingMatches
from newsletter.secrets import Secrets
from newsletter.settings import (
    AlertSettings,
    BounceSettings,
    Config,
    ContentSettings,
    DatabaseSettings,
    ImapSettings,
    OutboxSettings,
    Paths,
    PersonalisationSettings,
    Region,
    Security,
    SendgridSettings,
    SendIn,
    SmtpSettings,
    SubscriberSettings,
    TransportName,
    TransportSettings,
    WebSettings,
)
from newsletter.sources.doubtful_addresses import THROWAWAY_DOMAINS
from newsletter.textfile import decode
from newsletter.toml import Table, parse_toml
from newsletter.values import (
    is_loopback,
    parse_base_url,
    parse_choice,
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
    parse_network,
    parse_time,
    parse_timezone,
    parse_url,
)

_Value = TypeVar("_Value")
_Choice = TypeVar("_Choice", bound=StrEnum)
_Default = TypeVar("_Default")
_Number = TypeVar("_Number", int, float)

_PORTS: Final = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}
_SENDGRID: Final = {
    Region.GLOBAL: "https://api.sendgrid.com",
    Region.EU: "https://api.eu.sendgrid.com",
}


def load_config(path: Path, environ: Mapping[str, str]) -> Config:
    """The settings of `path` and the secrets of `environ`.

    Raises ConfigError where there is no such file, and ProblemsFound with every problem in it.
    """
    config, problems = read_config(path, environ)
    if config is None or problems:
        raise ProblemsFound(problems)
    return config


def read_config(path: Path, environ: Mapping[str, str]) -> tuple[Config | None, list[Problem]]:
    """The settings as far as they can be read, and every problem in them.

    With a problem they are good for looking on alone. Raises ConfigError without such a file.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file; run in a newsletter's folder, name its config.toml with "
            "--config, or make a folder with: newsletter init DIR",
            where=str(path),
        ) from None
    problems: list[Problem] = []
    config = _read(data, path, environ, problems)
    return config, sorted(problems)


def _read(
    data: bytes, path: Path, environ: Mapping[str, str], problems: list[Problem]
) -> Config | None:
    """The settings that `data` states; not to be used where `problems` grew."""
    text, undecodable = decode(data, str(path))
    problems += undecodable
    table = None if undecodable and not text else parse_toml(text, str(path), problems)
    if table is None:
        return None
    folder = path.absolute().parent
    newsletter, timezone = _newsletter(table.table("newsletter"))
    config = Config(
        path=path,
        newsletter=newsletter,
        paths=_paths(table.table("paths"), folder),
        content=_content(table.table("content")),
        database=_database(table.table("database"), folder),
        personalisation=_personalisation(table.table("personalisation")),
        schedule=_schedule(table.table("schedule"), timezone),
        alerts=_alerts(table.table("alerts")),
        transport=_transport(table.table("transport"), folder, newsletter.sender.email),
        subscribers=_subscribers(table.table("subscribers")),
        bounces=_bounces(table.table("bounces"), folder),
        web=_web(table.table("web")),
        secrets=Secrets.from_environment(environ),
    )
    table.close()
    return config


def _newsletter(table: Table) -> tuple[Newsletter, ZoneInfo]:
    sender = Address(_required(table, "sender_email", parse_email), _required(table, "sender_name"))
    reply_to = _optional(table, "reply_to", parse_email)
    newsletter = Newsletter(
        name=_required(table, "name"),
        list_id=_required(table, "list_id", parse_list_id),
        sender=sender,
        reply_to=Address(reply_to, sender.name) if reply_to else sender,
        organisation=_required(table, "organisation"),
        postal_address=_required(table, "postal_address", parse_lines),
        contact=_required(table, "contact"),
        base_url=_required(table, "base_url", parse_base_url),
        language=_setting(table, "language", partial(parse_language, known=LANGUAGES), "en"),
    )
    timezone = _setting(table, "timezone", parse_timezone, "UTC")
    table.close()
    return newsletter, timezone


def _paths(table: Table, folder: Path) -> Paths:
    names = ("issues", "templates", "subscribers", "archive")
    found = {name: folder / _setting(table, name, parse_line, name) for name in names}
    for first, second in combinations(names, 2):
        if found[first] == found[second]:
            table.report(second, f"{second} is the same folder as {first}")
    table.close()
    return Paths(**found)


def _content(table: Table) -> ContentSettings:
    callout = table.take_list("callout", ("Practice implications", "Practical implications"))
    required = table.take("callout_required", bool, default=True)
    if required and not callout:
        table.report("callout", "callout must name a heading, or callout_required be false")
    table.close()
    return ContentSettings(_each(table, "callout", callout, parse_line), required)


def _database(table: Table, folder: Path) -> DatabaseSettings:
    parse = partial(parse_database_url, folder=folder)
    url = _setting(table, "url", parse, "sqlite:///var/newsletter.db")
    table.close()
    return DatabaseSettings(url)


def _personalisation(table: Table) -> PersonalisationSettings:
    nothing = _choice(table, "when_nothing_matches", WhenNothingMatches.HEADLINES)
    table.close()
    return PersonalisationSettings(nothing)


def _schedule(table: Table, timezone: ZoneInfo) -> Schedule:
    max_lateness = _setting(table, "max_lateness", parse_duration, "24h")
    if not max_lateness:
        table.report("max_lateness", "max_lateness must not be zero: every issue would be missed")
    send_in = _choice(table, "send_in", SendIn.NEWSLETTER)
    window = _setting(table, "window", parse_duration, "24h")
    if not timedelta(0) < window <= timedelta(hours=24):
        table.report("window", "window must be more than nothing and at most 24h")
    schedule = Schedule(
        day=_setting(table, "day", parse_day, "1st tue"),
        time=_setting(table, "time", parse_time, "09:00"),
        timezone=timezone,
        max_lateness=max_lateness,
        remind_before=_setting(table, "remind_before", parse_duration, "48h"),
        window=window if send_in is SendIn.SUBSCRIBER else timedelta(),
    )
    table.close()
    return schedule


def _alerts(table: Table) -> AlertSettings:
    to = _each(table, "to", table.take_list("to", ()), parse_email)
    heartbeat_url = _optional(table, "heartbeat_url", parse_url)
    table.close()
    return AlertSettings(to, heartbeat_url)


def _transport(table: Table, folder: Path, sender_email: str) -> TransportSettings:
    use = _choice(table, "use", TransportName.OUTBOX)
    outbox, smtp = table.table("outbox"), table.table("smtp")
    if use is TransportName.SMTP and "host" not in smtp:
        table.report("use", 'use = "smtp" needs a host in [transport.smtp]')
    transport = TransportSettings(
        use=use,
        outbox=OutboxSettings(folder / _setting(outbox, "path", parse_line, "var/outbox")),
        smtp=_smtp(smtp, sender_email),
        sendgrid=_sendgrid(table.table("sendgrid")),
    )
    outbox.close()
    table.close()
    return transport


def _smtp(table: Table, sender_email: str) -> SmtpSettings:
    _refuse_secret(table, "password", "SMTP_PASSWORD")
    security = _choice(table, "security", Security.STARTTLS)
    smtp = SmtpSettings(
        host=_optional(table, "host", parse_host) or "",
        port=_number(table, "port", _PORTS[security], 1, 65535),
        security=security,
        username=_optional(table, "username", parse_line),
        connections=_number(table, "connections", 4, 1, 100),
        messages_per_second=_rate(table),
        timeout_seconds=_number(table, "timeout_seconds", 20.0, 1.0, 600.0),
        envelope_sender=_optional(table, "envelope_sender", parse_envelope_sender) or sender_email,
    )
    if smtp.username and security is Security.NONE and not is_loopback(smtp.host):
        table.report("username", 'username must not go out in clear, as security = "none" has it')
    table.close()
    return smtp


def _sendgrid(table: Table) -> SendgridSettings:
    _refuse_secret(table, "api_key", "SENDGRID_API_KEY")
    region = _choice(table, "region", Region.GLOBAL)
    sendgrid = SendgridSettings(
        base_url=_setting(table, "base_url", parse_base_url, _SENDGRID[region]),
        messages_per_second=_rate(table),
        timeout_seconds=_number(table, "timeout_seconds", 20.0, 1.0, 600.0),
        region=region,
    )
    if sendgrid.base_url in set(_SENDGRID.values()) - {_SENDGRID[region]}:
        table.report("base_url", f'base_url is not the one of region = "{region}"; leave it out')
    table.close()
    return sendgrid


def _bounces(table: Table, folder: Path) -> BounceSettings:
    maildir = _optional(table, "maildir", parse_line)
    bounces = BounceSettings(
        soft_bounces=_number(table, "soft_bounces", 5, 1, 100),
        maildir=folder / maildir if maildir else None,
        imap=_imap(table.table("imap")),
    )
    table.close()
    return bounces


def _subscribers(table: Table) -> SubscriberSettings:
    key = "throwaway_domains"
    domains = _each(table, key, table.take_list(key, tuple(THROWAWAY_DOMAINS)), parse_host)
    table.close()
    return SubscriberSettings(frozenset(domain.casefold() for domain in domains))


def _imap(table: Table) -> ImapSettings:
    _refuse_secret(table, "password", "BOUNCES_PASSWORD")
    security = _choice(table, "security", Security.TLS)
    imap = ImapSettings(
        host=_optional(table, "host", parse_host) or "",
        port=_number(table, "port", 993 if security is Security.TLS else 143, 1, 65535),
        security=security,
        username=_optional(table, "username", parse_line) or "",
        folder=_setting(table, "folder", parse_line, "INBOX"),
        timeout_seconds=_number(table, "timeout_seconds", 20.0, 1.0, 600.0),
    )
    if imap.host and not imap.username:
        table.report("host", "host needs a username beside it")
    if not imap.folder.isascii():
        table.report("folder", "folder must be written as IMAP has it, in ASCII (RFC 3501, 5.1.3)")
    if imap.host and security is Security.NONE and not is_loopback(imap.host):
        table.report("security", "security must not be none: the password would go out in clear")
    table.close()
    return imap


def _web(table: Table) -> WebSettings:
    web = WebSettings(
        host=_setting(table, "host", parse_host, "127.0.0.1"),
        port=_number(table, "port", 8000, 1, 65535),
        trusted_proxies=_each(
            table, "trusted_proxies", table.take_list("trusted_proxies", ()), parse_network
        ),
    )
    table.close()
    return web


def _refuse_secret(table: Table, key: str, variable: str) -> None:
    if key in table:
        table.take_optional(key, str)
        table.report(key, f"{key} does not belong in this file; put it into {variable}")


def _parsed(
    table: Table, key: str, text: str, parse: Callable[[str], _Value], default: _Default
) -> _Value | _Default:
    try:
        return parse(text)
    except ValueError as error:
        table.report(key, f"{key} {error}")
        return default


def _required(table: Table, key: str, parse: Callable[[str], str] = parse_line) -> str:
    return (_optional(table, key, parse) or "") if key in table else table.take(key, str)


def _optional(table: Table, key: str, parse: Callable[[str], _Value]) -> _Value | None:
    text = table.take_optional(key, str)
    return None if text is None else _parsed(table, key, text, parse, None)


def _setting(table: Table, key: str, parse: Callable[[str], _Value], default: str) -> _Value:
    return _parsed(table, key, table.take(key, str, default), parse, parse(default))


def _each(
    table: Table, key: str, texts: tuple[str, ...], parse: Callable[[str], str]
) -> tuple[str, ...]:
    return tuple(_parsed(table, key, text, parse, "") for text in texts)


def _choice(table: Table, key: str, default: _Choice) -> _Choice:
    return _setting(table, key, partial(parse_choice, kind=type(default)), default)


def _number(table: Table, key: str, default: _Number, low: _Number, high: _Number) -> _Number:
    number = table.take(key, type(default), default)
    if not low <= number <= high:  # so is a TOML nan
        table.report(key, f"{key} must be from {low:g} to {high:g}")
    return number


def _rate(table: Table) -> float | None:
    """How many messages may leave in a second; nothing means as fast as they are taken."""
    rate = table.take_optional("messages_per_second", float)
    if rate is not None and not 0.001 <= rate <= 100_000:
        table.report("messages_per_second", "messages_per_second must be from 0.001 to 100000")
    return rate
