from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.markdown import parse
from newsletter.model.issue import Passage


def text(markdown: str, width: int = 72) -> str:
    return parse(Passage(markdown, "a.md", 1)).to_text(width)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("*a* **b _c_** ~~d~~ `e`", "_a_ *b _c_* ~d~ `e`"),
        ("[free](https://x.example/y).", "free (https://x.example/y)."),
        ("<https://x.example> <me@x.example>", "https://x.example me@x.example"),
        ("[https://x.example](https://x.example)", "https://x.example"),
        ("[me](mailto:me@x.example)", "me (me@x.example)"),
        ("[](https://x.example)", "(https://x.example)"),
        ("a ![A graph](b.png) c", "a [A graph] c"),
        ("a\nb  \nc\\\nd", "a b\nc\nd"),
        ("# T *u*\n\na", "T _u_\n-----\n\na"),
        ("```py\nif x:\n    y\n\nz\n```\n\na", "    if x:\n        y\n\n    z\n\na"),
        ("    a  b\n\nc", "    a  b\n\nc"),
        ("a\n\n***\n\nb", "a\n\n* * *\n\nb"),
        (
            "{{7*7}} {% x %} 👩‍🔬 हिन्दी العربية \\\\ &amp; \"'",
            "{{7*7}} {% x %} 👩‍🔬 हिन्दी العربية \\ & \"'",
        ),
        ("", ""),
    ],
)
def test_markup_stays_readable(markdown: str, expected: str) -> None:
    assert text(markdown) == expected


STRUCTURE = """\
Intro

- one two three four
  five six seven
- six
  1. seven eight nine ten eleven
  2. ten
     > eleven

     twelve
-
- last

9. loose

   more
10. item

* other list

> quoted words here and there now
>
> - in a quote
>
> > deeper

> second quote
"""

STRUCTURE_TEXT = """\
Intro

- one two three four five six
  seven
- six

  1. seven eight nine ten
     eleven

  2. ten

     > eleven

     twelve

-
- last

9. loose

   more

10. item

- other list

> quoted words here and there
> now
>
> - in a quote
>
> > deeper

> second quote"""


def test_lists_hang_quotes_are_marked_and_numbers_count_on() -> None:
    assert text(STRUCTURE, width=30) == STRUCTURE_TEXT


TABLE = """\
| Study   | Effect | Note |
|---------|-------:|:----:|
| Ålesund | 0.34   | *x*  |
| 日本    | 12     |      |
"""


def test_a_table_stands_in_columns_where_there_is_room() -> None:
    assert text(TABLE) == (
        "Study    Effect  Note\n-------  ------  ----\nÅlesund    0.34  _x_\n日本         12"
    )


def test_a_wide_table_is_told_row_by_row() -> None:
    assert text(TABLE, width=20) == (
        "Study: Ålesund\nEffect: 0.34\nNote: _x_\n\nStudy: 日本\nEffect: 12\nNote:"
    )
    assert text("| a | b |\n|---|---|\n", width=3) == "a,\nb"


def test_lines_break_at_blanks_alone() -> None:
    long = "x" * 60_000
    url = f"https://x.example/{'a-b/' * 40}"
    words = f"well-known state-of-the-art 10\xa0000\xa0people {long} {url} end"

    lines = text(words, width=30).split("\n")

    assert " ".join(lines) == words
    assert [line for line in lines if len(line) > 30] == [long, url]


word = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=40)


@given(st.lists(word, min_size=1, max_size=60), st.integers(24, 100))
def test_wrapping_keeps_every_word_whole_in_its_order_and_fills_lines(
    words: list[str], width: int
) -> None:
    lines = text(" ".join(["w", *words]), width).split("\n")

    assert [found for line in lines for found in line.split(" ")] == ["w", *words]
    assert all(len(line) <= width or " " not in line for line in lines)
    for line, following in pairwise(lines):
        assert len(line) + 1 + len(following.split(" ")[0]) > width


blocks = st.recursive(
    st.lists(st.from_regex(r"[a-z]{1,9}[0-9]", fullmatch=True), min_size=1, max_size=9).map(
        " ".join
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("\n\n".join),
        inner.map(lambda one: "> " + one.replace("\n", "\n> ")),
        inner.map(lambda one: "- " + one.replace("\n", "\n  ")),
        inner.map(lambda one: "12. " + one.replace("\n", "\n    ")),
        inner.map(lambda one: "## " + one.partition("\n")[0]),
    ),
    max_leaves=6,
)


@given(blocks, st.integers(30, 80))
def test_no_word_of_any_structure_is_lost_and_no_line_trails_blanks(block: str, width: int) -> None:
    def words(source: str) -> list[str]:
        return [one for one in source.split() if one[-1].isdigit() and one[0].isalpha()]

    shown = text(block, width)

    assert words(shown) == words(block)
    assert not any(line.endswith(" ") for line in shown.split("\n"))
