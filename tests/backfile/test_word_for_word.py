"""Whatever letters and markup a text holds, readers of the imported article get the same words."""

import json
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from newsletter.backfile.importing import Newsroom, PastImport, Wishes
from newsletter.markdown import parse
from newsletter.model.issue import Taxonomy

from .conftest import RULES, read_back

Node = str | tuple[str, list["Node"]]  # text, or an element's name and what it holds

LETTERS = "ab1. )(-+*_#[]<>`~=|!\\&;:'\"/é\u00a0\n\t"
texts = st.text(LETTERS, max_size=12)


def elements(names: str, inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    return st.tuples(st.sampled_from(names.split()), st.lists(inner, max_size=3))


def element(name: str) -> Callable[[Node], Node]:
    return lambda node: (name, [node])


words_in_line: st.SearchStrategy[Node] = st.recursive(
    texts, lambda inner: elements("b i s code span a br", inner), max_leaves=8
)
cells = st.lists(words_in_line.map(element("td")), min_size=1, max_size=3)
blocks: st.SearchStrategy[Node] = st.recursive(
    elements("p div h2 h4 pre", words_in_line) | words_in_line,
    lambda inner: (
        elements("blockquote div", inner)
        | st.tuples(st.sampled_from(["ul", "ol"]), st.lists(inner.map(element("li")), max_size=3))
        | st.tuples(st.just("table"), st.lists(cells.map(lambda row: ("tr", row)), max_size=3))
    ),
    max_leaves=8,
)


def to_html(node: Node) -> str:
    if isinstance(node, str):
        return escape(node)
    name, inner = node
    opening = 'a href="https://x.example/a(b)?c&amp;d=*_*"' if name == "a" else name
    return f"<{opening}>" if name == "br" else f"<{opening}>{''.join(map(to_html, inner))}</{name}>"


def to_words(node: Node) -> str:
    """What a browser shows, each block and line break parting words."""
    if isinstance(node, str):
        return node
    name, inner = node
    gap = "" if name in {"b", "i", "s", "code", "span", "a"} else " "
    return gap + ("" if name == "br" else "".join(map(to_words, inner))) + gap


@given(st.lists(blocks, min_size=1, max_size=4))
def test_the_words_of_an_article_are_those_of_its_source_in_their_order(nodes: list[Node]) -> None:
    html = "<p>First</p>" + "".join(map(to_html, nodes))
    words = "First " + "".join(map(to_words, nodes))

    assert imported(html).split() == words.split()


@given(st.lists(st.text(LETTERS.replace("\n", ""), max_size=30), max_size=6))
def test_so_are_those_of_a_page_saved_as_text(lines: list[str]) -> None:
    page = "\n".join(["April 2013", "A title", "First", *lines, "Practice Implications", "Do it."])

    assert imported(page).split() == ["First", *(word for line in lines for word in _shown(line))]


def _shown(line: str) -> list[str]:
    words = line.split()
    return words[1:] if len(words) > 1 and words[0] in {"-", "*"} else words  # a list's bullet


def imported(content: str) -> str:
    """The words that readers get of the one article in a page, or in a post with this HTML."""
    post = {"id": "1", "title": "A title", "html": content, "published_at": "2013-04-09T12:00:00Z"}
    is_page = content.startswith("April")
    with TemporaryDirectory() as folder:
        source, issues = Path(folder, "export"), Path(folder, "issues")
        issues.mkdir()
        source.write_text(content if is_page else json.dumps({"data": {"posts": [post]}}), "utf-8")
        taxonomy = Taxonomy({"titles": "Title"}, {})
        rules = replace(RULES, callout_required=False)
        newsroom = Newsroom(issues, taxonomy, rules, "en", ZoneInfo("UTC"))
        list(PastImport(source, newsroom).run(Wishes(accept_proposals=True, is_rehearsal=False)))
        [article] = read_back(newsroom, "2013-04").articles
    return parse(article.body).words
