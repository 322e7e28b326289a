"""Checks of the variants: how large they are, and who gets them."""

import pytest

from newsletter.checks.size import GMAIL_CLIPS_AT, NEAR
from newsletter.model.variant import MergeField

from .conftest import ARTICLE, MONTH, Editor

B = ARTICLE.replace('["alliance"]', '["trauma"]').replace("how does it work", "what is it")
LONGEST = 200  # characters of a personal link


def size(editor: Editor) -> int:
    """The bytes of the whole issue in French, the larger one, for whom has the longest links."""
    desk = editor.desk
    issue = desk.read(MONTH)
    whole = desk.render(desk.compile(issue), desk.whole(issue))
    return len(whole.html.filled(dict.fromkeys(MergeField, LONGEST * "x")).encode())


def grow(editor: Editor, wanted: int) -> None:
    """Make the whole issue `wanted` bytes by a word of the second article."""
    editor.replace("b.md", "What to do.", "What to do. e")
    missing = wanted - size(editor)
    editor.replace("b.md", "to do. e", f"to do. {'é' * (missing // 2)}{'e' * (missing % 2 + 1)}")
    assert size(editor) == wanted


@pytest.fixture
def two(editor: Editor) -> Editor:
    """An editor whose issue has a second article, on trauma."""
    editor.write("b.md", B)
    return editor


def about_size(editor: Editor, *kinds: str) -> list[str]:
    return [one for one in editor.findings(*kinds) if "the HTML of" in one]


def test_what_gmail_would_clip_is_warned_about_counting_bytes(two: Editor) -> None:
    grow(two, GMAIL_CLIPS_AT)
    assert not [one for one in about_size(two, "warning") if "en-all is" in one]

    two.replace("b.md", "to do. ", "to do. e")
    [finding] = about_size(two, "warning")
    assert finding.startswith("issue.toml:1: warning: the HTML of fr-all is 10")
    assert "(and of en-all 102,001); Gmail will clip it at 102,000" in finding
    assert finding.partition("; shorten an article; ")[2].startswith("b.md, ")


def test_what_comes_near_is_noted(two: Editor) -> None:
    grow(two, NEAR - 2000)
    assert about_size(two, "note") == []

    two.replace("b.md", "to do. ", f"to do. {2001 * 'e'}")
    [finding] = about_size(two, "note")
    assert "the HTML of fr-all is 90," in finding
    assert "near 102,000; shorten an article; b.md, " in finding


def test_the_plan_says_how_many_readers_are_concerned(two: Editor) -> None:
    grow(two, GMAIL_CLIPS_AT + 1)
    plan = two.plan((), ("trauma",), ("alliance",), ("alliance",))

    [finding] = [one for one in two.findings(plan=plan) if "the HTML of" in one]
    assert "for 1 of 4 readers; Gmail will clip it" in finding


def test_an_article_that_nobody_would_get_in_full_is_warned_about(two: Editor) -> None:
    plan = two.plan(("alliance",), ("alliance", "cbt"), ("cbt",))

    assert two.findings(plan=plan) == [
        (
            "b.md:3: warning: nobody would get this article in full: no reader chose "
            "'Trauma and/or PTSD'; add a topic that readers chose, or everyone = true"
        )
    ]
    assert two.findings() == []


@pytest.mark.parametrize("choice", [(), ("trauma",), ("trauma", "cbt")])
def test_one_reader_is_enough(choice: tuple[str, ...], two: Editor) -> None:
    assert two.findings(plan=two.plan(("alliance",), choice)) == []


def test_a_list_without_readers_says_nothing_of_who_gets_what(two: Editor) -> None:
    assert two.findings("warning", "note", plan=two.plan()) == two.findings("warning", "note")


def test_variants_that_nobody_gets_are_noted_by_the_choice_that_makes_them(two: Editor) -> None:
    plan = two.plan(("alliance",), ("trauma", "alliance"), language="fr")

    [note] = [one for one in two.findings("note", plan=plan) if "nobody gets" in one]
    assert note == ("issue.toml:1: note: nobody gets fr-2 (trauma); no need to look these over")
