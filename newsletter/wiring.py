"""Config -> objects: the only place that chooses implementations."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.alerts import Alerts
from newsletter.api_tokens import ApiTokens
from newsletter.correspondence import Correspondence
from newsletter.desk import Desk, Folders
from newsletter.errors import ConfigError, NewsletterError
from newsletter.feedback import Feedback
from newsletter.ledger.database import Database
from newsletter.ledger.ledger import Ledger
from newsletter.membership import Membership
from newsletter.model.issue import Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.personalise.keys import AddressDigests, FormStamps
from newsletter.personalise.links import Links, LinkTokens
from newsletter.pipeline import Pipeline
from newsletter.render.letters import LatestIssue, LetterPress
from newsletter.scheduler import Workshop
from newsletter.settings import Config, TransportName
from newsletter.sources.issues import ContentRules
from newsletter.starter import templates_folder
from newsletter.subscriptions import Subscriptions
from newsletter.templates import Templates
from newsletter.timetable import Timetable
from newsletter.transports.base import Transport
from newsletter.transports.outbox import Outbox

if TYPE_CHECKING:
    from newsletter.bounces import Bounces
    from newsletter.transports.sendgrid.client import SendgridClient
    from newsletter.transports.smtp.mailboxes import Mailbox
    from newsletter.transports.smtp.relay import Relay

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


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
    return _pipeline(config, lambda: _open_ledger(config), _now)


@contextmanager
def opened_pipeline(config: Config) -> Iterator[Pipeline]:
    """The pipeline with its database open meanwhile. Raises LedgerError without one."""
    with closing(_open_database(config)) as database:
        ledger = Ledger.of(database)
        yield _pipeline(config, lambda: ledger, _now)


def _pipeline(
    config: Config,
    open_ledger: Callable[[], Ledger],
    clock: Clock,
    transport: Transport | None = None,
) -> Pipeline:
    return Pipeline(
        open_desk(config),
        open_ledger=open_ledger,
        open_links=lambda: Links(
            config.newsletter.base_url, LinkTokens(config.secrets.link_keys())
        ),
        open_transport=lambda: transport or _open_transport(config),
        per_second=None if transport else messages_per_second(config),
        clock=clock,
    )


def open_subscriptions(config: Config) -> Subscriptions:
    """The list of subscribers."""
    return Subscriptions(
        _open_ledger(config),
        open_desk(config).taxonomy,
        lambda: AddressDigests(config.secrets.link_keys()),
        config.subscribers.throwaway_domains,
    )


def open_api_tokens(config: Config) -> ApiTokens:
    """Who may use the API."""
    return ApiTokens(_open_ledger(config))


def open_timetable(config: Config) -> Timetable:
    """When the issues leave."""
    return Timetable(open_pipeline(config), config.schedule, head_start(config))


@contextmanager
def open_workshop(
    config: Config, clock: Clock = _now, transport: Transport | None = None
) -> Iterator[Workshop]:
    """What the scheduler works with, opened; everything leaves by `transport` where one is given.

    Raises LedgerError without a database.
    """
    with closing(_open_database(config)) as database:
        ledger = Ledger.of(database)
        pipeline = _pipeline(config, lambda: ledger, clock, transport)
        press = LetterPress(pipeline.desk.templates, config.newsletter)
        alerts = Alerts(
            ledger,
            config.newsletter,
            press,
            config.alerts.to,
            config.alerts.heartbeat_url,
            open_transport=lambda: transport or _open_transport(config),
            clock=clock,
        )
        ahead = transport.head_start if transport else head_start(config)
        yield Workshop(pipeline, Timetable(pipeline, config.schedule, ahead), alerts)


@dataclass(frozen=True, slots=True)
class PublicSide:
    """What the public pages need of one newsletter.

    `check_transport` raises ConfigError where the way out is not set up. `webhook_key` is the
    public key of SendGrid's events, or empty.
    """

    newsletter: Newsletter
    taxonomy: Taxonomy
    templates: Templates
    archive: Path
    database: Database
    ledger: Ledger
    timetable: Timetable
    membership: Membership
    subscriptions: Subscriptions
    api_tokens: ApiTokens
    correspondence: Correspondence
    feedback: Feedback
    stamps: FormStamps
    throwaway_domains: frozenset[str]
    check_transport: Callable[[], object]
    webhook_key: str


def open_public_side(config: Config) -> PublicSide:
    """What the public pages need, opened.

    Raises ConfigError without NEWSLETTER_SECRET_KEY, LedgerError without a database, and
    ProblemsFound for a taxonomy that cannot be read.
    """
    keys = config.secrets.link_keys()
    desk = open_desk(config)
    database = _open_database(config)
    ledger = Ledger.of(database)
    links = Links(config.newsletter.base_url, LinkTokens(keys))
    digests = AddressDigests(keys)
    is_keyed = "SENDGRID_WEBHOOK_KEY" in config.secrets
    return PublicSide(
        newsletter=config.newsletter,
        taxonomy=desk.taxonomy,
        templates=desk.templates,
        archive=config.paths.archive,
        database=database,
        ledger=ledger,
        timetable=Timetable(
            _pipeline(config, lambda: ledger, _now), config.schedule, head_start(config)
        ),
        membership=Membership(ledger, links, digests),
        subscriptions=Subscriptions(ledger, desk.taxonomy, lambda: digests),
        api_tokens=ApiTokens(ledger),
        correspondence=Correspondence(
            ledger,
            config.newsletter,
            desk.taxonomy,
            links,
            LetterPress(desk.templates, config.newsletter),
            open_transport=lambda: _open_transport(config),
            find_latest=lambda: _latest_issue(desk),
        ),
        feedback=Feedback(ledger, soft_bounces=config.bounces.soft_bounces),
        stamps=FormStamps(keys),
        throwaway_domains=config.subscribers.throwaway_domains,
        check_transport=lambda: _open_transport(config),
        webhook_key=config.secrets.sendgrid_webhook_key() if is_keyed else "",
    )


def _latest_issue(desk: Desk) -> LatestIssue | None:
    """The newest issue in the archive, where its files can still be read."""
    for month in reversed(desk.months()):
        if (desk.folders.archive / month / "index.html").is_file():
            with suppress(NewsletterError):
                subject = desk.read(month).subject
                return LatestIssue(month, subject, desk.newsletter.issue_url(month))
    return None


def open_feedback(config: Config) -> Feedback:
    """What takes the news of deliveries."""
    return Feedback(_open_ledger(config), soft_bounces=config.bounces.soft_bounces)


def open_bounces(config: Config) -> "Bounces":
    """What reads the mailbox that failed mail returns to."""
    from newsletter.bounces import Bounces
    from newsletter.transports.smtp.bounces import Returns

    returns = Returns(config.newsletter.list_id, config.transport.smtp.envelope_sender)
    ledger = _open_ledger(config)
    feedback = Feedback(ledger, soft_bounces=config.bounces.soft_bounces)
    return Bounces(ledger, feedback, returns)


@contextmanager
def open_mailbox(
    config: Config, maildir: Path | None = None, *, is_imap: bool = False
) -> Iterator["Mailbox"]:
    """The Maildir, or else the configured mailbox; the IMAP folder where that is wanted.

    Raises ConfigError where none is configured, TransportError where it cannot be opened.
    """
    from newsletter.transports.smtp.mailboxes import Maildir

    maildir = maildir or config.bounces.maildir
    imap = config.bounces.imap
    if maildir and not is_imap:
        yield Maildir(maildir)
    elif not imap.host:
        raise ConfigError(
            "no mailbox to read; name a Maildir, or set maildir or an imap host in [bounces]",
            where=str(config.path),
        )
    else:
        from newsletter.transports.smtp.imap import Imap
        from newsletter.transports.smtp.relay import Protection, Relay

        password = config.secrets.bounces_password()
        protection = Protection(imap.security)
        account = Relay(imap.host, imap.port, protection, imap.username, password)
        with Imap.open(account, imap.folder, timedelta(seconds=imap.timeout_seconds)) as mailbox:
            yield mailbox


def _open_ledger(config: Config) -> Ledger:
    return Ledger.of(_open_database(config))


def _open_database(config: Config) -> Database:
    return Database.open(config.database.url, base=config.path.absolute().parent)


def check_way_out(config: Config) -> None:
    """Raise ConfigError where a secret is missing without which nothing would leave."""
    config.secrets.link_keys()
    _open_transport(config).close()


def _open_transport(config: Config) -> Transport:
    match config.transport.use:
        case TransportName.OUTBOX:
            return Outbox(config.transport.outbox.path)
        case TransportName.SMTP:
            return _open_smtp(config)
        case TransportName.SENDGRID:
            return _open_sendgrid(config)


def head_start(config: Config) -> timedelta:
    """How long before their time messages are given in."""
    if config.transport.use is not TransportName.SENDGRID:
        return timedelta()
    from newsletter.transports.sendgrid.body import HEAD_START

    return HEAD_START


def _open_smtp(config: Config) -> Transport:
    from newsletter.transports.smtp.transport import Smtp

    smtp = config.transport.smtp
    return Smtp(
        open_relay(config),
        envelope_sender=smtp.envelope_sender,
        connections=smtp.connections,
        timeout=timedelta(seconds=smtp.timeout_seconds),
    )


def open_relay(config: Config) -> "Relay":
    """The SMTP server and our account there."""
    from newsletter.transports.smtp.relay import Protection, Relay

    smtp = config.transport.smtp
    return Relay(
        host=smtp.host,
        port=smtp.port,
        protection=Protection(smtp.security),
        username=smtp.username,
        password=config.secrets.smtp_password() if smtp.username else "",
    )


def _open_sendgrid(config: Config) -> Transport:
    from newsletter.transports.sendgrid.transport import Sendgrid

    return Sendgrid(config.newsletter, open_sendgrid_client(config))


def open_sendgrid_client(config: Config) -> "SendgridClient":
    """SendGrid's API with our key."""
    from newsletter.transports.sendgrid.client import SendgridClient

    sendgrid = config.transport.sendgrid
    return SendgridClient(
        sendgrid.base_url,
        config.secrets.sendgrid_api_key(),
        timedelta(seconds=sendgrid.timeout_seconds),
    )


def messages_per_second(config: Config) -> float | None:
    """How fast the way out may go; as fast as it can where nothing is set."""
    match config.transport.use:
        case TransportName.OUTBOX:
            return None
        case TransportName.SMTP:
            return config.transport.smtp.messages_per_second
        case TransportName.SENDGRID:
            return config.transport.sendgrid.messages_per_second
