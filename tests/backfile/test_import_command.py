"""`newsletter archive import` as an editor meets it, from the dry run to the public page."""

import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep

import pytest

from newsletter.cli.main import main

from . import made_up

PATIENCE_SECONDS = 120
TAXONOMY = """\
[topics]
alliance = "Alliance and Therapeutic Relationship"
groups = "Group Psychotherapy"
waiting = "Waiting"

[research_types]
meta-analysis = "Meta-analysis"
qualitative-study = "Qualitative study"
survey = "Survey"
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A newsletter without an issue, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "news"]) == 0
    home = tmp_path / "news"
    monkeypatch.chdir(home)
    for month in ("2022-10", "2022-11"):
        for path in (home / "issues" / month).iterdir():
            path.unlink()
        (home / "issues" / month).rmdir()
    (home / "issues" / "taxonomy.toml").write_text(TAXONOMY, "utf-8")
    (home / "page.txt").write_text(made_up.page_text(), "utf-8")
    return home


@pytest.fixture
def run(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main(words)
        out, err = capsys.readouterr()
        return status, out, err

    return run


def state(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_every_item_has_its_line_in_the_report(run: Run) -> None:
    status, out, err = run("archive", "import", "page.txt")

    assert (status, err) == (0, "")
    assert (
        out
        == """\
This is a page's text.

2013-04  What clients say about waiting  107 words, cited, doi 10.5555/jir.2012.045; \
topics proposed: waiting; type: survey
2013-04  Does silence help the alliance?  68 words, cited; \
topics proposed: alliance; type: meta-analysis
2013-05  Why people leave groups  75 words, no citation; \
topics proposed: groups; type: qualitative-study

Left out: above the first month 'Digest': 4 blocks that belong to no month

3 articles in 2 months: 0 past, 2 drafts.
Subjects and preheaders are made from the titles, as the source has none.
newsletter check 2013-04   lists what a draft still lacks;
then set its status to "past", and it is in the archive
"""
    )


def test_a_dry_run_tells_the_same_and_writes_nothing(run: Run, home: Path) -> None:
    before = state(home / "issues")

    _, rehearsed, _ = run("archive", "import", "page.txt", "--dry-run")

    assert state(home / "issues") == before
    assert "Nothing was written: this was a dry run." in rehearsed
    _, out, _ = run("archive", "import", "page.txt")
    assert rehearsed.splitlines()[:7] == out.splitlines()[:7]


def test_run_again_it_changes_nothing_and_says_so(run: Run, home: Path) -> None:
    run("archive", "import", "page.txt")
    before = state(home / "issues")

    status, out, _ = run("archive", "import", "page.txt", "--accept-proposals")

    assert (status, state(home / "issues")) == (0, before)
    assert "There already, and left alone: 2013-04 to 2013-05." in out
    assert "Nothing new was found in it." in out


def test_a_month_of_the_editors_own_is_left_alone(run: Run, home: Path) -> None:
    run("new", "2013-04")
    before = state(home / "issues" / "2013-04")

    status, out, _ = run("archive", "import", "page.txt")

    assert (status, state(home / "issues" / "2013-04")) == (0, before)
    assert "There already, and left alone: 2013-04." in out
    assert "2013-04 has no article 'Does silence help the alliance?'; the source has one." in out
    assert (home / "issues" / "2013-05" / "issue.toml").is_file()


def test_with_everything_told_a_month_is_in_the_archive(run: Run, home: Path) -> None:
    _, out, _ = run("archive", "import", "page.txt", "--accept-proposals")
    assert "3 articles in 2 months: 2 past, 0 drafts." in out

    assert run("check") == (0, "2013-04, 2013-05: sound.\n", "")
    assert run("archive", "build")[0] == 0
    page = home / "archive" / "2013-04" / "01-what-clients-say-about-waiting" / "index.html"
    assert "Costs were &lt; 5 dollars a call. Numbers like 3*4*5" in page.read_text("utf-8")


def test_check_leads_a_draft_to_the_archive(run: Run, home: Path) -> None:
    run("archive", "import", "page.txt")

    status, _, err = run("check", "2013-05")

    assert status == 1
    [path] = (home / "issues" / "2013-05").glob("*.md")
    name = f"issues/2013-05/{path.name}"
    assert err.splitlines() == [f"{name}:2: research_type is missing", f"{name}:3: topics is empty"]
    text = path.read_text("utf-8")
    path.write_text(
        text.replace("topics = []    # proposed: ", "topics = ").replace("# research", "research"),
        "utf-8",
    )
    issue = home / "issues" / "2013-05" / "issue.toml"
    issue.write_text(issue.read_text("utf-8").replace('"draft"', '"past"', 1), "utf-8")
    assert run("check", "2013-05") == (0, "2013-05: sound.\n", "")


def test_an_item_that_could_not_be_taken_is_told_and_ends_with_1(run: Run, home: Path) -> None:
    posts = home / "posts"
    posts.mkdir()
    (posts / "2013-04-09-a.md").write_text("---\ntitle: T\n---\nText.\n", "utf-8")
    (posts / "undated.md").write_text("Text.\n", "utf-8")

    status, out, err = run("archive", "import", "posts")

    assert status == 1
    assert "1 article in 1 month: 0 past, 1 draft." in out
    assert err.splitlines() == [
        "Left out: undated.md: neither its front matter nor its name has a date that can be read",
        "1 item was not taken; the reasons stand above",
    ]


@pytest.mark.parametrize("name", ["nowhere.xml", "config.toml"])
def test_what_is_no_archive_is_refused_in_a_line(run: Run, name: str) -> None:
    status, out, err = run("archive", "import", name)

    assert (status, out) == (1, "")
    assert err.startswith(f"{name}: ")
    assert len(err.splitlines()) == 1


def test_a_killed_import_leaves_whole_months_and_goes_on(run: Run, home: Path) -> None:
    posts = tuple(
        replace(post, date=f"{year}-{month:02}-09", title=f"{post.title} {number}")
        for year in range(2011, 2019)
        for month in range(1, 13)
        for number, post in enumerate(made_up.POSTS)
    )
    (home / "old.xml").write_text(made_up.wordpress(posts), "utf-8")
    newsletter = Path(sys.executable).with_name("newsletter")
    command = [str(newsletter), "archive", "import", "old.xml"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
        started_at = monotonic()
        while not (home / "issues" / "2011-02").exists() and killed.poll() is None:
            assert monotonic() < started_at + PATIENCE_SECONDS
            sleep(0.01)
        killed.send_signal(signal.SIGKILL)

    for folder in (home / "issues").glob("2*"):
        assert len(list(folder.glob("*.md"))) == 3
        assert tomllib.loads((folder / "issue.toml").read_text("utf-8"))["status"] == "draft"
    assert run("archive", "import", "old.xml")[0] == 0
    folders = [path.name for path in (home / "issues").iterdir() if path.is_dir()]
    assert len(folders) == 96
    assert not [name for name in folders if name.startswith(".")]
