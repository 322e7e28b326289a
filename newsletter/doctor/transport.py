"""Whether the way out is open, found out without sending anything."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from newsletter.doctor.finding import Finding, note, ok, problem
from newsletter.errors import ConfigError, TransportError
from newsletter.settings import Config, Security, TransportName
from newsletter.wiring import open_relay, open_sendgrid_client

_LONGEST_WAIT: Final = 10.0  # seconds to a step, even where a send waits longer
_DAYS_AHEAD: Final = 14
_SCOPES: Final = ("mail.send", "mail.batch.create", "user.scheduled_sends.create")


def examine_transport(config: Config) -> list[Finding]:
    """What is found on the way out that is in use; an outbox is a folder and seen to as one."""
    try:
        match config.transport.use:
            case TransportName.OUTBOX:
                return [note("transport", "an outbox: files in a folder, nobody gets email")]
            case TransportName.SMTP:
                return _examine_smtp(config)
            case TransportName.SENDGRID:
                return [_examine_sendgrid(config)]
    except ConfigError as error:
        what, _, remedy = error.what.partition("; ")
        return [problem("transport", what, remedy)]
    except TransportError as error:
        return [problem("transport", str(error), "look at [transport.smtp] in config.toml")]


def _examine_smtp(config: Config) -> list[Finding]:
    from newsletter.transports.smtp.checkup import visit  # noqa: PLC0415 - only if it is used

    smtp = config.transport.smtp
    relay = open_relay(config)
    welcome = visit(relay, min(smtp.timeout_seconds, _LONGEST_WAIT))
    entry = f"lets {relay.username} in" if relay.username else "takes email from this machine"
    findings = [ok("transport", f"{relay.place} {entry}")]
    if welcome.certificate_expires_at:
        findings.append(_certificate(welcome.certificate_expires_at))
    elif smtp.security is Security.NONE:
        findings.append(note("certificate", "none: email goes to the server in clear"))
    return findings


def _certificate(expires_at: datetime) -> Finding:
    days = (expires_at - datetime.now(UTC)).days
    words = f"the server's is valid for another {days} days"
    if days < _DAYS_AHEAD:
        return note("certificate", words, "see that whoever keeps the server renews it")
    return ok("certificate", words)


def _examine_sendgrid(config: Config) -> Finding:
    from newsletter.transports.sendgrid.answer import closed  # noqa: PLC0415 - only if it is used
    from newsletter.transports.sendgrid.client import AnswerLost, Unreachable  # noqa: PLC0415

    client = open_sendgrid_client(config)
    remedy = "look at SENDGRID_API_KEY and [transport.sendgrid]"
    try:
        answer = client.find_scopes()
    except (Unreachable, AnswerLost) as error:
        where = config.transport.sendgrid.base_url
        return problem("transport", f"{where}: {error}", "look at the network, and at base_url")
    finally:
        client.close()
    if answer.status != HTTPStatus.OK or not answer.scopes:
        refusal = closed(answer, config.newsletter.sender.email)
        return problem("transport", str(refusal), remedy)
    missing = [scope for scope in _SCOPES if scope not in answer.scopes]
    if missing:
        return problem(
            "transport",
            f"SendGrid knows the key, but it may not do {', '.join(missing)}",
            'give it "Mail Send" and "Scheduled Sends" among its permissions',
        )
    return ok("transport", "SendGrid knows the key, and it may send")
