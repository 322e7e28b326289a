"""What cannot be imported is said in one line with its place, and nothing is written of it."""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.backfile.importing import Newsroom, PastImport, Wishes
from newsletter.errors import NewsletterError

from . import made_up
from .conftest import RULES, TAXONOMY, Import, put, read_back

ENTITIES = '<?xml version="1.0"?><!-- x --><!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
SUBSTACK = made_up.substack()

REFUSED = {
    "nothing": (" \n", "export: the file is empty"),
    "no months": ("A page\nwithout any.\n", "no month stands in it"),
    "no text": (b"\0" * 99, "export: it is no text"),
    "no encoding": (b"\x81\x8d", "export:1: byte 0x81 is neither UTF-8 nor Windows-1252"),
    "damaged UTF-8": ("é\né\né\n".encode() + b"\xff", "export:4: byte 0xff is not UTF-8"),
    "a PDF": (b"%PDF-1.7", "this is a PDF; save the page it came from as HTML or text"),
    "a Word document": (
        made_up.zipped({"[Content_Types].xml": ""}),
        "this is an Office document; save it as a web page (HTML)",
    ),
    "a cut ZIP": (SUBSTACK[:-60], "export: this ZIP is cut off or damaged"),
    "a ZIP of other things": (made_up.zipped({"a.bin": "1"}), "nothing in it can be imported"),
    "cut XML": (made_up.wordpress()[:1400], "this XML is cut off or damaged"),
    "cut JSON": (made_up.ghost()[:700], "export:1: this JSON is cut off or damaged"),
    "other JSON": ('{"a": 1}', "it is of no known kind; expected is a page's text"),
    "endless JSON": ('{"a":' * 100_000, "export: this JSON cannot be read"),
    "entities": (f"{ENTITIES}<rss>&b;</rss>", "export: it defines entities of its own"),
    "depth without end": (
        f"<html><h2>May 2013</h2>{'<div>' * 300}",
        "its HTML is nested more than 256 elements deep",
    ),
}


SOURCES = [
    source if isinstance(source, bytes) else source.encode()
    for source in (
        made_up.page_text(),
        made_up.page_html(),
        made_up.wordpress(),
        made_up.atom(),
        SUBSTACK,
        made_up.ghost(),
        made_up.zipped(made_up.markdown_files()),
    )
]
NOISE = [
    *(b"<", b">", b'"', b"\0", b"\xff", b"&#2;", b"&#0;", b"\\ud800", b"\\u0007", b"null", b"{"),
    *(b"<!--", b"]]>", b"<table><tr><td>", b"<h2>", b"<svg>", b"<ol start=99999999>", b"<b>"),
    *(b"<img src='http://['>", b"<a href='http://[x'>x</a>", b"\xe2\x80\xa8", b"x" * 300),
    *(b"---\n", b"+++", b"\nApril 2013\n", b"Practice implications", b"\n\n", b"<sup>2</sup>"),
]


@given(
    st.sampled_from(SOURCES),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from([b"", *NOISE])),
        min_size=1,
        max_size=6,
    ),
)
def test_whatever_was_done_to_a_source_ends_in_a_report_or_in_one_line(
    source: bytes, damage: list[tuple[float, int, bytes]]
) -> None:
    for where, lost, noise in damage:
        at = int(where * len(source))
        source = source[:at] + noise + source[at + lost :]
    with TemporaryDirectory() as folder:
        issues = Path(folder, "issues")
        issues.mkdir()
        newsroom = Newsroom(issues, TAXONOMY, RULES, "en", ZoneInfo("UTC"))
        refusal = ""
        try:
            archive = PastImport(put(source, Path(folder)), newsroom)
            list(archive.run(Wishes(accept_proposals=True, is_rehearsal=False)))
        except NewsletterError as error:
            refusal = str(error)
    assert "\n" not in refusal


@pytest.mark.parametrize(("content", "line"), REFUSED.values(), ids=REFUSED)
def test_a_source_that_cannot_be_read_is_refused_in_one_line(
    newsroom: Newsroom, tmp_path: Path, content: str | bytes, line: str
) -> None:
    with pytest.raises(NewsletterError) as refused:
        PastImport(put(content, tmp_path), newsroom)

    assert line in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(newsroom.issues.iterdir())


