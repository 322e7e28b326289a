"""The email's style sheet in style attributes, and nothing else changed."""

import socket
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from lxml import etree
from premailer import Premailer
from premailer.cache import cache

from newsletter.render.inline import inline_styles

OUTLOOK = """<!--[if mso | IE]><table role="presentation" bgcolor="#fffdfa" width="640"><tr>\
<td style="line-height:0px;font-size:0px;"><![endif]-->"""
VML = """<!--[if gte mso 9]><v:rect style="mso-width-percent:1000;" xmlns:v="urn:schemas-microsoft\
-com:vml" fill="true" stroke="f"><v:fill type="tile" src="https://a.example/x.png" /><v:textbox>\
<![endif]-->"""
STYLE = """<style type="text/css">
@media only screen and (max-width: 540px) { p, .x > td { color: red !important; } }
[data-ogsc] .x { color: #e8e6e1 !important; } a:hover { color: "é → \\2192"; }
</style>"""
REVEALED = """<!--[if !mso]><!--><meta content="IE=edge"><!--<![endif]-->"""


def page(body: str, head: str = "") -> str:
    return f"<!doctype html><html><head>{head}</head><body>{body}</body></html>"


def style_of(html: str, tag: str) -> str | None:
    [element] = etree.fromstring(html, etree.HTMLParser()).iter(tag)
    return element.get("style")


def test_rules_become_attributes_the_stronger_last_and_the_elements_own_before_all() -> None:
    css = ".x { color: blue; margin: 0; } p { color: red; padding: 0; } p.x { color: green; }"
    html = inline_styles(page('<p class="x" style="margin: 4px">Words</p>'), css)
    assert style_of(html, "p") == "color:green; padding:0; margin:4px"


def test_important_is_kept() -> None:
    html = inline_styles(page("<p>Words</p>"), "p { color: red !important; }")
    assert style_of(html, "p") == "color:red !important"


@pytest.mark.parametrize(
    "doctype", ["<!doctype html>", "<!DOCTYPE html>", "\n<!doctype html>\n", ""]
)
def test_the_page_is_in_standards_mode(doctype: str) -> None:
    html = inline_styles(f"{doctype}<html><body><p>Words</p></body></html>", "p { color: red }")
    assert html.startswith("<!DOCTYPE html>\n<html>")
    assert html.lower().count("doctype") == 1


@pytest.mark.parametrize(
    "kept",
    [OUTLOOK, VML, STYLE, REVEALED, "<!--[if mso]><style>p { color: red; }</style><![endif]-->"],
    ids=["conditional", "vml", "style", "revealed", "conditional style"],
)
@pytest.mark.parametrize("place", ["head", "body"])
def test_what_outlook_and_dark_mode_need_stays_byte_for_byte(kept: str, place: str) -> None:
    parts = {"head": "", "body": "<p>Words</p>", place: f"{kept}<p>Words</p>"}
    html = inline_styles(page(parts["body"], parts["head"]), "p { color: blue }")
    assert html.count(kept) == 1


def test_attributes_that_outlook_lives_on_are_not_overwritten() -> None:
    table = '<table width="640" align="center" bgcolor="#fffdfa"><tr><td valign="top" height="9">'
    css = "table, td { width: 10px; height: 10px; text-align: left; vertical-align: middle; \
background-color: red; }"
    html = inline_styles(page(f"{table}a</td></tr></table>"), css)
    assert '<table width="640" align="center" bgcolor="#fffdfa" style=' in html
    assert '<td valign="top" height="9" style=' in html


def test_rules_that_no_attribute_can_hold_are_left_out() -> None:
    css = "@media print { p { color: red } } a:hover { color: red } * { color: red }"
    assert "red" not in inline_styles(page('<p>A <a href="https://a.example">link</a></p>'), css)


def test_an_open_place_is_left_alone() -> None:
    html = page("<p>{{ greeting }} {{7*7}}</p><p>{% x %}</p>")
    assert inline_styles(html, "b { color: red }").endswith(html.removeprefix("<!doctype html>"))


