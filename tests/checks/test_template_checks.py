"""Checks of a newsletter's own templates: the place is the template's line."""

import pytest

from .conftest import Editor

ISSUE = "templates/email/issue.mjml"
ARTICLE = "templates/email/article.mjml"
INLINE = "templates/email/inline.css"
HEAD = "templates/email/head.css"
PALETTE = "templates/palette.toml"


def line(editor: Editor, name: str, words: str) -> int:
    """The first line of a template that holds these words."""
    lines = editor.path(name).read_text("utf-8").split("\n")
    return next(number for number, one in enumerate(lines, 1) if words in one)


def test_the_bundled_templates_have_only_notes(editor: Editor) -> None:
    found = [one for one in editor.desk.check("2022-12") if one.path.startswith("templates/")]

    assert {one.severity for one in found} == {"note"}


@pytest.mark.parametrize(
    ("name", "old", "part", "field"),
    [
        (ISSUE, "url=unsubscribe_url", "HTML", "unsubscribe_url"),
        (ISSUE, "url=preferences_url", "HTML", "preferences_url"),
        ("templates/email/issue.txt", "{{ unsubscribe_url }}", "text", "unsubscribe_url"),
        ("templates/email/issue.txt", "{{ preferences_url }}", "text", "preferences_url"),
    ],
)
def test_a_part_without_a_way_to_leave_is_an_error(
    name: str, old: str, part: str, field: str, editor: Editor
) -> None:
    editor.replace(name, old, "url=issue_url" if "=" in old else "")

    [finding] = editor.findings("error")
    assert finding == (
        f"{name}:1: the {part} of the email has no {field}; put {{{{ {field} }}}} into the template"
    )


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://a.example/p.png">',
        "<img src='https://a.example/p.png' title='a > b'>",
        '<a href="#top">Up</a>',
        '<a href="/2022-11/">The issue</a>',
        '<a href="plot.png">The plot</a>',
        '<a href="">Nothing</a>',
        '<img alt="a" src="data:image/png;base64,AAAA">',
        '<a href="javascript:alert(1)">Run</a>',
    ],
)
def test_a_picture_without_words_or_a_link_that_leads_nowhere_is_an_error(
    html: str, editor: Editor
) -> None:
    editor.replace(ISSUE, "<p>{{ greeting }}</p>", f"<p>{{{{ greeting }}}}</p>\n{html}")

    [finding] = editor.findings("error")
    assert finding.startswith(f"{ISSUE}:{line(editor, ISSUE, html)}: a ")


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://a.example/p.png" title="a > b" alt="">',
        '<a href="HTTPS://a.example">A</a>',
        '<a href="mailto:a@b.example">B</a>',
        "<p>&lt;a href=&quot;#top&quot;&gt;</p>",
    ],
)
def test_what_works_in_an_email_is_no_problem(html: str, editor: Editor) -> None:
    editor.replace(ISSUE, "<p>{{ greeting }}</p>", f"<p>{{{{ greeting }}}}</p>{html}")

    assert editor.findings() == []


@pytest.mark.parametrize(
    ("mode", "colour"), [("light", "#5b6a6f"), ("dark", "#a9b4b7")], ids=["light", "dark"]
)
def test_a_palette_that_is_hard_to_read_is_warned_about_at_its_colour(
    mode: str, colour: str, editor: Editor
) -> None:
    editor.replace(PALETTE, colour, "#808080")

    found = editor.findings()
    assert found
    at = line(editor, PALETTE, "#808080")
    for one in found:
        assert one.startswith(f"{PALETTE}:{at}: warning: quiet on ")
        assert f"1 in {mode} mode, which is hard to read; make it at least 4.5 : 1" in one


def test_a_colour_of_ones_own_is_measured_in_both_modes(editor: Editor) -> None:
    editor.replace(
        ISSUE,
        "<p>{{ greeting }}</p>",
        '<p>{{ greeting }}</p>\n<span style="color: #C9C9C9">Pale by day</span>'
        '<span style="color: #333">Dark by night</span>',
    )

    at = line(editor, ISSUE, "#C9C9C9")
    assert editor.findings() == [
        (
            f"{ISSUE}:{at}: warning: in dark mode, the text 'Dark by night' is #333333 on #182125, "
            "1.3 : 1, which is hard to read; choose colours at least 4.5 : 1 apart"
        ),
        (
            f"{ISSUE}:{at}: warning: the text 'Pale by day' is #c9c9c9 on #fffdfa, 1.6 : 1, "
            "which is hard to read; choose colours at least 4.5 : 1 apart"
        ),
    ]


def test_a_colour_that_dark_mode_forgets_is_told_of_where_it_was_to_be(editor: Editor) -> None:
    editor.replace(HEAD, '"prose h3", ', "")
    editor.replace("a.md", "The body", "## A heading\n\nThe body")

    [finding] = editor.findings()
    at = line(editor, HEAD, "(prefers-color-scheme: dark)")
    assert finding.startswith(
        f"{HEAD}:{at}: warning: in dark mode, the text 'A heading' is #1d2a2f"
    )


