"""Config -> objects: the only place that chooses implementations."""

from newsletter.desk import Desk, Folders
from newsletter.errors import ConfigError
from newsletter.ledger.database import Database
from newsletter.ledger.deliveries import Deliveries
from newsletter.ledger.lock import OwnerLocks
from newsletter.ledger.subscribers import Subscribers
from newsletter.personalise.keys import AddressDigests
from newsletter.personalise.links import Links, LinkTokens
from newsletter.pipeline import Ledger, Pipeline
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
    return Ledger(Subscribers(database), Deliveries(database), OwnerLocks(database))


def _open_transport(config: Config) -> Transport:
    match config.transport.use:
        case TransportName.OUTBOX:
            return Outbox(config.transport.outbox.path)
        case TransportName.SMTP | TransportName.SENDGRID:
            raise ConfigError(
                f'the transport "{config.transport.use}" is not available in this version; '
                'set use = "outbox"',
                where="[transport]",
            )
