"""Whether readers could follow the links of an email."""

import ssl
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from newsletter.doctor.finding import Finding, note, ok, problem

_SUBJECT: Final = "site"
_PATIENCE: Final = 5.0  # seconds
_RESERVED: Final = (".example", ".test", ".invalid")  # RFC 2606


def examine_site(base_url: str) -> Finding:
    """Ask for the front page as a browser would, without following it elsewhere."""
    parts = urlsplit(base_url)
    if (parts.hostname or "").endswith(_RESERVED):
        return note(_SUBJECT, f"{base_url} is a name for examples", "put yours into base_url")
    if parts.scheme == "http":
        return note(_SUBJECT, f"{base_url} is this machine: nobody else can open links to it")
    try:
        status = _ask(base_url)
    except ssl.SSLCertVerificationError as error:
        return problem(
            _SUBJECT,
            f"{base_url} has no valid certificate: {error.verify_message}",
            "renew it: readers cannot unsubscribe, nor their mail programs for them",
        )
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return note(_SUBJECT, f"{base_url} could not be reached from here: {reason}")
    if status >= 400:
        remedy = "see that `newsletter run` or your web server answers there"
        return note(_SUBJECT, f"{base_url} answers {status}", remedy)
    return ok(_SUBJECT, f"{base_url} answers")


def _ask(base_url: str) -> int:
    parts = urlsplit(base_url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=_PATIENCE)
    try:
        connection.request("GET", f"{parts.path}/")
        return connection.getresponse().status
    finally:
        connection.close()