@pytest.mark.parametrize("value", ['say "so"', "it's so", 'it\'s "so"', "&quot;", "a\u00a0b&amp;"])
def test_an_attribute_without_rules_keeps_its_text(value: str) -> None:
    image = etree.Element("img", alt=value, src="https://a.example/p.png")
    written = etree.tostring(image, encoding="unicode", method="html")
    html = inline_styles(page(written), "img { font-family: 'Segoe UI', \"Book Antiqua\" }")
    [read] = etree.fromstring(html, etree.HTMLParser()).iter("img")
    assert read.get("alt") == value
    assert read.get("style") == "font-family:'Segoe UI', 'Book Antiqua'"


def test_an_apostrophe_within_a_quoted_css_value_stays_inside_it() -> None:
    html = inline_styles(page("<q>Words</q>"), 'q { quotes: "it\'s" "so" }')
    assert style_of(html, "q") == 'quotes:"it\'s" "so"'


def test_one_document_cannot_break_a_later_one() -> None:
    css = "h2 { color: red }"
    expected = inline_styles(page("<h2>Words</h2>"), css)
    for poison in ("h2", "color:red", css, "p", ".x"):
        inline_styles(page(f'<em style="{poison}">Words</em><p class="x">a</p>'), css)
        inline_styles(page(f'<h2 style="{poison}">Words</h2>'), css)
    assert inline_styles(page("<h2>Words</h2>"), css) == expected


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def look_up(*address: Any) -> None:  # noqa: ANN401 - whatever is asked for
        asked.append(address)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    fetching = '@import url("http://news.example/a.css"); @import "http://news.example/b.css";'
    head = f"<style>{fetching}</style>" + '<link rel="stylesheet" href="http://news.example/c.css">'
    html = inline_styles(page("<p>Words</p>", head), fetching + "p { color: red }")
    assert style_of(html, "p") == "color:red"
    assert head in html
    assert asked == []


# The fast look-up of simple selectors against premailer itself.

NAMES = st.sampled_from(["a", "b", "c-1", "D", "é"])
CLASSES = st.lists(NAMES | st.sampled_from(["b\u00a0c-1"]), max_size=3).flatmap(
    lambda names: st.sampled_from([" ", "  ", "\t", "\n"]).map(lambda blank: blank.join(names))
)
TAGS = st.sampled_from(["div", "p", "span", "h2", "li"])
HTML = st.recursive(
    st.just("Words"),
    lambda inner: st.lists(
        st.builds('<{0} class="{1}">{2}</{0}>'.format, TAGS, CLASSES, inner), max_size=4
    ).map("".join),
    max_leaves=12,
)
COMPOUND = st.builds(
    lambda tag, names: tag + "".join(f".{name}" for name in names),
    TAGS | st.just(""),
    st.lists(NAMES, max_size=2),
).filter(bool)
SELECTOR = st.builds(
    "{}{}".format,
    st.lists(
        st.builds("{}{}".format, COMPOUND, st.sampled_from([" ", " ", " ", " > ", " + "]))
    ).map("".join),
    st.builds("{}{}".format, COMPOUND, st.sampled_from(["", "", "", ":first-child", "[class]"])),
)


@settings(deadline=None)
@given(HTML, st.lists(SELECTOR, max_size=6))
@example('<p class="a\u00a0b">Words</p><p class="a\t\nb">Words</p>', [".a", "p.b"])
def test_every_element_gets_what_premailer_alone_would_give_it(
    body: str, selectors: list[str]
) -> None:
    css = "\n".join(f"{one} {{ color: #{n:06x}; m-{n}: 1px }}" for n, one in enumerate(selectors))
    html = page(body).replace("doctype", "DOCTYPE")
    cache.clear()  # its one cache mixes up a selector and an attribute of the same text
    expected: str = Premailer(
        html,
        css_text=css,
        keep_style_tags=False,
        strip_important=False,
        disable_leftover_css=True,
        disable_validation=True,
        remove_unset_properties=False,
        align_floating_images=False,
        allow_network=False,
    ).transform(pretty_print=False)
    assert inline_styles(html, css) == expected
