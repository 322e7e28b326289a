"""Checks of what an editor writes: each finding has the line to mend, and says how."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.starter import create_issue

from .conftest import ARTICLE, MONTH, Editor

NOTE = "note"


def test_a_sound_issue_has_no_finding_but_its_reading_time(editor: Editor) -> None:
    assert editor.findings() == []
    [note] = [one for one in editor.findings(NOTE) if not one.startswith("templates/")]
    assert note == "issue.toml:1: note: the whole issue takes about 1 minute to read (23 words)"


@pytest.mark.parametrize(
    ("key", "text", "finding"),
    [
        ("subject", "s" * 71, "2: warning: subject has 71 characters; inboxes cut it after"),
        ("subject", "s" * 51, "2: note: subject has 51 characters; phones cut it after about 50"),
        ("subject", "s" * 50, None),
        ("preheader", "p" * 141, "3: warning: preheader has 141 characters; inboxes cut it"),
        ("preheader", "p" * 91, "3: note: preheader has 91 characters; phones cut it after"),
        ("preheader", "p" * 90, None),
        ("preheader", "p" * 40, None),
        ("preheader", "p" * 39, "3: note: preheader has only 39 characters"),
        ("preheader", "When the alliance is the treatment", "3: warning: preheader repeats"),
        ("preheader", "when the alliance is the treatment!", "3: warning: preheader repeats"),
        ("preheader", "When the aliance is the treatment.", "3: warning: preheader repeats"),
    ],
)
def test_the_inbox_line_is_measured(
    key: str, text: str, finding: str | None, editor: Editor
) -> None:
    old = {"subject": "When the alliance is the treatment", "preheader": "What the subject leaves"}
    line = next(one for one in editor.path("issue.toml").read_text().split("\n") if old[key] in one)
    editor.replace("issue.toml", line, f'{key} = "{text}"')

    found = [
        f
        for f in editor.findings("warning", NOTE)
        if f.startswith(("issue.toml:2", "issue.toml:3"))
    ]
    assert any(one.startswith(f"issue.toml:{finding}") for one in found) if finding else not found


def test_subject_and_preheader_are_also_measured_together(editor: Editor) -> None:
    editor.replace("issue.toml", "When the alliance is the treatment", "s" * 70)
    editor.replace("issue.toml", "What the subject leaves out", "p" * 60)

    assert any("have 164 characters together" in one for one in editor.findings(NOTE))


@pytest.mark.parametrize(
    "words",
    [
        "More TK here.",
        "TODO: say why.",
        "XXX",
        "Lorem ipsum dolor.",
        "See [title] below.",
        "By [nom], in 2020.",
        "À FAIRE",
        "Le reste est à compléter.",
    ],
)
def test_words_that_hold_a_place_are_found_on_their_line(words: str, editor: Editor) -> None:
    editor.write("a.md", ARTICLE.replace("What to do.", f"What to do.\n\n{words}"))

    [finding] = editor.findings()
    assert finding.startswith("a.md:16: warning: '")
    assert "is left over; write what it stands for" in finding


@pytest.mark.parametrize(
    "field", ["{{ first_name }}", "*|FNAME|*", "%FIRSTNAME%", "<<First Name>>", "[[name]]"]
)
def test_merge_fields_of_other_programs_are_found(field: str, editor: Editor) -> None:
    editor.replace("a.md", "The body", f"Dear {field}, the body")

    message = f"a.md:10: warning: '{field}' is not filled in here; readers would see it so; take"
    assert any(one.startswith(message) for one in editor.findings())


@pytest.mark.parametrize(
    "words",
    [
        "The TKI inventory, a to-do list and 100% of XX chromosomes.",
        "[Author](https://a.example/author) and [name][x].\n\n[x]: https://a.example/x",
        "A todo that nobody minds; $5 {a} < b and c > 10 % of it.",
        "Insert the key. The text follows.",
    ],
)
def test_what_only_looks_like_a_placeholder_is_none(words: str, editor: Editor) -> None:
    editor.replace("a.md", "The body", f"{words}\n\nThe body")

    assert editor.findings() == []


@pytest.mark.parametrize(
    ("name", "old", "new", "line"),
    [
        ("issue.toml", "When the alliance", "TK the alliance", "issue.toml:2"),
        ("issue.toml", "What the subject", "TODO the subject", "issue.toml:3"),
        ("issue.toml", "A workshop", "TBD A workshop", "issue.toml:9"),
        ("issue.toml", "Come and see", "XXX Come and see", "issue.toml:10"),
        ("issue.toml", "carries a treatment", "carries TK", "issue.toml:5"),
        ("a.md", "The alliance: how", "TK: how", "a.md:2"),
        ("a.md", "For some patients", "TODO", "a.md:5"),
        ("a.md", "A title.", "[title].", "a.md:6"),
    ],
)
def test_every_text_that_readers_see_is_looked_at(
    name: str, old: str, new: str, line: str, editor: Editor
) -> None:
    editor.replace(name, old, new)

    [finding] = editor.findings()
    assert finding.startswith(f"{line}: warning: ")


def test_what_the_command_new_wrote_is_to_be_replaced(editor: Editor) -> None:
    folder = create_issue(editor.root / "issues", "2023-01", "Practice implications")
    article = ARTICLE.replace("The body", "Another body")
    (folder / "01-first-article.md").write_text(article)
    toml = (folder / "issue.toml").read_text()
    toml = toml.replace('subject = ""', 'subject = "A subject"')
    toml = toml.replace('preheader = ""', 'preheader = "A line that is long enough to be read"')
    toml = toml.replace('# intro = """\n# This month …\n# """', 'intro = """\nThis month …\n"""')
    (folder / "issue.toml").write_text(toml)

    found = [str(one).removeprefix("issues/2023-01/") for one in editor.desk.check("2023-01")]
    assert any("warning: the intro is only begun; finish it or take it out" in one for one in found)
    assert any(one.startswith("01-first-article.md:1: note: the file still has") for one in found)


