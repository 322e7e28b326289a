"""Markdown tokens -> HTML that holds nothing active, whatever the author wrote."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_TABLE: Final = frozenset({"table", "thead", "tbody", "tr", "th", "td"})
_WORDS: Final = frozenset({"a", "br", "code", "em", "img", "s", "strong"})
_BLOCKS: Final = frozenset({"p", "hr", "ul", "ol", "li", "blockquote", "pre"})
_CLEANER: Final = nh3.Cleaner(
    tags=_HEADINGS | _TABLE | _WORDS | _BLOCKS,
    attributes={
        "a": {"href", "title"},
        "img": {"src", "alt", "title", "width", "height"},
        "ol": {"start"},
        "th": {"align"},
        "td": {"align"},
    },
    url_schemes={"http", "https", "mailto"},
    url_relative="deny",
    link_rel=None,
)
_OPTIONS: Final = MarkdownIt("commonmark").options


@dataclass(frozen=True, slots=True)
class ImageTag:
    """Where a picture is shown from, an absolute http(s) address, and how large, in pixels."""

    src: str
    width: int
    height: int


class _Renderer(RendererHTML):
    """The library's renderer, with heading levels and pictures as the environment has them."""

    def heading_open(
        self, tokens: Sequence[Token], idx: int, _options: OptionsDict, env: EnvType
    ) -> str:
        return f"<{_heading(tokens[idx], env)}>"

    def heading_close(
        self, tokens: Sequence[Token], idx: int, _options: OptionsDict, env: EnvType
    ) -> str:
        return f"</{_heading(tokens[idx], env)}>\n"

    def softbreak(self, *_: object) -> str:
        # Not "\n": MRML drops a text node of white space alone that begins with a newline, and
        # so joins the words of `<b>a</b>\n<i>b</i>`.
        return " "

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        attrs = tokens[idx].attrs
        tag: ImageTag = env["image"](attrs["src"])
        size = {"width": tag.width, "height": tag.height}
        return self.renderToken(
            [Token("image", "img", 0, {**attrs, "src": tag.src, **size})], 0, options, env
        )


def _heading(token: Token, env: EnvType) -> str:
    return f"h{min(6, env['heading_base'] + max(0, int(token.tag[1]) - 2))}"


def render_html(
    tokens: Sequence[Token], *, heading_base: int, image: Callable[[str], ImageTag]
) -> str:
    """Sanitised HTML; see `Document.to_html`."""
    env = {"heading_base": heading_base, "image": image}
    return _CLEANER.clean(_RENDERER.render(tokens, _OPTIONS, env))


_RENDERER: Final = _Renderer()
