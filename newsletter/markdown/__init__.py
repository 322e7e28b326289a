"""Markdown -> safe HTML and plain text. The only room that knows markdown-it-py and nh3."""

from newsletter.markdown.document import Document, Heading, Link, Picture, parse, remember
from newsletter.markdown.foreign import foreign_html
from newsletter.markdown.html import ImageTag

__all__ = [
    "Document",
    "Heading",
    "ImageTag",
    "Link",
    "Picture",
    "foreign_html",
    "parse",
    "remember",
]
