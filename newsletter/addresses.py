"""The rules for email addresses, the same for settings, imports, sign-up and commands."""

import re
from typing import Final, NamedTuple

# Ordinary ASCII addresses, which the library would only hand back with the domain in lower case.
# Nothing here can meet one of its further rules: no label is empty, ends in a hyphen or holds two
# in a row (so none is Punycode), the name is none of the reserved ones, and 64 characters in all
# keep every part within its limit.
_PLAIN: Final = re.compile(
    r"(?=.{6,64}\Z)"
    r"[a-z0-9_+-]++(?:\.[a-z0-9_+-]++)*+@"
    r"(?:[a-z0-9]++(?:-[a-z0-9]++)*+\.)+"
    r"(?!(?:arpa|invalid|local|localhost|onion)\Z)[a-z]{2,}+\Z"
)
_LONGEST: Final = 320  # no address is longer in any encoding; the library's time grows with it


class ParsedAddress(NamedTuple):
    """An address as mail is sent to it, and the `key` by which addresses are compared.

    The key is without case and has the domain in its ASCII form (IDNA 2008), so that `é` in
    lower or upper case, composed or not, or a domain written as Punycode, is the same address.
    """

    email: str
    key: str

    @property
    def ascii_email(self) -> str | None:
        """The address with its domain in ASCII; None where its local part has no such form."""
        local, _, _ = self.email.rpartition("@")
        return f"{local}@{self.key.rpartition('@')[2]}" if local.isascii() else None


def parse_address(text: str) -> ParsedAddress:
    """The mailbox that `text` names (RFC 5322 addr-spec, RFC 6531), blanks around it ignored.

    Raises ValueError with the reason as a sentence's end, without the address itself. No DNS is
    asked. Display names, quoted local parts, IP addresses and names without a dot are refused,
    and so are reserved domains but for `.example` and `.test`.
    """
    text = text.strip()
    lowered = text.lower()
    if text.isascii() and _PLAIN.match(lowered):
        return ParsedAddress(lowered if text == lowered else _lower_domain(text), lowered)
    return _validate(text)


def _lower_domain(text: str) -> str:
    from email_validator.rfc_constants import (  # noqa: PLC0415 - 40 ms
        CASE_INSENSITIVE_MAILBOX_NAMES as ROLES,
    )

    local, _, domain = text.rpartition("@")
    if local.lower() in ROLES:  # RFC 2142, as the library has them
        local = local.lower()
    return f"{local}@{domain.lower()}"


def _validate(text: str) -> ParsedAddress:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - 40 ms

    if not text:
        raise ValueError("the address is missing")
    if len(text) > _LONGEST:
        raise ValueError("the address is too long")
    try:
        # The library's "test environment" admits the reserved domain .test and nothing else.
        valid = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        reason = str(error).rstrip(".")
        raise ValueError(reason[:1].lower() + reason[1:]) from None
    return ParsedAddress(valid.normalized, f"{valid.local_part.casefold()}@{valid.ascii_domain}")
