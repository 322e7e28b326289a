"""A mailbox that is a folder on an IMAP server (RFC 9051)."""

import imaplib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from time import mktime
from typing import Any, Final

from newsletter.errors import TransportError
from newsletter.model.feedback import plain_words
from newsletter.transports.smtp.bounces import LONGEST
from newsletter.transports.smtp.mailboxes import Unread
from newsletter.transports.smtp.relay import Protection, Relay

_SPECIAL: Final = re.compile(r'["\\]')


class Imap:
    """An open folder of an account.

    Raises TransportError, with the server's address and words, where it cannot be reached, fails
    to prove who it is, does not let us in, or falls silent.
    """

    def __init__(self, connection: imaplib.IMAP4, place: str) -> None:
        self._connection = connection
        self._place = place

    @classmethod
    @contextmanager
    def open(cls, account: Relay, folder: str, timeout: timedelta) -> Iterator["Imap"]:
        """The folder until the block ends; no answer is waited for longer than `timeout`."""
        with _plainly(account.place):
            connection = _connect(account, timeout.total_seconds())
        with connection:
            with _plainly(account.place):
                _log_in(connection, account)
                quoted = _SPECIAL.sub(r"\\\g<0>", folder)
                _done(connection.select(f'"{quoted}"'))
            yield cls(connection, account.place)

    def unread(self) -> Iterator[Unread]:
        r"""What has no flag \Seen; reading it here does not set one."""
        with _plainly(self._place):
            [listed] = _done(self._connection.uid("SEARCH", "UNSEEN"))
        for uid in sorted(map(int, (listed or b"").split())):
            with _plainly(self._place):
                what = f"(INTERNALDATE BODY.PEEK[]<0.{LONGEST}>)"
                answer = _done(self._connection.uid("FETCH", str(uid), what))
            for found in answer:
                if isinstance(found, tuple):
                    yield Unread(str(uid), found[1], _received_at(found[0]))

    def mark(self, keys: Iterable[str], *, flagged: bool) -> None:
        r"""Set \Seen, and \Flagged where wanted."""
        flags = r"(\Seen \Flagged)" if flagged else r"(\Seen)"
        for key in keys:
            with _plainly(self._place):
                _done(self._connection.uid("STORE", key, "+FLAGS.SILENT", flags))


@contextmanager
def _plainly(place: str) -> Iterator[None]:
    try:
        yield
    except (imaplib.IMAP4.error, OSError) as error:
        raise TransportError(_words(error), where=place) from error


def _connect(account: Relay, timeout: float) -> imaplib.IMAP4:
    if account.protection is Protection.TLS:
        return imaplib.IMAP4_SSL(
            account.host, account.port, ssl_context=account.tls, timeout=timeout
        )
    connection = imaplib.IMAP4(account.host, account.port, timeout=timeout)
    if account.protection is Protection.STARTTLS:
        connection.starttls(account.tls)
    return connection


def _log_in(connection: imaplib.IMAP4, account: Relay) -> None:
    username = account.username or ""
    if "AUTH=PLAIN" in connection.capabilities:  # RFC 4616, which takes any letter
        secret = f"\0{username}\0{account.password}".encode("utf-8", "surrogateescape")
        connection.authenticate("PLAIN", lambda _: secret)
    else:
        connection.login(username, account.password)


def _done(answer: tuple[str, list[Any]]) -> list[Any]:
    """What a command answered. Raises the library's error where the server said no."""
    said, found = answer
    if said != "OK":
        raise imaplib.IMAP4.error(*found)
    return found


def _received_at(described: bytes) -> datetime:
    found = imaplib.Internaldate2tuple(described)
    return datetime.fromtimestamp(mktime(found), UTC) if found else datetime.now(UTC)


def _words(error: Exception) -> str:
    """The server's words, or the system's."""
    said = error.args[-1] if error.args else ""
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)
    return plain_words(getattr(error, "strerror", None) or text) or type(error).__name__
