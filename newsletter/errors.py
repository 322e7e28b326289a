"""What can go wrong in words a person can act on: each error carries where and what."""

from collections.abc import Sequence


class NewsletterError(Exception):
    """Something a person can mend. `str()` is one line: `where: what`, or `what` alone."""

    def __init__(self, what: str, *, where: str = "") -> None:
        super().__init__(what, where)
        self.what = what
        self.where = where

    @property
    def lines(self) -> tuple[str, ...]:
        """What to show, one line each."""
        return (str(self),)

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


class ProblemsFound(NewsletterError):
    """An input with problems; every one of them is a line that says its own place."""

    def __init__(self, problems: Sequence[object]) -> None:
        super().__init__(f"{len(problems)} problem(s) found")
        self.problems = tuple(problems)

    @property
    def lines(self) -> tuple[str, ...]:
        """The problems, one line each."""
        return tuple(str(problem) for problem in self.problems)


class ConfigError(NewsletterError):
    """The settings or a secret are missing or unusable."""


class IssueError(NewsletterError):
    """An issue cannot be used for what was asked: a draft, absent, or changed since it was sent."""


class AlreadySent(IssueError):
    """An issue may have been sent, although the ledger does not know of it: a person decides.

    `why` is one sentence about how that may be.
    """

    def __init__(self, month: str, why: str) -> None:
        super().__init__(
            f"{month} may have been sent already: {why}. Nothing was sent. If people have it: "
            f"newsletter resolve {month} --as accepted; if not: newsletter resolve {month} --as "
            f"retry, then newsletter send {month}"
        )
        self.why = why


class NotPublished(NewsletterError):
    """What was sent is not in the archive, or not all of it; nobody is left out by that."""

    def __init__(self, reason: NewsletterError) -> None:
        super().__init__(reason.what, where=reason.where)
        self._lines = reason.lines

    @property
    def lines(self) -> tuple[str, ...]:
        """Those of the reason."""
        return self._lines


class RenderError(NewsletterError):
    """A template or its content could not be turned into an email."""


class SubscriberError(NewsletterError):
    """A subscriber is unknown, or an address cannot be used."""


class LedgerError(NewsletterError):
    """The database is absent, unreachable, busy or of another version."""


class TransportError(NewsletterError):
    """The way out is closed for everybody: unreachable, full or refusing us."""


class EverybodyRefused(TransportError):
    """The provider refuses whoever we write to, so it is about us: sending on would do harm."""
