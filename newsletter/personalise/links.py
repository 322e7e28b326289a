"""Link tokens and the links that carry them. The only file that knows itsdangerous."""

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Final

from itsdangerous import BadData, Signer, base64_decode
from itsdangerous.signer import SigningAlgorithm

from newsletter.personalise.keys import usable_keys

# 16 bytes of subscriber id and 32 of signature, each in base64url. The last character of the
# signature has two bits to spare: only the spelling with zeros is ours.
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")

_PACKED: Final = 22  # characters of the id
_SIGNED: Final = 43  # and of the signature, both without padding


class LinkPurpose(StrEnum):
    """What a link lets its holder do; the word is also the link's place on the site."""

    UNSUBSCRIBE = "unsubscribe"
    PREFERENCES = "preferences"
    CONFIRM = "confirm"


class _HmacSha256(SigningAlgorithm):
    """itsdangerous' own algorithm in one call: half the time, the same signature."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return hmac.digest(key, value, "sha256")


class _Pen:
    """Signs as itsdangerous does, the key taken in once (HMAC, RFC 2104): half the time again."""

    def __init__(self, key: bytes) -> None:
        block = key.ljust(sha256().block_size, b"\0")
        self._inner = sha256(bytes(octet ^ 0x36 for octet in block))
        self._outer = sha256(bytes(octet ^ 0x5C for octet in block))

    def sign(self, packed: bytes) -> str:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(packed)
        outer.update(inner.digest())
        return (packed + b"." + urlsafe_b64encode(outer.digest())[:_SIGNED]).decode()


class LinkTokens:
    """Signed, address-free credentials of 66 URL-safe characters that never expire.

    The first of `keys` signs, all of them verify. A subscriber id is 32 hexadecimal digits.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        usable = usable_keys(keys)
        self._signers = {purpose: _signer(usable, purpose) for purpose in LinkPurpose}
        self._pens = {purpose: _Pen(signer.secret_key) for purpose, signer in self._signers.items()}
        self._leaving = self._pens[LinkPurpose.UNSUBSCRIBE]
        self._changing = self._pens[LinkPurpose.PREFERENCES]

    def sign(self, purpose: LinkPurpose, subscriber_id: str) -> str:
        """The token that lets its holder do this one thing for this subscriber."""
        return self._pens[purpose].sign(_packed(subscriber_id))

    def sign_mail(self, subscriber_id: str) -> tuple[str, str]:
        """The tokens to leave and to change topics, which every message bears, in one go."""
        packed = _packed(subscriber_id)
        return self._leaving.sign(packed), self._changing.sign(packed)

    def verify(self, purpose: LinkPurpose, token: str) -> str | None:
        """The subscriber's id, or nothing for any text that is not our token for this purpose."""
        if not _TOKEN.fullmatch(token):
            return None
        try:
            return base64_decode(self._signers[purpose].unsign(token)).hex()
        except BadData:
            return None


class Links:
    """The addresses on the newsletter's site that belong to one subscriber alone."""

    def __init__(self, base_url: str, tokens: LinkTokens) -> None:
        self._base_url = base_url.rstrip("/")
        self._tokens = tokens
        self._leaving = f"{self._base_url}/{LinkPurpose.UNSUBSCRIBE}/"
        self._changing = f"{self._base_url}/{LinkPurpose.PREFERENCES}/"

    def unsubscribe_url(self, subscriber_id: str) -> str:
        """Where the subscriber leaves; a POST there is the one-click unsubscribe of RFC 8058."""
        return self._url(LinkPurpose.UNSUBSCRIBE, subscriber_id)

    def preferences_url(self, subscriber_id: str) -> str:
        """Where the subscriber changes topics, language and name."""
        return self._url(LinkPurpose.PREFERENCES, subscriber_id)

    def mail_urls(self, subscriber_id: str) -> tuple[str, str]:
        """Both of them, as a message wants them: in two thirds of the time."""
        leaving, changing = self._tokens.sign_mail(subscriber_id)
        return self._leaving + leaving, self._changing + changing

    def confirm_url(self, letter_id: str) -> str:
        """Where somebody who signed up says yes; the letter's id holds the place of theirs."""
        return self._url(LinkPurpose.CONFIRM, letter_id)

    def verify(self, purpose: LinkPurpose, token: str) -> str | None:
        """Whose link it is, or nothing for any text that is not our token for this purpose."""
        return self._tokens.verify(purpose, token)

    def token(self, purpose: LinkPurpose, subscriber_id: str) -> str:
        """What stands at the end of a link."""
        return self._tokens.sign(purpose, subscriber_id)

    def _url(self, purpose: LinkPurpose, subscriber_id: str) -> str:
        return f"{self._base_url}/{purpose}/{self.token(purpose, subscriber_id)}"


def _packed(subscriber_id: str) -> bytes:
    return urlsafe_b64encode(bytes.fromhex(subscriber_id))[:_PACKED]


def _signer(keys: Sequence[bytes], purpose: LinkPurpose) -> Signer:
    """A signer whose keys are derived now, not for each token. itsdangerous signs with the last."""
    derived = [
        Signer(key, salt=f"newsletter.{purpose}", digest_method=sha256).derive_key()
        for key in reversed(keys)
    ]
    return Signer(derived, key_derivation="none", algorithm=_HmacSha256())
