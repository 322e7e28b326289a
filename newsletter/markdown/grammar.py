"""The Markdown that authors may write: CommonMark without HTML, with tables and strikethrough."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline, autolink, image, link
from markdown_it.token import Token

MAX_DEPTH: Final = 20  # levels of elements inside one another; a list is two

_HTML: Final = re.compile(r"</?[A-Za-z][A-Za-z0-9-]*(?:[\s/][^<>]*)?>|<!--")
_UNREAD_LINK: Final = re.compile(r"\[[^\[\]\n]+\](?:\(|\[[^\[\]\n]+\])")
_BLANKS: Final = re.compile(r"[ \t\n\r\f]+")  # not the no-break space

_InlineRule = Callable[[StateInline, bool], bool]


@dataclass(slots=True)
class Findings:
    """What the rules note besides tokens; lines are lines of the file."""

    line: int  # of the text now being read
    html_lines: set[int] = field(default_factory=set)
    unread_link_lines: set[int] = field(default_factory=set)
    too_deep: int | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """A link reference definition, `[label]: href "title"`, and whether a link uses it."""

    label: str
    href: str
    title: str
    line: int
    is_used: bool


@dataclass(frozen=True, slots=True)
class Parsed:
    """Tokens whose links and images carry `meta["line"]`, with everything noted on the way."""

    tokens: Sequence[Token]
    definitions: tuple[Definition, ...]
    findings: Findings


class _Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - the library's signature
        """Every link stays a link, so that whoever judges links sees it with its line."""
        return True


def parse_tokens(markdown: str, first_line: int) -> Parsed:
    """Read the text that begins on line `first_line` of its file. Never raises, never loses text.

    What lies deeper than MAX_DEPTH becomes a paragraph of plain text, and `too_deep` its line.
    """
    findings = Findings(first_line)
    env: dict[str, Any] = {"findings": findings, "first_line": first_line}
    tokens = _PARSER.parse(markdown, env)
    return Parsed(tokens, tuple(_definitions(env, tokens, first_line)), findings)


def plain_text(tokens: Sequence[Token] | None) -> str:
    """The words of inline tokens in one line, without their markup."""
    words = "".join(
        plain_text(token.children) if token.type == "image" else _plain(token)
        for token in tokens or ()
    )
    return _BLANKS.sub(" ", words).strip(" ")


def _plain(token: Token) -> str:
    return " " if token.type in {"softbreak", "hardbreak"} else token.content


def _definitions(env: dict[str, Any], tokens: Sequence[Token], first_line: int) -> list[Definition]:
    references = env.get("references", {})
    used = {label for token in tokens for label in _labels(token)} if references else set()
    found = [(label, one, label in used) for label, one in references.items()]
    found += [(one["label"], one, False) for one in env.get("duplicate_refs", [])]
    return [
        Definition(label, one["href"], one["title"], one["map"][0] + first_line, is_used)
        for label, one, is_used in found
    ]


def _labels(token: Token) -> list[str]:
    """The references used in a token, also inside a picture's description."""
    own = [token.meta["label"]] if "label" in token.meta else []
    return own + [label for child in token.children or () for label in _labels(child)]


def _limit_depth(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001
    """Stop before the library's own limit, which drops the rest of the text without a word."""
    if silent or state.level <= MAX_DEPTH:
        return False
    findings: Findings = state.env["findings"]
    findings.too_deep = findings.too_deep or start + state.env["first_line"]
    state.push("paragraph_open", "p", 1).map = [start, end]
    inline = state.push("inline", "", 0)
    inline.content = state.getLines(start, end, state.blkIndent, False).strip()  # noqa: FBT003
    inline.map, inline.children = [start, end], []
    state.push("paragraph_close", "p", -1)
    state.line = end
    return True


def _placed(rule: _InlineRule) -> _InlineRule:
    """The rule, its link or image knowing the line on which it begins."""

    def place(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the library's signature
        count, position = len(state.tokens), state.pos
        is_matched = rule(state, silent)
        if is_matched and not silent:
            for token in state.tokens[count:]:
                if token.type in {"link_open", "image"}:
                    token.meta.setdefault("line", _line(state, position))
        elif not silent and _UNREAD_LINK.match(state.src, position):
            state.env["findings"].unread_link_lines.add(_line(state, position))
        return is_matched

    return place


def _note_html(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - the library's signature
    """Takes the place of the rule for HTML: notes the line and leaves the text as text."""
    if not silent and state.src[state.pos] == "<" and _HTML.match(state.src, state.pos):
        state.env["findings"].html_lines.add(_line(state, state.pos))
    return False


def _line(state: StateInline, position: int) -> int:
    findings: Findings = state.env["findings"]
    return findings.line + state.src.count("\n", 0, position)


def _read_inlines(state: StateCore) -> None:
    findings: Findings = state.env["findings"]
    for token in state.tokens:
        if token.type == "inline":
            findings.line = (token.map or [0])[0] + state.env["first_line"]
            token.children = state.md.inline.parse(token.content, state.md, state.env, [])
            _settle(token.children)
            depth = token.level - 1 + max((child.level for child in token.children), default=0)
            if depth > MAX_DEPTH:
                findings.too_deep = findings.too_deep or findings.line
        elif "style" in token.attrs:  # a table cell's alignment; mail programs know the attribute
            token.attrs = {"align": str(token.attrs["style"]).removeprefix("text-align:")}


def _settle(tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.type == "text_special":  # &#10; and its like are blanks, not control characters
            token.content = _BLANKS.sub(" ", token.content)
        elif token.type == "image":
            token.attrs["src"] = unquote(str(token.attrs["src"]))
            token.attrs["alt"] = plain_text(token.children)
        if title := token.attrs.get("title"):
            token.attrs["title"] = _BLANKS.sub(" ", str(title)).strip(" ")


def _make_parser() -> MarkdownIt:
    # Blocks nest up to our own limit; a link's text may hold as many brackets again.
    options = {"html": False, "maxNesting": 2 * MAX_DEPTH, "store_labels": True}
    parser = _Parser("commonmark", options).enable(["table", "strikethrough"])
    parser.block.ruler.before("table", "limit_depth", _limit_depth)
    parser.inline.ruler.at("link", _placed(link))
    parser.inline.ruler.at("image", _placed(image))
    parser.inline.ruler.at("autolink", _placed(autolink))
    parser.inline.ruler.at("html_inline", _note_html)
    parser.core.ruler.at("inline", _read_inlines)
    return parser


_PARSER: Final = _make_parser()
