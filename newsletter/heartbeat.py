"""A sign of life for a monitor that raises alarm when none comes: a dead man's switch."""

from http.client import HTTPException
from typing import Final
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from newsletter.errors import NewsletterError

_SECONDS: Final = 10


def beat(url: str) -> None:
    """Ask for `url`, an http or https address. Raises NewsletterError where nobody answers it."""
    try:
        with urlopen(Request(url, headers={"User-Agent": "newsletter"}), timeout=_SECONDS):  # noqa: S310 - the settings allow http and https alone
            return
    except HTTPError as error:
        error.close()
        raise NewsletterError(f"the heartbeat was answered with {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise NewsletterError(f"the heartbeat could not be sent: {error}") from error
