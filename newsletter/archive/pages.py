"""The site's pages as the templates of `archive/` set them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import escape

from newsletter.locales import language_for, month_name
from newsletter.model.issue import Issue, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates
from newsletter.views import IssueView, view_issue


@dataclass(frozen=True, slots=True)
class PublishedIssue:
    """An issue that belongs in the archive, and the folder that its pictures are in."""

    issue: Issue
    folder: Path


def build_pages(
    issues: Sequence[PublishedIssue],
    *,
    newsletter: Newsletter,
    taxonomy: Taxonomy,
    templates: Templates,
) -> dict[str, bytes | Path]:
    """Every file of the site by its path in the archive: its bytes, or the picture to copy.

    The front page is last, so that it leads to nothing that is not yet there. Links between pages
    are relative and name `index.html`, so that the site also works from a disk. Raises RenderError.
    """
    press = _Press(newsletter, taxonomy, templates)
    newest_first = sorted(issues, key=lambda published: published.issue.month, reverse=True)
    views = [press.view(published.issue, heading_base=3) for published in newest_first]
    files: dict[str, bytes | Path] = {"style.css": press.render("style.css", {}).encode()}
    for published in newest_first:
        files |= _pictures(published)
        files |= press.article_pages(published.issue)
    for view, later, earlier in zip(views, [None, *views], [*views[1:], None], strict=False):
        path = f"{view.month}/index.html"
        values = {"issue": view, "later": later, "earlier": earlier}
        files[path] = press.page("issue.html", path, values)
    files["index.html"] = press.page("front.html", "index.html", {"issues": views})
    return files


def _pictures(published: PublishedIssue) -> dict[str, bytes | Path]:
    issue = published.issue
    return {f"{issue.month}/{name}": published.folder / name for name in issue.images}


class _Press:
    """Sets pages in the newsletter's own language."""

    def __init__(self, newsletter: Newsletter, taxonomy: Taxonomy, templates: Templates) -> None:
        self._newsletter = newsletter
        self._taxonomy = taxonomy
        self._templates = templates
        self._language = language_for(newsletter.language, "en")

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        return self._templates.render(f"archive/{name}", self._language, values)

    def view(self, issue: Issue, *, heading_base: int) -> IssueView:
        return view_issue(issue, self._taxonomy, self._newsletter, heading_base=heading_base)

    def page(self, name: str, path: str, values: Mapping[str, Any]) -> bytes:
        base_url = self._newsletter.base_url
        home = "/".join([".."] * path.count("/")) or "."
        common = {
            "newsletter": self._newsletter,
            "home": home,
            "address": f"{base_url}/{path.removesuffix('index.html')}",
            "month_title": self._month_title,
        }
        html = self.render(name, {**common, **values})
        # A view shows pictures from where emails find them, at an absolute address.
        return html.replace(f'<img src="{escape(base_url)}/', f'<img src="{home}/').encode()

    def article_pages(self, issue: Issue) -> dict[str, bytes]:
        view = self.view(issue, heading_base=2)
        pages = {}
        for article in view.articles:
            path = f"{view.month}/{article.id}/index.html"
            pages[path] = self.page("article.html", path, {"issue": view, "article": article})
        return pages

    def _month_title(self, month: str) -> str:
        name = month_name(month, self._language)
        return name[0].upper() + name[1:]
