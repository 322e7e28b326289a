import re
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.markdown import ImageTag, parse
from newsletter.model.issue import Passage


def show(src: str) -> ImageTag:
    return ImageTag(f"https://news.example/2022-11/{src}", 560, 300)


def html(markdown: str, heading_base: int = 3) -> str:
    return parse(Passage(markdown, "a.md", 1)).to_html(heading_base=heading_base, image=show)


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>"),
        ("**a**\n*b*", "<p><strong>a</strong> <em>b</em></p>"),
        ("a  \nb", "<p>a<br>\nb</p>"),
        ("3. x\n4. y", '<ol start="3">\n<li>x</li>\n<li>y</li>\n</ol>'),
        ("```py\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>"),
        ("> q\n\n***", "<blockquote>\n<p>q</p>\n</blockquote>\n<hr>"),
        ("https://x.example -- (c) 'q'", "<p>https://x.example -- (c) 'q'</p>"),
        (
            '[a](https://x.example/é?b=1&c=2 "T&quot;")',
            '<p><a href="https://x.example/%C3%A9?b=1&amp;c=2" title="T&quot;">a</a></p>',
        ),
    ],
)
def test_markdown_becomes_plain_html(markdown: str, expected: str) -> None:
    assert html(markdown).strip() == expected


def test_a_table_aligns_its_columns_without_styles() -> None:
    cells = re.findall("<t[hd][ >].*", html("|a|b|c|\n|-|-:|:-:|\n|1|2|3|"))

    assert cells == [
        *["<th>a</th>", '<th align="right">b</th>', '<th align="center">c</th>'],
        *["<td>1</td>", '<td align="right">2</td>', '<td align="center">3</td>'],
    ]


def test_words_on_two_lines_are_never_joined() -> None:
    assert "\n" not in html("**a**\n*b*\n`c`\n[d](https://d.example)").strip()


@pytest.mark.parametrize(
    ("level", "base", "tag"), [(1, 3, "h3"), (2, 3, "h3"), (3, 3, "h4"), (2, 2, "h2"), (6, 4, "h6")]
)
def test_headings_stay_below_those_of_the_page(level: int, base: int, tag: str) -> None:
    assert html("#" * level + " x", base) == f"<{tag}>x</{tag}>\n"


def test_pictures_are_shown_as_the_caller_says() -> None:
    assert html('![A "g" *h*\n](a%20b.png "T\nt")').strip() == (
        '<p><img src="https://news.example/2022-11/a b.png" alt="A &quot;g&quot; h" title="T t"'
        ' width="560" height="300"></p>'
    )


@pytest.mark.parametrize(
    "text",
    [
        "{{7*7}} {% raw %} {# x #} ${y}",
        "👩‍🔬 ❤️ हिन्दी العربية עִבְרִית Việt ﷽ a\u00adb",
        "\\\\ \\a C:\\\\dir “q” 'r' \"s\" a & b < c > d",
        "a\xa0b\u202fc\u200bd",
    ],
)
def test_text_comes_through_character_by_character(text: str) -> None:
    shown = unescape(re.sub(r"</?p>", "", html(text))).strip("\n")

    assert shown == text.replace("\\\\", "\\")


def test_references_to_control_characters_never_yield_one() -> None:
    written = "".join(f"a&#{number};b&#x{number:x};" for number in range(32)) + "&Tab;&NewLine;"

    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", html(written))


class Found(HTMLParser):
    """Everything in a page that a browser would act upon."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.comments: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


PLAIN = [
    *["p", "br", "hr", "em", "strong", "s", "code", "pre", "blockquote", "ul", "li"],
    *["h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr"],
]
ALLOWED = {tag: frozenset[str]() for tag in PLAIN} | {
    "a": {"href", "title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
}
NASTY = [
    *["<script>alert(1)</script>", '<img src=x onerror="alert(1)">', "<style>", "<!--", "-->"],
    *["javascript:alert(1)", "data:text/html,x", "[x](", "](", "![", "](javascript:alert(1))"],
    *["<javascript:alert(1)>", "&#106;avascript:", "[a]: javascript:alert(1)", "[a]", "\n\n"],
    *['"onmouseover="x', "'", "`", "```\n", "|a|\n|-|\n", "> ", "- ", "1. ", "# ", "\n", "<", ">"],
    *["&lt;script&gt;", "\\", "*", "**", "_", "~~", "{{7*7}}", "  \n", "&#0;", "\u202e", "\x00"],
]
pieces = st.text(max_size=20) | st.sampled_from(NASTY)


@given(st.lists(pieces, max_size=12).map("".join))
@example("[x](java&#10;script:alert&#40;1&#41;)")
@example("[x](\x01javascript:alert(1))")
@example("![x](javascript:alert(1))")
@example('<a href="javascript:alert(1)">x</a>')
@example("<svg/onload=alert(1)>\n\n<iframe src=//x.example>")
@example("[x](https://x.example/\"onmouseover='alert(1)')")
def test_nothing_active_ever_comes_out(markdown: str) -> None:
    found = Found(html(markdown))

    assert found.comments == []
    for tag, attrs in found.tags:
        assert set(attrs) <= ALLOWED[tag]
        target = attrs.get("href") or attrs.get("src") or "https://"
        assert target.startswith(("https://", "http://", "mailto:"))


def test_a_passage_is_read_once() -> None:
    passage = Passage("*a*", "a.md", 1)

    assert parse(passage) is parse(Passage("*a*", "a.md", 1))
