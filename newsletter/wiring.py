"""Config -> objects: the only place that chooses implementations."""

from datetime import timedelta

from newsletter.desk import Desk, Folders
from newsletter.ledger.database import Database
from newsletter.ledger.ledger import Ledger
from newsletter.personalise.keys import AddressDigests
from newsletter.personalise.links import Links, LinkTokens
from newsletter.pipeline import Pipeline
from newsletter.settings import Config, TransportName
from newsletter.sources.issues import ContentRules
from newsletter.starter import templates_folder
from newsletter.subscriptions import Subscriptions
from newsletter.templates import Templates
from newsletter.transports.base import Transport
from newsletter.transports.outbox import Outbox


def open_desk(config: Config) -> Desk:
    """The editor's desk. The folder's own templates win over the bundled ones."""
    folders = Folders(
        root=config.path.absolute().parent,
        issues=config.paths.issues,
        archive=config.paths.archive,
    )
    return Desk(
        config.newsletter,
        folders,
        Templates([config.paths.templates, templates_folder()]),
        ContentRules(config.content.callout, config.content.callout_required),
        config.personalisation.when_nothing_matches,
    )


def open_pipeline(config: Config) -> Pipeline:
    """The pipeline from the desk to the configured way out."""
    return Pipeline(
        open_desk(config),
        open_ledger=lambda: _open_ledger(config),
        open_links=lambda: Links(
            config.newsletter.base_url, LinkTokens(config.secrets.link_keys())
        ),
        open_transport=lambda: _open_transport(config),
        per_second=_messages_per_second(config),
    )


def open_subscriptions(config: Config) -> Subscriptions:
    """The list of subscribers."""
    return Subscriptions(
        _open_ledger(config).subscribers,
        open_desk(config).taxonomy,
        lambda: AddressDigests(config.secrets.link_keys()),
    )


def _open_ledger(config: Config) -> Ledger:
    database = Database.open(config.database.url, base=config.path.absolute().parent)
    return Ledger.of(database)


def _open_transport(config: Config) -> Transport:
    match config.transport.use:
        case TransportName.OUTBOX:
            return Outbox(config.transport.outbox.path)
        case TransportName.SMTP:
            return _open_smtp(config)
        case TransportName.SENDGRID:
            return _open_sendgrid(config)


def _open_smtp(config: Config) -> Transport:
    from newsletter.transports.smtp.relay import Protection, Relay
    from newsletter.transports.smtp.transport import Smtp

    smtp = config.transport.smtp
    relay = Relay(
        host=smtp.host,
        port=smtp.port,
        protection=Protection(smtp.security),
        username=smtp.username,
        password=config.secrets.smtp_password() if smtp.username else "",
    )
    return Smtp(
        relay,
        envelope_sender=smtp.envelope_sender,
        connections=smtp.connections,
        timeout=timedelta(seconds=smtp.timeout_seconds),
    )


def _open_sendgrid(config: Config) -> Transport:
    from newsletter.transports.sendgrid.client import SendgridClient
    from newsletter.transports.sendgrid.transport import Sendgrid

    sendgrid = config.transport.sendgrid
    client = SendgridClient(
        sendgrid.base_url,
        config.secrets.sendgrid_api_key(),
        timedelta(seconds=sendgrid.timeout_seconds),
    )
    return Sendgrid(config.newsletter, client)


def _messages_per_second(config: Config) -> float | None:
    match config.transport.use:
        case TransportName.OUTBOX:
            return None
        case TransportName.SMTP:
            return config.transport.smtp.messages_per_second
        case TransportName.SENDGRID:
            return config.transport.sendgrid.messages_per_second
