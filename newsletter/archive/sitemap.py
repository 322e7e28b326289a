"""The map of the site for search engines (sitemaps.org)."""

from collections.abc import Mapping

from newsletter.archive.press import Press
from newsletter.archive.shelf import Shelf


def sitemap(press: Press, shelf: Shelf, days: Mapping[str, str]) -> bytes:
    """Every page that has something to read; `days` are when the months were published."""
    latest = max(days.values(), default="")
    taxonomy = press.taxonomy
    pages = [("", latest), ("articles/", latest), ("about/", "")]
    pages += [(f"topics/{slug}/", "") for slug in taxonomy.topics if slug in shelf.by_topic]
    pages += [(f"types/{slug}/", "") for slug in taxonomy.research_types if slug in shelf.by_type]
    for issue in shelf.issues:
        day = days[issue.month]
        pages.append((f"{issue.month}/", day))
        pages += [(f"{article.path}/", day) for article in issue.articles]
    addressed = [(press.address(path), day) for path, day in pages]
    return press.render("sitemap.xml", {"pages": addressed}).encode()
