"""The letters' words and look: a few sentences and a link, set like the issues."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from newsletter.locales import month_name, translations
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import OpenText, RenderedVariant, Variant
from newsletter.render.inline import inline_styles
from newsletter.render.mjml import compile_mjml
from newsletter.templates import Templates

LETTERS: Final = "letters"  # what stands for the month where a provider sorts messages by it


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph, or where it has a `url`, a link on a line of its own; `is_main` the main one.

    A command, `is_command`, stands on a line of its own in letters of one width.
    """

    text: str
    url: str = ""
    is_main: bool = False
    is_command: bool = False


@dataclass(frozen=True, slots=True)
class LetterWords:
    """What a letter says; `reason` is why the person gets it, `title` what stands over it all."""

    subject: str
    lines: Sequence[Line]
    reason: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class LatestIssue:
    """The newest issue that everybody can read in the archive."""

    month: str
    subject: str
    url: str


class LetterPress:
    """Writes letters in one newsletter's name, in one of the catalogues' languages."""

    def __init__(self, templates: Templates, newsletter: Newsletter) -> None:
        self._templates = templates
        self._newsletter = newsletter

    def confirmation(self, language: str, topics: Sequence[str], url: str) -> LetterWords:
        """Did you sign up? `topics` are labels; none is every topic. No word is a stranger's."""
        _ = translations(language).gettext
        name = self._newsletter.name
        if topics:
            chosen = _("The topics that you chose: %(topics)s.") % {
                "topics": "; ".join(topics)  # their own names have an "and" in them
            }
        else:
            chosen = _("You chose every topic.")
        return LetterWords(
            subject=_("Please confirm: %(name)s") % {"name": name},
            title=_("Please confirm"),
            lines=(
                Line(
                    _(
                        "Somebody, most likely you, asked for %(name)s to be sent to this address "
                        "once a month."
                    )
                    % {"name": name}
                ),
                Line(chosen),
                Line(_("Yes, send it to me"), url, is_main=True),
                Line(
                    _(
                        "The link opens a page with one button; nothing is sent before you press "
                        "it. If it was not you who asked, do nothing: you will hear no more of it, "
                        "and in 30 days this address is forgotten."
                    )
                ),
            ),
            reason=_("You get this one email because this address was written into our form."),
        )

    def known(self, language: str, url: str) -> LetterWords:
        """The answer to a sign-up of somebody who is subscribed."""
        _ = translations(language).gettext
        name = self._newsletter.name
        asked = _(
            "Somebody, most likely you, asked for %(name)s to be sent to this address. It is sent "
            "here already, so nothing has changed."
        )
        return LetterWords(
            subject=_("You are subscribed already: %(name)s") % {"name": name},
            title=_("You are subscribed already"),
            lines=(Line(asked % {"name": name}), *self._own_page(language, url)),
            reason=_("You get this one email because this address was written into our form."),
        )

    def link(self, language: str, url: str) -> LetterWords:
        """The way to somebody's own page."""
        _ = translations(language).gettext
        return LetterWords(
            subject=_("Your page: %(name)s") % {"name": self._newsletter.name},
            title=_("Your page"),
            lines=(Line(_("Here is the link that you asked for.")), *self._own_page(language, url)),
            reason=_("You get this one email because this address was written into our form."),
        )

    def welcome(
        self, language: str, preferences_url: str, unsubscribe_url: str, latest: LatestIssue | None
    ) -> LetterWords:
        """You are subscribed; here is the latest issue, and these links are yours."""
        _ = translations(language).gettext
        name = self._newsletter.name
        reading: tuple[Line, ...] = ()
        if latest:
            month = month_name(latest.month, language)
            reading = (
                Line(
                    _("Until then, here is the latest issue, %(month)s: %(subject)s")
                    % {"month": month, "subject": latest.subject}
                ),
                Line(_("Read the latest issue"), latest.url, is_main=True),
            )
        return LetterWords(
            subject=_("Welcome to %(name)s") % {"name": name},
            title=_("Welcome"),
            lines=(
                Line(_("Thank you: you are subscribed. The next issue will come to this address.")),
                *reading,
                Line(_("Change your topics, pause or take your data with you"), preferences_url),
                Line(_("Leave"), unsubscribe_url),
            ),
            reason=_("You get it because you subscribed to it."),
        )

    def set(self, words: LetterWords, language: str) -> RenderedVariant:
        """The letter as HTML and as text, without merge fields. Raises RenderError."""
        values = {
            "newsletter": self._newsletter,
            "letter": words,
            "head_css": Markup(self._templates.render("email/head.css", "en", {})),  # noqa: S704 - ours
        }
        mjml = self._templates.render("email/letter.mjml", language, values)
        compiled = compile_mjml(mjml, where="templates/email/letter.mjml")
        html = inline_styles(compiled, self._templates.render("email/inline.css", "en", {}))
        text = self._templates.render("email/letter.txt", language, values)
        variant = Variant("letter", LETTERS, language, (), ())
        return RenderedVariant(variant, words.subject, OpenText((html,)), OpenText((text,)))

    def _own_page(self, language: str, url: str) -> tuple[Line, ...]:
        _ = translations(language).gettext
        return (
            Line(_("Open my page"), url, is_main=True),
            Line(
                _(
                    "There you choose your topics, pause, take your data with you or leave. "
                    "Whoever has the link can do so in your name: please do not pass it on."
                )
            ),
        )