@pytest.mark.parametrize(
    ("headings", "finding"),
    [
        ("## One\n\nText.\n\n### Two\n\nText.", None),
        ("### One\n\nText.", "10: warning: '### One' leaves out a level; write ##"),
        ("## One\n\nText.\n\n#### Two\n\nText.", "14: warning: '#### Two' leaves out a level"),
        ("# One\n\nText.", "10: warning: '# One' stands as high as the issue's title; write ##"),
        ("##\n\nText.", "10: warning: a heading without words"),
    ],
)
def test_headings_keep_their_order(headings: str, finding: str | None, editor: Editor) -> None:
    editor.replace("a.md", "The body", f"{headings}\n\nThe body")

    found = editor.findings()
    assert found == [] if finding is None else found[0].startswith(f"a.md:{finding}")


@pytest.mark.parametrize(
    ("citation", "finding"),
    [
        ("Author, A. (2022, September). A title.", None),
        ("Author, A. (in press). A title.", None),
        ("Autrice, A. (s. d.). Un titre.", None),
        ("Autrice, A. (sous presse). Un titre.", None),
        ("Author, A. (2023). A title.", None),
        ("Author, A. A title.", "the citation has no year in brackets; write (2022), or"),
        ("Author, A. (2202). A title.", "the citation's year 2202 is not one that 2022-12 can"),
        ("Author, A. (1022). A title.", "the citation's year 1022 is not one that 2022-12 can"),
        ("Author, A. (2022). The 5* hotel, the 4* one. A_b_c, 1.", None),
        ("Author, A. (2022). *A Journal*, 1, 2-3.", "the citation is plain text: readers see *A J"),
        ("Author, A. (2022). _A Journal_, 1, 2-3.", "the citation is plain text: readers see _A J"),
        ("Author, A. (2022). <i>A Journal</i>, 1.", "the citation is plain text: readers see <i>"),
        ("A. (2022). https://doi.org/10.1002/other", "the citation names the DOI 10.1002/other"),
        ("A. (2022). doi:10.1002/abc.2094.", "the citation names the DOI 10.1002/abc.2094, the"),
    ],
)
def test_a_citation_has_a_plausible_year_no_marks_and_the_same_doi(
    citation: str, finding: str | None, editor: Editor
) -> None:
    editor.replace("a.md", "Author, A. (2022). A title. A Journal, 1, 2-3.", citation)

    found = editor.findings()
    assert found == [] if finding is None else found[0].startswith(f"a.md:6: warning: {finding}")


