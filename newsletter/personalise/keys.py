"""The newsletter's secret keys, of which the first signs and all verify, and the address digest."""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
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

    def client(self, address: str) -> str:
        """What to keep of the network address that somebody agreed from."""
        message = b"newsletter.client\0" + address.encode("utf-8", "backslashreplace")
        return hmac.digest(self._keys[0], message, "sha256").hex()


class FormStamps:
    """When a form was shown, signed and written into it: so its answer says how long it took."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = usable_keys(keys)

    def stamp(self, shown_at: datetime) -> str:
        """The text to put into a form."""
        seconds = f"{shown_at.timestamp():.3f}"
        return f"{seconds}-{self._signature(self._keys[0], seconds)}"

    def age(self, stamp: str, now: datetime) -> timedelta | None:
        """How long ago the form was shown; nothing for a text that is no stamp of ours."""
        seconds, _, signature = stamp.partition("-")
        given = signature.encode("utf-8", "replace")
        if not any(
            hmac.compare_digest(self._signature(key, seconds).encode(), given) for key in self._keys
        ):
            return None
        return now - datetime.fromtimestamp(float(seconds), UTC)

    @staticmethod
    def _signature(key: bytes, seconds: str) -> str:
        message = b"newsletter.form\0" + seconds.encode("utf-8", "replace")
        return hmac.digest(key, message, "sha256").hex()
