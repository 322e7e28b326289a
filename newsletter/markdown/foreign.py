"""Markdown as other programs write it, with HTML in it -> HTML, for who reads it only."""

from typing import Final

from markdown_it import MarkdownIt

_PARSER: Final = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def foreign_html(markdown: str) -> str:
    """The HTML that another program would make of it: unsafe, never to be shown or sent."""
    return str(_PARSER.render(markdown))
