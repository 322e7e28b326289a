"""What DNS says of the sender's domain. The only file that knows dnspython."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import dns.exception
import dns.rdatatype
import dns.resolver

from newsletter.doctor.finding import Finding, Level, note, ok, problem

_SUBJECT: Final = "dns"
_PATIENCE: Final = 3.0  # seconds for an answer
_RESERVED: Final = (".example", ".test", ".invalid", ".localhost")  # RFC 2606


class NotThere(Exception):
    """DNS knows no such name."""


class NoAnswer(Exception):
    """DNS could not be asked, or did not answer; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Nameservers:
    """The machine's own, or the one at `address` and `port`."""

    address: str = ""
    port: int = 53

    def texts(self, name: str) -> list[str]:
        """The TXT records of a name. Raises NotThere and NoAnswer."""
        return [
            b"".join(record.strings).decode("ascii", "replace")
            for record in self._records(name, dns.rdatatype.TXT)
        ]

    def has_mail_server(self, name: str) -> bool:
        """Whether an MX record names one (RFC 7505 has one that says there is none)."""
        return any(str(mx.exchange) != "." for mx in self._records(name, dns.rdatatype.MX))

    def _records(self, name: str, kind: dns.rdatatype.RdataType) -> dns.resolver.Answer | tuple[()]:
        try:
            resolver = dns.resolver.Resolver(configure=not self.address)
            if self.address:
                resolver.nameservers = [self.address]
                resolver.port = self.port
            return resolver.resolve(name, kind, lifetime=_PATIENCE, raise_on_no_answer=True)
        except dns.resolver.NXDOMAIN:
            raise NotThere from None
        except dns.resolver.NoAnswer:
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise NoAnswer(str(error).split(":")[0]) from None


def examine_domain(domain: str, nameservers: Nameservers, missing: Level) -> Iterator[Finding]:
    """SPF (RFC 7208), DMARC (RFC 7489) and MX; `missing` is how bad it is to lack one."""
    if domain.endswith(_RESERVED):
        yield note(_SUBJECT, f"{domain} is a name for examples", "put yours into sender_email")
        return
    try:
        yield _spf(domain, nameservers.texts(domain), missing)
        yield _dmarc(domain, nameservers, missing)
        if not nameservers.has_mail_server(domain):
            yield note(_SUBJECT, f"{domain} has no MX record: replies to it cannot arrive")
        yield note(
            _SUBJECT,
            "the DKIM record cannot be looked up without its selector",
            "send yourself a test and look for dkim=pass in its headers",
        )
    except NotThere:
        yield Finding(
            missing, _SUBJECT, f"there is no domain {domain}", "look at sender_email in config.toml"
        )
    except NoAnswer as error:
        yield note(_SUBJECT, f"{domain} could not be looked up: {error}")


def _spf(domain: str, texts: list[str], missing: Level) -> Finding:
    found = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    if len(found) > 1:
        return problem(
            _SUBJECT, f"{domain} has {len(found)} SPF records, so none counts", "make them one"
        )
    if not found:
        remedy = "add the TXT record that your mail server's or provider's keeper names"
        return Finding(missing, _SUBJECT, f"{domain} has no SPF record", remedy)
    return ok(_SUBJECT, f"{domain} has an SPF record")


def _dmarc(domain: str, nameservers: Nameservers, missing: Level) -> Finding:
    """That of the domain, else of a domain above it, as for its subdomains."""
    labels = domain.split(".")
    for above in range(max(1, len(labels) - 1)):
        place = ".".join(["_dmarc", *labels[above:]])
        try:
            texts = nameservers.texts(place)
        except NotThere:
            continue
        if any(text.lower().replace(" ", "").startswith("v=dmarc1") for text in texts):
            return ok(_SUBJECT, f"{domain} has a DMARC record ({place})")
    remedy = f'add the TXT record "v=DMARC1; p=none" at _dmarc.{domain}, to begin with'
    return Finding(missing, _SUBJECT, f"{domain} has no DMARC record", remedy)
