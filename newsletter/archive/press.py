"""Sets pages by the templates of `archive/`, in the newsletter's own language."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache, partial
from hashlib import blake2b
from typing import Any, Final

from markupsafe import Markup, escape

from newsletter.archive.entries import ArticleEntry, PublishedIssue
from newsletter.archive.program import program_digest
from newsletter.locales import language_for, month_name, translations
from newsletter.model.issue import Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates
from newsletter.views import ArticleView, IssueView, view_issue

_ESCAPES: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}

_FIGURES: Final = re.compile(r"(<td(?: align=\"\w+\")?)>(?=[^<]{0,23}[0-9][^<]{0,23}</td>)")


class Press:
    """Sets the pages of one newsletter; `version` changes with whatever all of them are set by."""

    def __init__(self, newsletter: Newsletter, taxonomy: Taxonomy, templates: Templates) -> None:
        self.newsletter = newsletter
        self.taxonomy = taxonomy
        self.language = language_for(newsletter.language, "en")
        self.version = _version(self, templates.sources("archive/", "palette.toml"))
        self._templates = templates
        self._views: dict[tuple[str, str, int], IssueView] = {}
        name = escape(translations(self.language).gettext("Table"))
        # One that is wider than a phone is moved within its frame, also by the arrow keys.
        self._table = f'<div class="table" role="group" aria-label="{name}" tabindex="0"><table>'
        self._month_words = cache(partial(month_name, language=self.language))
        self.month_title = cache(self._month_title)
        self._topic_labels = cache(self._label_topics)

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """The template of `archive/`. Raises RenderError."""
        return self._templates.render(f"archive/{name}", self.language, values)

    def page(self, name: str, path: str, values: Mapping[str, Any]) -> bytes:
        """The template as the page at `path`, such as `2022-11/index.html`.

        Links to other pages are relative and name `index.html`, so that the site also works from
        a disk.
        """
        home = "/".join([".."] * path.count("/")) or "."
        common = {
            "newsletter": self.newsletter,
            "taxonomy": self.taxonomy,
            "home": home,
            "address": self.address(path),
            "version": self.version[:8],
            "month_title": self.month_title,
            "month_words": self._month_words,
            "topic_labels": self._topic_labels,
            "card": "",
            "feed": "",
            "json_ld": "",
        }
        html = self.render(name, {**common, **values})
        # A view shows pictures from where emails find them, at an absolute address.
        base_url = escape(self.newsletter.base_url)
        html = html.replace(f'<img src="{base_url}/', f'<img src="{home}/')
        if "<table>" in html:
            html = _FIGURES.sub(r'\1 class="figures">', html)
            html = html.replace("<table>", self._table).replace("</table>", "</table></div>")
        return html.encode()

    def address(self, path: str) -> str:
        """The public address of a page."""
        return f"{self.newsletter.base_url}/{path.removesuffix('index.html')}"

    def view(self, issue: PublishedIssue, *, heading_base: int) -> IssueView:
        """All of an issue as templates see it."""
        key = (issue.entry.month, issue.entry.digest, heading_base)
        if key not in self._views:
            self._views[key] = self._view(issue, heading_base)
        return self._views[key]

    def article(self, issue: PublishedIssue, entry: ArticleEntry) -> ArticleView:
        """All of an article as templates see it on a page of its own."""
        articles = self.view(issue, heading_base=2).articles
        return next(article for article in articles if article.id == entry.id)

    def _month_title(self, month: str) -> str:
        """`November 2022`, with a capital in every language."""
        name = self._month_words(month)
        return name[0].upper() + name[1:]

    def _label_topics(self, slugs: tuple[str, ...]) -> str:
        return ", ".join(self.taxonomy.topics.get(slug, slug) for slug in slugs)

    def _view(self, issue: PublishedIssue, heading_base: int) -> IssueView:
        content = issue.read()
        if heading_base == 2:
            view = self.view(issue, heading_base=3)
            # Without a heading in any text the two are the same, and making them takes long.
            if not any("<h" in a.html + a.implications_html for a in view.articles):
                return view
            content = replace(content, intro=None, notices=())
        return view_issue(
            content, self.taxonomy, self.newsletter, heading_base=heading_base, with_text=False
        )


def _version(press: Press, sources: Mapping[str, str]) -> str:
    taxonomy = press.taxonomy
    axes = (taxonomy.topics, taxonomy.research_types, taxonomy.topic_groups)
    ordered = tuple(tuple(axis.items()) for axis in axes)
    made_of = repr((program_digest(press.language), sources, press.newsletter, ordered))
    return blake2b(made_of.encode(), digest_size=12).hexdigest()


def data_block(value: str) -> Markup:
    """JSON as it may stand within a script element (HTML, section 4.12.1.3)."""
    return Markup(value.translate(_ESCAPES))  # noqa: S704 - no markup is left in it
