"""One passage of Markdown, read once: what stands in it, and its HTML and plain text."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Final

from markdown_it.token import Token

from newsletter.markdown.grammar import MAX_DEPTH, Definition, Parsed, parse_tokens, plain_text
from newsletter.markdown.html import ImageTag, render_html
from newsletter.markdown.text import render_text
from newsletter.model.issue import Passage
from newsletter.model.problem import Problem, Severity

_MOST_KEPT: Final = 256  # documents

_HTML_SHOWN: Final = "HTML is shown to readers as it stands here; write Markdown instead"
_NO_LINK: Final = (
    "this looks like a link but is shown as it stands here; an address or a file's name must "
    "hold no blank (write %20), and a reference needs its definition"
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link to `href`, percent-encoded, with its words."""

    href: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as an author names it. `src` is percent-decoded, `alt` and `title` may be empty."""

    src: str
    alt: str
    title: str
    line: int


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading outside quotes and lists: `text` without markup, `end` the line after it."""

    level: int
    text: str
    line: int
    end: int


@dataclass(frozen=True)
class Document:
    """A passage's content. `problems` are those of the Markdown itself; lines are the file's.

    `definitions` is Markdown that defines the passage's link references anew, so that a part of
    the passage can be read alone. Whether links and pictures may be sent is for others to judge.
    """

    problems: tuple[Problem, ...]
    definitions: str
    _tokens: Sequence[Token] = field(repr=False, compare=False)
    _first_line: int = field(repr=False, compare=False)

    @cached_property
    def links(self) -> tuple[Link, ...]:
        """The links in the order in which they end."""
        return tuple(_links(self._tokens))

    @cached_property
    def images(self) -> tuple[Picture, ...]:
        """The pictures in their order."""
        return tuple(_pictures(self._tokens))

    @cached_property
    def headings(self) -> tuple[Heading, ...]:
        """The headings outside quotes and lists in their order."""
        return tuple(_headings(self._tokens, self._first_line))

    @property
    def words(self) -> str:
        """Everything that a reader sees, in one line and without markup."""
        inline = (plain_text(token.children) or token.content for token in self._tokens)
        return plain_text([Token("text", "", 0, content=" ".join(filter(None, inline)))])

    def to_html(self, *, heading_base: int, image: Callable[[str], ImageTag]) -> str:
        """HTML with nothing active in it: no scripts, styles, classes, ids or odd schemes.

        `##` becomes a heading of level `heading_base`, `###` the one below it; `#` does not rise
        above them. `image` is asked with a picture's `src`. A no-break space is `&nbsp;`.
        """
        return render_html(self._tokens, heading_base=heading_base, image=image)

    def to_text(self, width: int = 72) -> str:
        """Plain text for a terminal, broken at blanks alone; a longer word keeps its line."""
        return render_text(self._tokens, width)

    def split(self, heading: Heading) -> "tuple[Document, Document]":
        """What stands before one of its headings, and what below it; problems stay with this."""
        start = next(
            number
            for number, token in enumerate(self._tokens)
            if _is_heading(token) and (token.map or [0])[0] + self._first_line == heading.line
        )
        before, below = self._tokens[:start], self._tokens[start + 3 :]
        return Document((), "", before, self._first_line), Document((), "", below, self._first_line)


def parse(passage: Passage) -> Document:
    """The passage as a document. Raises nothing: what is wrong is among its problems."""
    known = _kept.get(passage)
    if known is None:
        parsed = parse_tokens(passage.markdown, passage.line)
        problems = tuple(_problems(parsed, passage.path))
        definitions = "\n".join(_define(one) for one in parsed.definitions if one.is_used)
        known = Document(problems, definitions, parsed.tokens, passage.line)
        remember(passage, known)
    return known


def remember(passage: Passage, document: Document) -> None:
    """Spare `parse` the work for a passage whose document is known, as a part of another's."""
    with _keeping:
        _kept[passage] = document
        if len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)


_kept: Final[OrderedDict[Passage, Document]] = OrderedDict()
_keeping: Final = Lock()


def _links(tokens: Sequence[Token]) -> Iterator[Link]:
    for token in tokens:
        children, start = token.children or [], 0
        for place, child in enumerate(children):
            if child.type == "link_open":
                start = place
            elif child.type == "link_close":
                opening, words = children[start], children[start + 1 : place]
                yield Link(str(opening.attrs["href"]), plain_text(words), opening.meta["line"])


def _pictures(tokens: Sequence[Token]) -> Iterator[Picture]:
    for token in tokens:
        for child in token.children or ():
            if child.type == "image":
                src, alt = str(child.attrs["src"]), str(child.attrs["alt"])
                yield Picture(src, alt, str(child.attrs.get("title", "")), child.meta["line"])


def _headings(tokens: Sequence[Token], first_line: int) -> Iterator[Heading]:
    for number, token in enumerate(tokens):
        if _is_heading(token) and token.map:
            text = plain_text(tokens[number + 1].children)
            start, end = token.map
            yield Heading(int(token.tag[1]), text, start + first_line, end + first_line)


def _is_heading(token: Token) -> bool:
    return token.type == "heading_open" and token.level == 0


def _problems(parsed: Parsed, path: str) -> Iterator[Problem]:
    findings = parsed.findings
    if findings.too_deep is not None:
        message = f"nested more than {MAX_DEPTH} levels deep; write it flatter"
        yield Problem(path, findings.too_deep, message)
    unused = {one.line: one.label for one in parsed.definitions if not one.is_used}
    warnings = [
        *((line, _HTML_SHOWN) for line in findings.html_lines),
        *((line, _NO_LINK) for line in findings.unread_link_lines),
        *((line, f"no link uses this definition of [{name}]") for line, name in unused.items()),
    ]
    for line, message in sorted(warnings):
        yield Problem(path, line, message, Severity.WARNING)


def _define(one: Definition) -> str:
    href = one.href.replace("&", "&amp;")
    title = one.title.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return f"[{one.label}]: <{href}>" + (f' "{" ".join(title.split())}"' if title else "")
