"""The newsletter's secret keys, of which the first signs and all verify, and the address digest."""

import hmac
from collections.abc import Sequence
from typing import Final

from newsletter.errors import ConfigError

_VARIABLE: Final = "NEWSLETTER_SECRET_KEY"


def usable_keys(keys: Sequence[str]) -> tuple[bytes, ...]:
    """The keys as bytes. Raises ConfigError where there is none or an empty one."""
    if not all(keys) or not keys:
        raise ConfigError("set it to a long random text, which signs the links", where=_VARIABLE)
    # Bytes of the environment that are not UTF-8 arrive as lone surrogates (PEP 383).
    return tuple(key.encode("utf-8", "surrogateescape") for key in keys)


class AddressDigests:
    """Keyed digests (HMAC-SHA-256, hex) by which an erased address is known again without it."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = usable_keys(keys)

    def digest(self, address_key: str) -> str:
        """What to keep of an address that is compared as `address_key`."""
        return self.candidates(address_key)[0]

    def candidates(self, address_key: str) -> tuple[str, ...]:
        """Every digest under which the address may have been kept, the newest key's first."""
        message = b"newsletter.address\0" + address_key.encode()
        return tuple(hmac.digest(key, message, "sha256").hex() for key in self._keys)
