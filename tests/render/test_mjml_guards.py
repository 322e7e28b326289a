"""What MRML gets wrong by itself and our door to it gets right."""

from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from lxml.etree import _Element

from newsletter.errors import RenderError
from newsletter.render.inline import inline_styles
from newsletter.render.mjml import compile_mjml

HARD_VALUES = {
    "emoji with a variation selector": "❤️",
    "emoji joined by zero-width joiners": "👩‍👩‍👧",
    "no-break space and soft hyphen": "a\u00a0b\u00adc",
    "combining marks": "हिन्दी e\u0301",
    "marks of direction": "\u200fعربي\u200e \u202eabc\u202c",
    "backslashes": r"C:\new\table \u{41} \\",
    "white space": "a\nb\tc",
    "both quotes": 'it\'s "so" “so”',
    "markup": "<b>&amp;</b> & <!-- -->",
    "a template": "{{ 7*7 }} {% x %}",
    "the delete character": "a\x7fb",
    "line and paragraph separators": "a\u2028b\u2029c",
}
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"))


def document(content: str) -> str:
    return (
        f"<mjml><mj-body><mj-section><mj-column>{content}</mj-column></mj-section></mj-body></mjml>"
    )


def body_of(content: str) -> _Element:
    """The HTML of the content, as a mail program reads it."""
    html = inline_styles(compile_mjml(document(content)), "")
    return etree.fromstring(html, etree.HTMLParser())


def words(content: str) -> str:
    [paragraph] = body_of(f"<mj-text>{content}</mj-text>").iter("p")
    return " ".join(str(paragraph.xpath("string()")).split())


@pytest.mark.parametrize("value", HARD_VALUES.values(), ids=HARD_VALUES)
@pytest.mark.parametrize("quote", ['"', "'"])
def test_an_attributes_value_is_kept_exactly(value: str, quote: str) -> None:
    written = f"{quote}{escape(value)}{quote}"
    body = body_of(
        f'<mj-image src="https://a.example/p.png" alt={written} />'
        f'<mj-text><img src="https://a.example/q.png" alt={written}></mj-text>'
    )
    assert [image.get("alt") for image in body.iter("img")] == [value, value]


@given(TEXT)
def test_any_text_is_kept_exactly_in_attributes_and_in_text(text: str) -> None:
    body = body_of(f'<mj-text><p title="{escape(text)}">{escape(text)}</p></mj-text>')
    [paragraph] = body.iter("p")
    assert paragraph.get("title") == text
    assert (paragraph.text or "").split() == text.split()


def test_a_quote_in_a_single_quoted_attribute_brings_in_no_other_attribute() -> None:
    body = body_of("""<mj-text><p title='x" onclick="alert(1)'>Words</p></mj-text>""")
    [paragraph] = body.iter("p")
    assert paragraph.items() == [("title", 'x" onclick="alert(1)')]


@pytest.mark.parametrize(
    "between", ["\n", "\n\n", " \n", "\n    ", "\t\n\t"], ids=["n", "nn", "sn", "ns", "tnt"]
)
def test_a_line_break_between_inline_elements_still_parts_their_words(between: str) -> None:
    written = f"<p><b>one</b>{between}<i>two</i>{between}<a href='https://a.example'>three</a></p>"
    assert words(written) == "one two three"


def test_no_blank_comes_in_between_elements_that_touch() -> None:
    assert words("<p>un<b>break</b><i>able</i></p>") == "unbreakable"


def test_what_may_be_nested_arrives_whole() -> None:
    deepest = 195  # with mjml, mj-body, mj-section, mj-column and mj-text: 200
    html = compile_mjml(nested(deepest, "<b>", "</b>"))
    assert inline_styles(html, "").count("<b>") == deepest
    with pytest.raises(RenderError, match="nested deeper than 200"):
        compile_mjml(nested(deepest + 1, "<b>", "</b>"))


def nested(levels: int, opening: str, closing: str) -> str:
    return document(f"<mj-text>{opening * levels}x{closing * levels}</mj-text>")


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<b>", "</b>"),
        ("<é>", "</é>"),
        ('<b title="/>">', "</b>"),
        ("<b>", ""),
        ("<b><br></b></br><b>", "</b>"),
    ],
)
def test_deeper_nesting_is_refused_before_it_can_end_the_process(
    opening: str, closing: str
) -> None:
    with pytest.raises(RenderError, match="nested deeper than 200"):
        compile_mjml(nested(10_000, opening, closing))


def test_elements_beside_one_another_are_not_nested() -> None:
    compile_mjml(document(f"<mj-text>{'<p><br>a<br/>b<i>c</i></p>' * 1000}</mj-text>"))
    compile_mjml(document("<mj-divider />" * 1000))


@pytest.mark.parametrize(
    "content",
    [
        "<mj-text>a < b</mj-text>",
        "<mj-text><p class=x>a</p></mj-text>",
        "<mj-text><![CDATA[a]]></mj-text>",
        "<mj-text><p>a</mj-text>",
        "<mj-text><p title='>a</p></mj-text>",
    ],
)
def test_what_is_not_well_formed_is_refused_in_words(content: str) -> None:
    with pytest.raises(RenderError, match="cannot be compiled"):
        compile_mjml(document(content))


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x0b", "\x0c", "\x1b"])
@pytest.mark.parametrize("content", ["<p>{}</p>", '<p title="{}">a</p>'])
def test_a_control_character_is_refused_by_its_number(character: str, content: str) -> None:
    with pytest.raises(RenderError, match=f"control character U\\+{ord(character):04X}"):
        compile_mjml(document(f"<mj-text>{content.format(character)}</mj-text>"))


def test_style_sheets_and_comments_keep_what_is_not_ascii() -> None:
    kept = ("a:after { content: '→ \\2192'; }", '<!--[if mso]><i title="x">é</i><![endif]-->')
    html = compile_mjml(
        f"<mjml><mj-head><mj-style>{kept[0]}</mj-style></mj-head>"
        f"<mj-body><mj-raw>{kept[1]}</mj-raw></mj-body></mjml>"
    )
    inlined = inline_styles(html, "")
    assert [inlined.count(one) for one in kept] == [1, 1]


def test_attributes_within_outlooks_conditional_comments_are_kept_too() -> None:
    html = compile_mjml(
        "<mjml><mj-body><mj-raw><!--[if mso]><i title='\u00a0\\\u200d'>x</i><![endif]--></mj-raw>"
        "</mj-body></mjml>"
    )
    assert '<!--[if mso]><i title="&#160;&#92;&#8205;">x</i><![endif]-->' in html


def test_a_compiled_document_asks_for_nothing_from_the_network() -> None:
    page = body_of("<mj-text>Words</mj-text>").getroottree()
    assert page.xpath("//link | //script | //@src") == []
    assert "@import" not in etree.tostring(page, encoding="unicode")


def test_the_same_source_always_gives_the_same_bytes() -> None:
    source = document('<mj-text css-class="a b" align="right">Words</mj-text>')
    assert {compile_mjml(source) for _ in range(10)} == {compile_mjml(source)}
