"""Which addresses may stand in an email."""

import re
from typing import Final
from urllib.parse import SplitResult, urlsplit

_HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|[0-9a-f:.]+")
_MAILBOX: Final = re.compile(r"[^@\s]+@[^@\s]+")
_UNSAFE: Final = re.compile(r"[^!-~]|[<>\"\\^`]")  # what RFC 3986 wants percent-encoded


def link_fault(address: str) -> str | None:
    """Why an email cannot hold a link to `address`, and how to mend it; nothing for a sound one.

    Sound are absolute http and https addresses (RFC 3986) and mailto.
    """
    if address.startswith("#"):
        return "links within the page break in several email programs; give a full address"
    if _UNSAFE.search(address):
        return "it holds a blank or another character that an address must percent-encode"
    try:
        parts = urlsplit(address)
        return _fault(
            parts, has_host=parts.port != 0 and bool(_HOST.fullmatch(parts.hostname or ""))
        )
    except ValueError as error:
        return f"it is no address: {error}"


def _fault(parts: SplitResult, *, has_host: bool) -> str | None:
    has_mailbox = _MAILBOX.fullmatch(parts.path) is not None
    fault: str | None = None
    if parts.scheme in {"http", "https"}:
        fault = None if has_host else "it names no host, as in https://host/"
    elif parts.scheme == "mailto":
        fault = None if has_mailbox else "it names no mailbox, as in mailto:name@host"
    elif parts.scheme:
        fault = f"{parts.scheme}: is not safe or not usable in emails; only https, http and mailto"
    elif parts.netloc or has_mailbox:
        beginning = "https:" if parts.netloc else "mailto:"
        fault = f"it lacks its beginning; write {beginning}{parts.geturl()}"
    else:
        fault = "relative links lead nowhere in an email; give a full address, https://…"
    return fault