def test_a_file_of_200_megabytes_is_refused(newsroom: Newsroom, tmp_path: Path) -> None:
    with (tmp_path / "export").open("wb") as file:
        file.truncate(200_000_000)

    with pytest.raises(NewsletterError, match="it has more than 100 MB; bring it in parts"):
        PastImport(tmp_path / "export", newsroom)


def test_a_zip_that_unpacks_without_end_is_read_within_bounds(
    newsroom: Newsroom, tmp_path: Path
) -> None:
    bomb = BytesIO()
    with ZipFile(bomb, "w", ZIP_DEFLATED) as archive:
        archive.writestr("2013-04-01-bomb.md", b"a " * 20_000_000)

    [left] = PastImport(put(bomb.getvalue(), tmp_path), newsroom).archive.left_out

    assert (left.why, left.is_amiss) == ("it has more than 2 MB; bring it in parts", True)


def test_names_that_lead_out_of_a_zip_lead_nowhere(newsroom: Newsroom, bring: Import) -> None:
    secret = newsroom.issues.parent / "secret.png"
    secret.write_bytes(made_up.picture())
    names = ("../../2013-04-01-up.md", "/2013-04-02-root.md")

    bring(made_up.zipped(dict.fromkeys(names, "# Title\n\nText. ![p](../../secret.png)\n")))

    assert sorted(path.name for path in newsroom.issues.parent.iterdir()) == [
        "export",
        "issues",
        "secret.png",
    ]
    assert not list(newsroom.issues.rglob("*.png"))


def test_of_a_damaged_export_everything_else_is_taken(newsroom: Newsroom, bring: Import) -> None:
    damaged = SUBSTACK.replace(b"Drop-out from group", b"Drop-off from group", 1)

    april, may = bring(damaged)

    assert len(april.taken) == 2
    assert may.left_out[0].why == "the file is damaged in the ZIP"
    assert not (newsroom.issues / "2013-05").exists()


@pytest.mark.parametrize(
    ("front", "why"),
    [
        ("title: [a", "its front matter is no YAML"),
        ("title: !!python/object:os.system x", "its front matter is no YAML"),
        (f"title: {'1' * 6000}", "its front matter cannot be read"),
        ("a: &a [x, x]\nb: &b [*a, *a]\ntags: [*b, *b]", "it has no text"),
    ],
)
def test_front_matter_that_cannot_be_read_leaves_out_its_file_alone(
    bring: Import, front: str, why: str
) -> None:
    files = {"2013-04-01-a.md": f"---\n{front}\n---\n", "2013-05-01-b.md": "Sound."}

    reports = bring(files)

    assert [report.month for report in reports if report.taken] == ["2013-05"]
    left = [left.why for report in reports for left in report.left_out]
    assert not left or why in left[0]


def test_windows_letters_are_read_and_told_of(newsroom: Newsroom, tmp_path: Path) -> None:
    page = made_up.page_text().replace("Half of them", "Half of them – “naïve” –")  # noqa: RUF001

    archive = PastImport(put(page.encode("cp1252"), tmp_path), newsroom).archive

    assert archive.notes == ("it is not UTF-8 and was read as Windows-1252; look at its accents",)


def test_hostile_letters_stay_letters(newsroom: Newsroom, bring: Import) -> None:
    title = 'A "title" \\ </title> ]]> +++ \u2028 {{ name }} <script>alert(1)</script>'
    text = ("+++", "<script>alert(1)</script>", "[x]: http://x.example", '"""', "{% raw %}")
    post = made_up.Post(title, "2013-04-09", text, ("x",))

    [report] = bring(made_up.ghost((post,)), accept=True)

    assert report.taken[0].article.title.startswith('A "title" \\ </title> ]]> +++')
    folder = newsroom.issues / "2013-04"
    path = folder / f"{report.taken[0].stem}.md"
    path.write_text(
        path.read_text("utf-8").replace("topics = []", 'topics = ["alliance"]'), "utf-8"
    )
    issue = folder / "issue.toml"
    issue.write_text(issue.read_text("utf-8").replace('"draft"', '"past"', 1), "utf-8")
    [article] = read_back(newsroom, "2013-04").articles
    assert "<script>" not in article.body.markdown.replace("\\<script>", "")
