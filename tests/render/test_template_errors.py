"""A newsletter's own templates win, and a mistake in one is named with its file and line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.errors import RenderError
from newsletter.model.issue import Issue, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.render.renderer import CompiledIssue, Renderer
from newsletter.templates import Templates

BUNDLED = Path(__file__).parents[2] / "templates"
ANCHORS = {
    "email/issue.mjml": "{{ article.title }}",
    "email/article.mjml": "{{ article.title }}",
    "email/issue.txt": "{{ article.text }}",
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A newsletter's own templates, as yet none."""
    folder = tmp_path / "templates"
    (folder / "email").mkdir(parents=True)
    return folder


@pytest.fixture
def render(
    own: Path, newsletter: Newsletter, taxonomy: Taxonomy, issue: Issue
) -> Callable[[], CompiledIssue]:
    """Renders an issue with the newsletter's own templates before the bundled ones."""
    return lambda: Renderer(Templates([own, BUNDLED]), newsletter, taxonomy).compile(issue, "en")


def edit(own: Path, name: str, old: str, new: str) -> int:
    """Put an edited copy of a bundled template in place; gives the line of the edit."""
    text = (BUNDLED / name).read_text("utf-8")
    assert old in text
    (own / name).write_text(text.replace(old, new, 1), "utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize("name", ANCHORS)
@pytest.mark.parametrize(
    ("mistake", "what"),
    [
        ("{{ no_such_name }}", "'no_such_name' is undefined"),
        ("{{ article.titel }}", "has no attribute 'titel'"),
        ("{% if %}", "Expected an expression"),
        ("{% include 'email/none.mjml' %}", "there is no template email/none.mjml"),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ article.topics + 1 }}", "tuple"),
    ],
)
def test_a_mistake_is_named_with_its_template_and_line(
    own: Path, render: Callable[[], CompiledIssue], name: str, mistake: str, what: str
) -> None:
    line = edit(own, name, ANCHORS[name], mistake)
    with pytest.raises(RenderError, match=what) as caught:
        render()
    assert caught.value.where == f"templates/{name}:{line}"
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<p>\xe9</p>", "utf-8"),
        (b"<mjml><mj-body><p></mj-body></mjml>", "cannot be compiled"),
    ],
)
def test_a_template_that_is_not_utf8_or_not_mjml_is_refused(
    own: Path, render: Callable[[], CompiledIssue], content: bytes, what: str
) -> None:
    (own / "email/issue.mjml").write_bytes(content)
    with pytest.raises(RenderError, match=what) as caught:
        render()
    assert caught.value.where.startswith("templates/email/issue.mjml")


@pytest.mark.parametrize("content", [b"page = #f6f3ee", b"\xff"])
def test_a_palette_that_is_not_toml_is_refused(
    own: Path, render: Callable[[], CompiledIssue], content: bytes
) -> None:
    (own / "palette.toml").write_bytes(content)
    with pytest.raises(RenderError, match="not TOML") as caught:
        render()
    assert caught.value.where == "templates/palette.toml"


def test_a_colour_that_the_palette_lacks_is_named_where_it_is_used(
    own: Path, render: Callable[[], CompiledIssue]
) -> None:
    edit(own, "palette.toml", "callout =", "call_out =")
    with pytest.raises(RenderError, match="'callout'") as caught:
        render()
    assert caught.value.where.startswith("templates/email/")


def test_own_templates_and_colours_win(own: Path, render: Callable[[], CompiledIssue]) -> None:
    edit(own, "email/article.mjml", '{{ _("This article in the archive") }}', "Read it there")
    edit(own, "palette.toml", "#0b5d5e", "#123456")
    html = str(render().html)
    assert "Read it there" in html
    assert "#123456" in html
    assert "#0b5d5e" not in html