@pytest.mark.parametrize(
    ("citation", "note"),
    [
        ("A. (2022). A title. https://doi.org/10.1002/ABC.20941", "the citation repeats the doi"),
        ("A. (2022). A title. https://doi.org/10.1002/abc.20941.", "the citation repeats the doi"),
    ],
)
def test_a_doi_given_twice_is_noted(citation: str, note: str, editor: Editor) -> None:
    editor.replace("a.md", "Author, A. (2022). A title. A Journal, 1, 2-3.", citation)

    assert editor.findings() == []
    assert any(one.startswith(f"a.md:6: note: {note}") for one in editor.findings(NOTE))


def test_an_article_without_a_source_or_its_doi_key_is_noted(editor: Editor) -> None:
    editor.replace("a.md", 'doi = "10.1002/abc.20941"\n', "")
    editor.replace("a.md", "2-3.", "2-3. https://doi.org/10.1002/abc.20941")
    [note] = [one for one in editor.findings(NOTE) if one.startswith("a.md")]
    assert note.endswith(
        'the citation holds the DOI; give it a key of its own: doi = "10.1002/abc.20941"'
    )

    editor.replace("a.md", 'citation = "', '# citation = "')
    [note] = [one for one in editor.findings(NOTE) if one.startswith("a.md")]
    assert note == "a.md:1: note: the article names no source; give its citation or doi"


@pytest.mark.parametrize(
    ("href", "kind", "finding"),
    [
        ("https://doi.org/10.1002/other.1", NOTE, None),
        (
            "https://dx.doi.org/10.1002/x",
            "warning",
            "an old form of DOI link; write https://doi.org/10.1002/x",
        ),
        ("https://doi.org/wps.20941", "warning", "holds no DOI; write it like"),
        (
            "https://doi.org/10.1002/abc.20914",
            NOTE,
            "is nearly the article's own, 10.1002/abc.20941",
        ),
        ("https://doi.org/10.1002/ABC.20941", NOTE, None),
    ],
)
def test_doi_links_have_their_form(
    href: str, kind: str, finding: str | None, editor: Editor
) -> None:
    editor.replace("a.md", "The body", f"See [another paper]({href}). The body")

    found = [one for one in editor.findings(kind) if one.startswith("a.md:10")]
    assert not found if finding is None else finding in found[0]


def test_a_long_article_is_noted_and_french_is_read_more_slowly(editor: Editor) -> None:
    editor.replace("a.md", "The body", "word " * 1320 + "The body")
    assert any(
        one.startswith("a.md:9: note: the article takes about 6 minutes")
        for one in editor.findings(NOTE)
    )

    editor.replace("./config.toml", 'language = "en-CA"', 'language = "fr-CA"')
    assert any(
        "issue takes about 6 minutes to read (1,343 words)" in one for one in editor.findings(NOTE)
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    return Editor(Path(tmp_path_factory.mktemp("shared")) / "news")


PIECES = [
    "[",
    "](",
    ")",
    "![",
    "https://",
    "a.example",
    "{{",
    "}}",
    "TK",
    "#",
    "\n",
    "\n\n",
    "<",
    "%",
]


@given(text=st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=30).map("".join))
@settings(max_examples=25)
def test_whatever_is_written_has_findings_on_lines_that_are_there(
    text: str, shared: Editor
) -> None:
    content = ARTICLE.replace("The body", f"The body {text}", 1)
    shared.write("a.md", content.encode("utf-8", "replace"))

    lines = content.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1
    for problem in shared.desk.check(MONTH):
        if problem.path.endswith("a.md"):
            assert 1 <= problem.line <= lines, problem
