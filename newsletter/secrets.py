"""What comes from the environment alone, is never shown, and is named when it is missing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from newsletter.errors import ConfigError

_LONG_ENOUGH: Final = 32  # characters; 16 random bytes in hexadecimal
_VARIED: Final = 8  # different ones
_HOW_TO_MAKE_A_KEY = (
    "it signs the links in every email. Make one and keep it: "
    "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
)


@dataclass(frozen=True, slots=True)
class Secrets:
    """The environment's secrets; a variable that is unset or blank is absent.

    Each method raises ConfigError, naming the variable, where its secret is absent or unusable.
    """

    _values: Mapping[str, str] = field(default_factory=dict, repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Secrets":
        """The secrets among the variables; nothing else is kept."""
        return cls({name: value for name in NAMES if (value := environ.get(name, "").strip())})

    def __contains__(self, name: str) -> bool:
        return name in self._values

    @property
    def hidden(self) -> frozenset[str]:
        """What no line of a log may hold: every value, and each of several keys in one."""
        return frozenset(
            word
            for value in self._values.values()
            for part in (value, *value.split(","))
            if (word := part.strip())
        )

    def sendgrid_api_key(self) -> str:
        """The key that opens SendGrid's API."""
        return self._value("SENDGRID_API_KEY", 'the transport "sendgrid" needs it')

    def smtp_password(self) -> str:
        """The password that goes with `[transport.smtp] username`."""
        return self._value("SMTP_PASSWORD", "[transport.smtp] has a username, which needs it")

    def sendgrid_webhook_key(self) -> str:
        """The public key that SendGrid's signed events are checked with (base64 of DER)."""
        return self._value("SENDGRID_WEBHOOK_KEY", "no event can be trusted without it")

    def bounces_password(self) -> str:
        """The password that goes with `[bounces.imap] username`."""
        return self._value("BOUNCES_PASSWORD", "[bounces.imap] needs it")

    def link_keys(self) -> tuple[str, ...]:
        """The keys of the links in emails: the first signs, all verify."""
        value = self._value("NEWSLETTER_SECRET_KEY", _HOW_TO_MAKE_A_KEY)
        keys = tuple(key for part in value.split(",") if (key := part.strip()))
        if not keys:
            raise ConfigError(f"NEWSLETTER_SECRET_KEY holds no key; {_HOW_TO_MAKE_A_KEY}")
        return keys

    @property
    def are_link_keys_weak(self) -> bool:
        """Whether one of them is short, or the one that signs is of few characters."""
        keys = self.link_keys()
        return any(len(key) < _LONG_ENOUGH for key in keys) or len(set(keys[0])) < _VARIED

    def _value(self, name: str, why: str) -> str:
        if name not in self._values:
            raise ConfigError(f"{name} is not set in the environment; {why}")
        value = self._values[name]
        # SendGrid's travel in HTTP headers or as base64; a password may hold any letter.
        if not value.isprintable() or (name.startswith("SENDGRID") and not value.isascii()):
            raise ConfigError(f"{name} holds a character that cannot be part of it; copy it anew")
        return value


NAMES = (
    "SENDGRID_API_KEY",
    "SMTP_PASSWORD",
    "SENDGRID_WEBHOOK_KEY",
    "BOUNCES_PASSWORD",
    "NEWSLETTER_SECRET_KEY",
)
