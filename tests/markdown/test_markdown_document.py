import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.markdown import Document, Heading, ImageTag, Link, Picture, parse
from newsletter.model.issue import Passage


def read(markdown: str, line: int = 1) -> Document:
    return parse(Passage(markdown, "a.md", line))


def html(document: Document) -> str:
    return document.to_html(heading_base=2, image=lambda src: ImageTag(src, 1, 1))


def problems(markdown: str, line: int = 1) -> list[str]:
    return [str(problem) for problem in read(markdown, line).problems]


PLACES = """\
Text with [one](https://one.example) and `code
over` two lines, [two
words](https://two.example/?a=1&b=2), then **[three][ref]**

> - ![A *graph*](my%20chart.png "T") <https://four.example>
>   <me@five.example>

| a | b |
|---|---|
| x | [six](https://six.example) |

[ref]:
  https://three.example
"""


def test_links_and_pictures_know_the_line_of_the_file_on_which_they_begin() -> None:
    document = read(PLACES, line=10)

    assert document.links == (
        Link("https://one.example", "one", 10),
        Link("https://two.example/?a=1&b=2", "two words", 11),
        Link("https://three.example", "three", 12),
        Link("https://four.example", "https://four.example", 14),
        Link("mailto:me@five.example", "me@five.example", 15),
        Link("https://six.example", "six", 19),
    )
    assert document.images == (Picture("my chart.png", "A graph", "T", 14),)
    assert document.problems == ()


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//x.example",
        "/about",
        "#x",
        "",
    ],
)
def test_no_link_is_hidden_from_those_who_judge_links(href: str) -> None:
    assert [link.href for link in read(f"[x](<{href}>)").links] == [href]


def test_headings_are_found_in_both_spellings_but_not_in_code_quotes_or_lists() -> None:
    document = read(
        "# One *two*\n\nThree `four`\nfive\n----\n\n"
        "```\n## No\n```\n\n    ## No\n\n> ## No\n\n- ## No\n\ntext\n   ### Six ###\n",
        line=5,
    )

    assert document.headings == (
        Heading(1, "One two", 5, 6),
        Heading(2, "Three four five", 7, 10),
        Heading(3, "Six", 22, 23),
    )


@pytest.mark.parametrize(
    "source",
    ["<div>x</div>", "a <b>c", "<br/>", "<!-- x -->", '<a href="x">', "</p>", "<script\nsrc=x>"],
)
def test_html_is_shown_as_text_and_the_author_is_told_so(source: str) -> None:
    [problem] = problems(f"Text\n{source}\n", line=5)

    assert problem.startswith("a.md:6: warning: HTML is shown to readers")
    assert "&lt;" in html(read(source))


@pytest.mark.parametrize("text", ["p < .05, a<b", "1 <2> 3", "`<div>`", "\\<div>", "&lt;b&gt;"])
def test_what_only_resembles_html_is_left_in_peace(text: str) -> None:
    assert problems(text) == []


@pytest.mark.parametrize(
    "text", ["[free](https://x.example/a b)", "![graph](my chart.png)", "[text][nowhere]"]
)
def test_a_link_that_would_be_shown_as_brackets_is_pointed_out(text: str) -> None:
    [problem] = problems(f"Text\n{text}")

    assert problem.startswith("a.md:2: warning: this looks like a link")


def test_link_definitions_that_would_vanish_are_pointed_out() -> None:
    text = "[a] and ![*b*][B]\n\n[a]: https://a.example\n[b]: b.png\n[c]: d\n[a]: https://e.example"

    assert problems(text) == [
        "a.md:5: warning: no link uses this definition of [C]",
        "a.md:6: warning: no link uses this definition of [A]",
    ]


def test_definitions_let_a_part_of_a_passage_be_read_alone() -> None:
    whole = read(
        "[a] [b c]\n\n> [a]: <https://a.example/?x=1&copy;> 'T \"t\\\\ &amp;amp;\nu'\n\n"
        "[B  c]: https://b.example/é\n"
    )
    alone = read(f"[a] [b c]\n\n{whole.definitions}\n")

    assert alone.links == whole.links
    assert [link.href for link in alone.links] == [
        "https://a.example/?x=1%C2%A9",
        "https://b.example/%C3%A9",
    ]
    assert html(whole).startswith(html(alone))


_BLOCKS = st.sampled_from(
    [
        *["A *line* with [a] link", "two\nlines of ![b][a]", "- one\n- two\n\n  more", "> quoted"],
        *["    code", "```\n## no heading\n```", "| a | b |\n|---|:-:|\n| c | d |", "---"],
        *["## Heading", "Heading\n===", "# `Code`", "[a]: https://a.example 'T'", "1. x\n   > y"],
    ]
)


@given(st.lists(st.tuples(_BLOCKS, st.sampled_from(["\n", "\n\n"]))), st.integers(1, 99))
def test_a_passage_parted_at_a_heading_reads_as_its_parts_do_alone(
    blocks: list[tuple[str, str]], line: int
) -> None:
    text = "".join(block + end for block, end in blocks)
    whole = read(text, line)
    for heading in whole.headings:
        lines = text.split("\n")
        before = read("\n".join([*lines[: heading.line - line], "", whole.definitions]), line)
        below = read("\n".join([*lines[heading.end - line :], "", whole.definitions]), heading.end)
        for part, alone in zip(whole.split(heading), (before, below), strict=True):
            assert html(part) == html(alone)
            assert part.to_text() == alone.to_text()
            assert (part.links, part.images) == (alone.links, alone.images)
            assert part.headings == alone.headings


DEEP = 20_000


@pytest.mark.parametrize(
    "text",
    [
        "> " * DEEP + "end",
        "- " * DEEP + "end",
        "1. " * DEEP + "end",
        "> - " * DEEP + "end",
        "\n".join("  " * level + "- item" for level in range(1000)) + " end",
        "*a " * DEEP + "end" + " b*" * DEEP,
        "_a " * DEEP + "end" + " b_" * DEEP,
        "~~a " * DEEP + "end" + " b~~" * DEEP,
    ],
    ids=["quotes", "lists", "numbers", "mixed", "indented", "stars", "underscores", "strikes"],
)
def test_nesting_too_deep_for_mail_programs_is_refused_and_nothing_is_lost(text: str) -> None:
    document = read(text, line=7)

    assert "more than 20 levels deep" in str(document.problems[0])
    assert str(document.problems[0]).startswith("a.md:")
    assert "end" in document.to_text()
    assert "end" in html(document)


@pytest.mark.parametrize(
    "text",
    [
        *["[" * DEEP, "[" * DEEP + "]" * DEEP, "![" * DEEP, "<" * DEEP, "`" * DEEP, "\\" * DEEP],
        *["![" * 500 + "x" + "](u)" * 500, "<!--" * DEEP, "|a" * 2000 + "\n" + "|-" * 2000],
        *["[a](<b" * DEEP, "&#" * DEEP, "a" * 60_000, "hello \n" * DEEP, "[a]: " * DEEP],
    ],
)
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    document = read(text)

    assert html(document)
    assert isinstance(document.to_text(), str)


@pytest.mark.parametrize(
    "text",
    [
        "- " * 10 + "x",
        "> " * 20 + "x",
        "*a **b* c**" * 9,
        "\n".join("  " * i + "- x" for i in range(9)),
    ],
)
def test_ordinary_nesting_is_allowed(text: str) -> None:
    assert problems(text) == []
