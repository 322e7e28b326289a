"""What is said of a rendered variant before anybody gets it."""

from dataclasses import replace

import pytest

from newsletter.model.problem import Problem, Severity
from newsletter.model.variant import MergeField, OpenText, RenderedVariant, Variant
from newsletter.render.checks import check_rendered

LEAVE = (MergeField.UNSUBSCRIBE_URL, MergeField.PREFERENCES_URL)
SOUND = RenderedVariant(
    variant=Variant("en-all", "2022-11", "en", ("01-a",), ()),
    subject="A subject",
    html=OpenText(
        (
            "<p>",
            MergeField.GREETING,
            '</p><a title="',
            LEAVE[0],
            '">a</a><a title="',
            LEAVE[1],
            '">',
        )
    ),
    text=OpenText((MergeField.GREETING, "\n", *LEAVE)),
)


def check(*html: str | MergeField) -> list[Problem]:
    """The problems of the sound variant with this before its HTML."""
    variant = replace(SOUND, html=OpenText((*html, *SOUND.html.pieces)))
    return list(check_rendered(variant, "issues/2022-11/issue.toml"))


def test_the_bundled_issues_have_no_problem(rendered: RenderedVariant) -> None:
    assert list(check_rendered(rendered, "issue.toml")) == []


def test_what_gmail_would_clip_is_warned_about_counting_bytes() -> None:
    [problem] = check("é" * 51_000)
    assert problem.severity is Severity.WARNING
    assert str(problem).startswith("issues/2022-11/issue.toml:1: warning: the HTML of en-all is 10")
    assert check("é" * 50_500) == []
    assert check("é" * 50_500, *LEAVE, *LEAVE) != []


@pytest.mark.parametrize("field", LEAVE)
def test_a_template_that_forgets_a_link_is_an_error(field: MergeField) -> None:
    def without(text: OpenText) -> OpenText:
        return OpenText(tuple(piece for piece in text.pieces if piece != field))

    variant = replace(SOUND, html=without(SOUND.html), text=without(SOUND.text))
    assert list(check_rendered(variant, "issue.toml")) == [
        Problem("issue.toml", 1, f"the {part} of en-all has no {field.value}")
        for part in ("HTML", "text")
    ]


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://a.example/p.png">',
        "<img src='https://a.example/p.png' title='a > b'>",
        '<a href="#top">',
        '<a href="/2022-11/">',
        '<a href="plot.png">',
        '<a href="">',
        '<img alt="a" src="data:image/png;base64,AAAA">',
        '<a href="javascript:alert(1)">',
    ],
)
def test_a_picture_without_words_or_a_link_that_leads_nowhere_is_an_error(html: str) -> None:
    [problem] = check(html)
    assert problem.severity is Severity.ERROR
    assert problem.message.endswith("in the HTML of en-all")


@pytest.mark.parametrize(
    "html",
    [
        '<img src="https://a.example/p.png" title="a > b" alt="">',
        '<a href="HTTPS://a.example">',
        '<a href="mailto:a@b.example">',
        "<p>&lt;a href=&quot;#top&quot;&gt;</p>",
    ],
)
def test_what_works_in_an_email_is_no_problem(html: str) -> None:
    assert check(html) == []
