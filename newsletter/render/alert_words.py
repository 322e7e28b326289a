"""What the people behind a newsletter are told of an issue, in letters like the readers' own.

Each subject names the month. Times are shown as their own clock shows them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from newsletter.locales import moment, number, translations
from newsletter.model.delivery import DeliveryStatus
from newsletter.render.letters import LetterWords, Line

_KNOWN: Final = 10  # lines of a long list, before the rest is only counted


class AlertWords:
    """The alerts about one issue, in one of the catalogues' languages."""

    def __init__(self, month: str, language: str) -> None:
        self._month = month
        self._language = language
        self._ = translations(language).gettext

    def not_ready(self, due_at: datetime, missing: Sequence[str]) -> LetterWords:
        """Its time is near, and `missing` keeps it from leaving."""
        _ = self._
        return self._letter(
            _("%(month)s is not ready"),
            _("The issue of %(month)s is due on %(due)s, and it is not ready to leave:")
            % {"month": self._month, "due": moment(due_at, self._language)},
            *missing,
            _("It leaves by itself once it is ready. Nothing has been sent so far."),
        )

    def problem(self, due_at: datetime, problems: Sequence[str]) -> LetterWords:
        """It is due and cannot be sent as it stands."""
        _ = self._
        return self._letter(
            _("%(month)s cannot be sent as it stands"),
            _("The issue of %(month)s, due on %(due)s, cannot leave until this is mended:")
            % {"month": self._month, "due": moment(due_at, self._language)},
            *problems,
            _("It leaves by itself once that is done. Nothing has been sent so far."),
        )

    def doubtful(self, reason: str) -> LetterWords:
        """It may have been sent already, without the ledger knowing."""
        _ = self._
        return self._letter(
            _("%(month)s may have been sent already"),
            _("The issue of %(month)s is due, but it may have been sent before:")
            % {"month": self._month},
            f"{reason[:1].upper()}{reason[1:]}.",
            _("So nothing was sent now. If people have it:"),
            f"newsletter resolve {self._month} --as accepted",
            _("If they do not have it:"),
            f"newsletter resolve {self._month} --as retry",
            f"newsletter send {self._month}",
        )

    def begun(
        self,
        subject: str,
        recipients: int,
        articles: Sequence[tuple[str, int]],
        leaves_at: datetime | None,
    ) -> LetterWords:
        """It is leaving now, or a provider has it and lets it leave then.

        `articles` are the titles and how many readers get them in full.
        """
        _ = self._
        readers = number(recipients, self._language)
        about = {"month": self._month, "subject": subject, "number": readers}
        title, words = (
            _("%(month)s is being sent"),
            _("The issue of %(month)s, “%(subject)s”, is leaving for %(number)s readers:"),
        )
        if leaves_at:
            about["time"] = moment(leaves_at, self._language)
            title = _("%(month)s is about to be sent")
            words = _(
                "The issue of %(month)s, “%(subject)s”, leaves on %(time)s, for %(number)s readers:"
            )
        return self._letter(
            title,
            words % about,
            *(
                _("%(number)s get “%(title)s” in full")
                % {"number": number(in_full, self._language), "title": title}
                for title, in_full in articles
            ),
            _("To stop it:") if leaves_at is None else _("To stop it, until ten minutes before:"),
            f"newsletter pause {self._month}",
        )

    def finished(self, counts: Mapping[DeliveryStatus, int], archive_url: str) -> LetterWords:
        """Everybody has an answer; `counts` are the deliveries by status."""
        _ = self._
        words = {
            DeliveryStatus.ACCEPTED: _("%(number)s accepted"),
            DeliveryStatus.DELIVERED: _("%(number)s delivered"),
            DeliveryStatus.DEFERRED: _("%(number)s deferred: their mailbox asks to wait"),
            DeliveryStatus.BOUNCED: _("%(number)s bounced"),
            DeliveryStatus.DROPPED: _("%(number)s dropped by the provider"),
            DeliveryStatus.COMPLAINED: _("%(number)s complained"),
            DeliveryStatus.REFUSED: _("%(number)s refused"),
            DeliveryStatus.FAILED: _("%(number)s failed"),
            DeliveryStatus.SKIPPED: _("%(number)s skipped: they left before it was sent"),
        }
        letter = self._letter(
            _("%(month)s has been sent"),
            _("The issue of %(month)s has been sent:") % {"month": self._month},
            *(
                words[status] % {"number": number(count, self._language)}
                for status, count in counts.items()
            ),
        )
        link = Line(_("Read it in the archive"), archive_url, is_main=True)
        return replace(letter, lines=(*letter.lines, link))

    def interrupted(self, reason: str) -> LetterWords:
        """The way out is closed for now."""
        _ = self._
        return self._letter(
            _("%(month)s is held up"),
            _("The issue of %(month)s could not be sent on:") % {"month": self._month},
            reason,
            _(
                "It is tried again by itself, at longer and longer intervals. Nobody is left out "
                "and nobody gets it twice."
            ),
        )

    def unpublished(self, reason: str) -> LetterWords:
        """People have it, and the archive's page cannot be written for now."""
        _ = self._
        return self._letter(
            _("The archive lacks %(month)s"),
            _("The issue of %(month)s could not be put into the archive:") % {"month": self._month},
            reason,
            _(
                "Its emails are not held up by that. It is tried again by itself, at longer and "
                "longer intervals; to try at once:"
            ),
            "newsletter archive build",
        )

    def broken(self, reason: str) -> LetterWords:
        """Everybody was refused, so it is paused."""
        _ = self._
        return self._letter(
            _("%(month)s is paused: everybody was refused"),
            _("The sending of %(month)s was stopped, because everybody was refused alike:")
            % {"month": self._month},
            reason,
            _("Who was refused so is not written off. When it is mended, send the rest:"),
            f"newsletter resume {self._month}",
            f"newsletter send {self._month}",
        )

    def missed(self, due_at: datetime, missing: Sequence[str]) -> LetterWords:
        """It was not sent within the allowed time."""
        _ = self._
        return self._letter(
            _("%(month)s was missed"),
            _("The issue of %(month)s was due on %(due)s and has not been sent in time.")
            % {"month": self._month, "due": moment(due_at, self._language)},
            *missing,
            _("It no longer leaves by itself. To send it all the same:"),
            f"newsletter send {self._month}",
        )

    def _letter(self, subject: str, *lines: str) -> LetterWords:
        _ = self._
        if len(lines) > _KNOWN + 2:
            left = number(len(lines) - _KNOWN - 2, self._language)
            rest = _("and %(number)s more") % {"number": left}
            lines = (*lines[: _KNOWN + 1], rest, lines[-1])
        title = subject % {"month": self._month}
        return LetterWords(
            title,
            tuple(Line(line, is_command=line.startswith("newsletter ")) for line in lines),
            _("You get it because your address stands in the settings, under [alerts]."),
            title,
        )
