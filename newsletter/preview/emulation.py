"""An email's HTML as a device in light or dark mode shows it, with pictures or without.

Only what the device would decide is rewritten: media queries for the colour scheme, and where the
pictures come from. The styles are the email's own.
"""

import re
from collections.abc import Collection
from html import escape, unescape
from typing import Final
from urllib.parse import quote, unquote

from newsletter.preview.view import Mode

_STYLE: Final = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
_MEDIA: Final = re.compile(r'(\bmedia=")([^"]*)(")')
_SCHEME_QUERY: Final = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)")
_SCHEME: Final = re.compile(r"(?<![-\w])((?:supported-)?color-schemes?)\s*:\s*[^;}]*")
_META: Final = re.compile(r'(<meta name="(?:supported-)?color-schemes?" content=")[^"]*(")')
_TAG: Final = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_SRC: Final = re.compile(r'(\bsrc=")([^"]*)(")')
_HEAD: Final = re.compile(r"<head\b[^>]*>", re.IGNORECASE)

_TRUE: Final = "(min-width: 0px)"
_FALSE: Final = "(max-width: 0px)"
# A link that is followed would leave the machine: a new window is one that the frame may not open.
_BASE: Final = '<base target="_blank">'


def emulate(html: str, mode: Mode) -> str:
    """The email in this mode, whatever mode the browser itself is in."""
    html = _STYLE.sub(lambda style: style[1] + emulate_css(style[2], mode) + style[3], html)
    html = _MEDIA.sub(lambda media: media[1] + _decided(media[2], mode) + media[3], html)
    html = _META.sub(rf"\g<1>{mode}\2", html)
    return _HEAD.sub(lambda head: head[0] + _BASE, html, count=1)


def emulate_css(css: str, mode: Mode) -> str:
    """A style sheet in this mode."""
    return _SCHEME.sub(rf"\1: {mode}", _decided(css, mode))


def localise_images(html: str, month: str, base_url: str, names: Collection[str]) -> str:
    """The email with the issue's pictures from this machine; any other picture has no source."""
    home = f"{base_url}/{month}/"

    def local(src: re.Match[str]) -> str:
        name = unquote(unescape(src[2]).removeprefix(home))
        found = f"/pictures/{month}/{escape(quote(name))}" if name in names else ""
        return src[1] + found + src[3]

    return _TAG.sub(lambda tag: _SRC.sub(local, tag[0]), html)


def without_images(html: str) -> str:
    """The email with no picture loaded: a client shows the alternative texts in their places."""
    return _TAG.sub(lambda tag: _SRC.sub(r"\1\3", tag[0]), html)


def _decided(query: str, mode: Mode) -> str:
    return _SCHEME_QUERY.sub(lambda found: _TRUE if found[1] == mode else _FALSE, query)