@pytest.mark.parametrize(
    ("style", "is_readable"),
    [
        ("color: #808080; font-size: 24px", True),
        ("color: #808080; font: bold 19px serif", True),
        ("color: #808080; font-size: 19px", False),
        ("color: rgb(128, 128, 128)", False),
        ("color: gray; background: #000", True),
        ("color: var(--mine, gray)", True),
        ("color: #fff; display: none", True),
    ],
)
def test_large_type_needs_less_contrast_and_unknown_colours_are_let_be(
    style: str, is_readable: bool, editor: Editor
) -> None:
    night = '<span class="ink">' if "#000" not in style else "<span>"
    editor.replace(
        ISSUE,
        "<p>{{ greeting }}</p>",
        f'<p>{{{{ greeting }}}}</p>{night}<b style="{style}">A</b></span>',
    )

    found = [one for one in editor.findings() if "hard to read" in one and "dark mode" not in one]
    assert not found if is_readable else len(found) == 1


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("<mj-text padding", "<mj-txt padding", None),
        (
            '<mj-text align="right">',
            '<mj-text algin="right">',
            "the compiler ignores algin on <mj-text>; did you mean 'align'?",
        ),
        (
            '<mj-text align="right">',
            '<mj-text\n  background-color="#fff"\n align="right">',
            "the compiler ignores background-color on <mj-text>",
        ),
        (
            '<mj-section padding="16px 0 12px">',
            '<mj-section padding="16px 0 12px" gutter="3px">',
            "the compiler ignores gutter on <mj-section>",
        ),
        (
            "<mj-style>",
            '<mj-style inline="inline">',
            "the compiler ignores inline on <mj-style>",
        ),
    ],
)
def test_mjml_that_the_compiler_ignores_is_found(
    old: str, new: str, finding: str | None, editor: Editor
) -> None:
    editor.replace(ISSUE, old, new)
    if finding is None:
        editor.replace(ISSUE, "</mj-text>", "</mj-txt>")
        finding = "the compiler knows no <mj-txt> and passes it on as it stands; did you mean"

    found = [one for one in editor.findings() if "ompiler" in one]
    at = line(editor, ISSUE, new.split("\n")[-2 if "\n" in new else -1][:28])
    assert found[0].startswith(f"{ISSUE}:{at}: warning: {finding}")


@pytest.mark.parametrize(
    "mjml",
    [
        '<mj-divider padding-left="3px" border-width="1px" css-class="a" />',
        '<mj-image src="https://a.example/p.png" alt="{{ 1 > 0 }}" border-radius="3px" />',
        "{# <mj-nothing what='x' /> #}",
        '<mj-raw><!--[if mso]><v:rect xmlns:v="urn:vml" /><![endif]--></mj-raw>',
        '<mj-button href="https://a.example/" mj-class="card">A &lt;mj-x y="z"&gt; b</mj-button>',
    ],
)
def test_mjml_that_has_an_effect_is_let_be(mjml: str, editor: Editor) -> None:
    editor.replace(ISSUE, '<mj-text><p class="name">', f'{mjml}<mj-text><p class="name">')

    assert [one for one in editor.findings() if "ompiler" in one] == []


@pytest.mark.parametrize(
    ("name", "old", "new", "finding"),
    [
        (
            INLINE,
            "p { margin: 0; }",
            "p { margin: 0; position: relative; }",
            "Gmail and Outlook do not show position",
        ),
        (
            INLINE,
            "p { margin: 0; }",
            "p { margin: 0; width: calc(1px + 2px); }",
            "Outlook and Yahoo do not show calc()",
        ),
        (
            INLINE,
            "p { margin: 0; }",
            "p { margin: 0; color: var(--x); }",
            "Gmail, Outlook and Yahoo do not show var()",
        ),
        (
            HEAD,
            "a { text",
            "p::before { color: red }\na { text",
            "Gmail, Outlook and Yahoo do not show ::before",
        ),
        (
            HEAD,
            "a { text",
            '@import "x.css";\na { text',
            "Gmail, Outlook and Yahoo do not show @import",
        ),
        (
            ISSUE,
            "<p>{{ greeting }}</p>",
            "<p>{{ greeting }}</p><form></form>",
            "Outlook for Windows and Yahoo do not show <form>",
        ),
        (
            ISSUE,
            "<p>{{ greeting }}</p>",
            '<p style="transform: none">{{ greeting }}</p>',
            "Gmail, Outlook and Yahoo do not show transform",
        ),
        (ARTICLE, "</h2>", "</h2><video></video>", "Gmail, Outlook and Yahoo do not show <video>"),
    ],
)
def test_what_widely_used_programs_do_not_show_is_warned_about(
    name: str, old: str, new: str, finding: str, editor: Editor
) -> None:
    editor.replace(name, old, new)

    found = [one for one in editor.findings() if " not show " in one]
    at = line(editor, name, new.partition("\n")[0])
    assert found == [f"{name}:{at}: warning: {finding}; the email must look right without it"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (INLINE, "p { margin: 0; }", "p { margin: 0; /* position: fixed */ border-radius: 3px; }"),
        (INLINE, "p { margin: 0; }", "p { margin: 0; }\np:first-child { margin: 1px; }"),
        (ISSUE, "<p>{{ greeting }}</p>", "<p>{{ greeting }}</p><!--[if mso]><input><![endif]-->"),
        (ISSUE, "<p>{{ greeting }}</p>", "<p>{{ greeting }} position: fixed</p>"),
    ],
)
def test_what_does_no_harm_or_is_gone_before_it_is_sent_is_let_be(
    name: str, old: str, new: str, editor: Editor
) -> None:
    editor.replace(name, old, new)

    assert editor.findings() == []


def test_an_email_has_one_title(editor: Editor) -> None:
    editor.replace(
        ISSUE, "<p>{{ greeting }}</p>", '<p>{{ greeting }}</p><h1 class="ink">Another</h1>'
    )

    [finding] = editor.findings()
    assert (
        "the email has 2 headings of the first level; let the templates write one <h1>" in finding
    )
