"""RENDER's door: an issue is compiled once per language, and each variant is joined from that."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

from markupsafe import Markup

from newsletter.locales import month_name
from newsletter.model.issue import Issue, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, RenderedVariant, Variant
from newsletter.render.fragments import Fragment, Fragments, Marks, cut
from newsletter.render.inline import inline_styles
from newsletter.render.mjml import compile_mjml
from newsletter.templates import Templates
from newsletter.views import IssueView, view_issue

# Keeps mail clients from filling the inbox line with what follows the preheader: a combining
# grapheme joiner, a zero-width non-joiner and a no-break space take no visible room.
_PREHEADER_PADDING: Final = Markup("&#847;&#8204;&#160;") * 40


@dataclass(frozen=True, slots=True)
class CompiledIssue:
    """An issue rendered in one language, cut into fragments."""

    month: str
    language: str
    subject: str
    html: Fragments
    text: Fragments

    def join(self, variant: Variant, newsletter: Newsletter) -> RenderedVariant:
        """The variant as its readers get it, merge fields still open."""
        shown = shown_by(variant)
        places = [("view_url", newsletter.variant_url(variant.month, variant.id))]
        return RenderedVariant(
            variant=variant,
            subject=self.subject,
            html=self.html.join(shown, places),
            text=self.text.join(shown, places),
        )


class Renderer:
    """Turns issues into emails with one newsletter's templates and words."""

    def __init__(self, templates: Templates, newsletter: Newsletter, taxonomy: Taxonomy) -> None:
        self._templates = templates
        self._newsletter = newsletter
        self._taxonomy = taxonomy

    def compile(
        self, issue: Issue, language: str, shown: Collection[str] | None = None
    ) -> CompiledIssue:
        """The issue in one of the catalogues' languages, with every fragment or only those `shown`.

        Raises RenderError where a template or the compiler refuses.
        """
        view = view_issue(issue, self._taxonomy, self._newsletter, heading_base=3)
        marks = Marks("m" + sha256(repr((issue, language)).encode()).hexdigest()[:15])
        values = self._values(view, marks, language, shown)
        mjml = self._templates.render("email/issue.mjml", language, values)
        compiled = compile_mjml(mjml, where="templates/email/issue.mjml")
        html = inline_styles(compiled, self._inline_css)
        text = self._templates.render("email/issue.txt", language, values)
        return CompiledIssue(
            issue.month, language, issue.subject, cut(html, marks), cut(text, marks)
        )

    def _values(
        self, view: IssueView, marks: Marks, language: str, shown: Collection[str] | None
    ) -> dict[str, Any]:
        is_foreign = language != self._newsletter.language.partition("-")[0].lower()
        return {
            "newsletter": self._newsletter,
            "issue": view,
            "issue_url": self._newsletter.issue_url(view.month),
            "month_name": month_name(view.month, language),
            "view_url": marks.place("view_url"),
            **{field.value: marks.place(field) for field in MergeField},
            "opening": lambda name: Markup(marks.opening(name)),  # noqa: S704 - a comment of ours
            "closing": Markup(marks.closing()),  # noqa: S704 - a comment of ours
            "is_shown": lambda name: shown is None or name in shown,
            "content_lang": Markup(' lang="{}"').format(self._newsletter.language)
            if is_foreign
            else "",
            "preheader_padding": _PREHEADER_PADDING,
            "head_css": Markup(self._head_css),  # noqa: S704 - the template folder's own file
        }

    @cached_property
    def _inline_css(self) -> str:
        return self._templates.render("email/inline.css", "en", {})

    @cached_property
    def _head_css(self) -> str:
        return self._templates.render("email/head.css", "en", {})


def shown_by(variant: Variant) -> frozenset[str]:
    """The names of the fragments that a variant shows."""
    names = {f"full {article}" for article in variant.full}
    names |= {f"headline {article}" for article in variant.headlines}
    if len(variant.full) > 1:
        names.add("contents")
    if variant.headlines:
        names.add("also")
    return frozenset(names)


def dump_compiled(compiled: Mapping[str, CompiledIssue]) -> str:
    """The compiled issue in its languages as JSON, for `load_compiled`."""
    return json.dumps(
        {
            language: {
                "month": one.month,
                "subject": one.subject,
                "html": _dump(one.html),
                "text": _dump(one.text),
            }
            for language, one in compiled.items()
        },
        ensure_ascii=False,
    )


def load_compiled(text: str) -> dict[str, CompiledIssue]:
    """What `dump_compiled` wrote."""
    return {
        language: CompiledIssue(
            one["month"], language, one["subject"], _load(one["html"]), _load(one["text"])
        )
        for language, one in json.loads(text).items()
    }


def _dump(fragments: Fragments) -> dict[str, Any]:
    return {
        "key": fragments.marks.key,
        "fragments": [[list(f.within), f.text] for f in fragments.fragments],
    }


def _load(value: dict[str, Any]) -> Fragments:
    fragments = tuple(Fragment(tuple(within), text) for within, text in value["fragments"])
    return Fragments(Marks(value["key"]), fragments)
