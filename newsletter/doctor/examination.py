"""The whole examination, from the settings to the public pages; nothing is sent."""

from collections.abc import Iterator
from typing import Final

from newsletter.doctor.domain import Nameservers, examine_domain
from newsletter.doctor.finding import Finding, Level, note, ok, problem
from newsletter.doctor.machine import examine_machine
from newsletter.doctor.site import examine_site
from newsletter.doctor.transport import examine_transport
from newsletter.errors import ConfigError, LedgerError
from newsletter.settings import Config, TransportName
from newsletter.wiring import open_pipeline

_MAKE_A_KEY: Final = (
    "make one and keep it: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
)


def examine(config: Config) -> Iterator[Finding]:
    """Finding by finding, as each becomes known."""
    yield ok("settings", f"{config.path} can be read; email leaves by {config.transport.use}")
    yield from examine_machine(config)
    yield from _examine_secrets(config)
    yield from _examine_database(config)
    yield from examine_transport(config)
    sender = config.newsletter.sender.email.rpartition("@")[2]
    leaves = config.transport.use is not TransportName.OUTBOX
    yield from examine_domain(sender, Nameservers(), Level.PROBLEM if leaves else Level.NOTE)
    yield examine_site(config.newsletter.base_url)


def _examine_secrets(config: Config) -> Iterator[Finding]:
    subject, variable = "secret key", "NEWSLETTER_SECRET_KEY"
    try:
        keys = config.secrets.link_keys()
    except ConfigError as error:
        what, _, _ = error.what.partition(";")
        yield problem(subject, what, _MAKE_A_KEY)
    else:
        if config.secrets.are_link_keys_weak:
            yield note(
                subject,
                f"{variable} is easy to guess, and with it anybody's links",
                "put a better one before it, with a comma between them, and keep both",
            )
        else:
            number = f", {len(keys)} keys" if len(keys) > 1 else ""
            yield ok(subject, f"{variable} is set{number}")
    if config.transport.use is TransportName.SENDGRID:
        yield _webhook_key(config)


def _webhook_key(config: Config) -> Finding:
    subject, variable = "webhook key", "SENDGRID_WEBHOOK_KEY"
    if variable not in config.secrets:
        return note(
            subject,
            f"{variable} is not set, so that no news of bounces or complaints is taken",
            "switch the signed event webhook on at SendGrid and put its public key there",
        )
    try:
        config.secrets.sendgrid_webhook_key()
    except ConfigError as error:
        what, _, remedy = error.what.partition("; ")
        return problem(subject, what, remedy)
    return ok(subject, f"{variable} is set")


def _examine_database(config: Config) -> Iterator[Finding]:
    subject = "database"
    try:
        ledger = open_pipeline(config).ledger
        ledger.deliveries.hurry("")  # no month's: it changes nothing where it may change something
        people = sum(group.subscribers for group in ledger.subscribers.groups(""))
    except LedgerError as error:
        yield problem(subject, str(error), "[database] url in config.toml says where it is")
    else:
        number = "1 subscriber" if people == 1 else f"{people:,} subscribers"
        yield ok(subject, f"is up to date and can be written; {number}")
