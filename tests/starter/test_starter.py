"""New newsletters and new issues: whole, sound, or not there at all."""

import errno
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest

from newsletter import starter
from newsletter.config import load_config
from newsletter.errors import IssueError, NewsletterError

ROOT = Path(__file__).parents[2]


def everything_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def files_in(folder: Path) -> set[str]:
    return {path for path in everything_in(folder) if (folder / path).is_file()}


def test_a_new_newsletter_has_all_it_needs_and_sound_settings(tmp_path: Path) -> None:
    starter.create_newsletter(tmp_path / "deep" / "news")

    news = tmp_path / "deep" / "news"
    assert {
        ".gitignore",
        "config.toml",
        "issues/taxonomy.toml",
        "issues/2022-11/issue.toml",
        "subscribers/example.csv",
        "templates",
    } <= everything_in(news)
    assert load_config(news / "config.toml", {}).paths.issues == news / "issues"
    assert everything_in(tmp_path / "deep") == {"news"} | {
        f"news/{path}" for path in everything_in(news)
    }


def test_an_installed_program_brings_the_same_newsletter_along(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    ZipFile(wheel).extractall(tmp_path / "installed")
    create = "from pathlib import Path; from newsletter import starter; "

    for folder, program in (("here", ROOT), ("there", tmp_path / "installed")):
        subprocess.run(
            [sys.executable, "-c", f"{create}starter.create_newsletter(Path({folder!r}))"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(program)},
            check=True,
        )

    assert files_in(tmp_path / "there") == files_in(tmp_path / "here")


def test_the_templates_are_the_bundled_ones(tmp_path: Path) -> None:
    starter.create_newsletter(tmp_path / "news")

    assert files_in(starter.templates_folder()) == files_in(tmp_path / "news" / "templates")


def test_an_empty_folder_is_filled_where_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino

    starter.create_newsletter(Path())

    assert (tmp_path / "config.toml").exists()
    assert Path.cwd().stat().st_ino == before
    assert not list(tmp_path.glob(".new*"))


def test_a_folder_that_holds_anything_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("words", "utf-8")

    with pytest.raises(NewsletterError, match=r"is not empty"):
        starter.create_newsletter(tmp_path)
    with pytest.raises(NewsletterError, match=r"thesis\.txt: is a file"):
        starter.create_newsletter(tmp_path / "thesis.txt")

    assert everything_in(tmp_path) == {"thesis.txt"}


@pytest.mark.parametrize("is_there", [False, True])
def test_a_newsletter_that_cannot_be_finished_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    def copy_on_a_full_disk(source: str, target: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shutil.copyfile", copy_on_a_full_disk)
    target = tmp_path / "news"
    if is_there:
        target.mkdir()

    with pytest.raises(OSError, match="No space left") as caught:
        starter.create_newsletter(target)

    assert caught.value.filename == str(target)
    assert everything_in(tmp_path) == ({"news"} if is_there else set())


def test_a_folder_that_cannot_be_made_is_named_as_it_was_given(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)  # so that every name that goes before it is too long
    with pytest.raises(OSError, match="too long") as caught:
        starter.create_newsletter(target)
    assert caught.value.filename == str(target)


def test_a_new_issue_is_a_draft_with_an_article_to_fill_in(tmp_path: Path) -> None:
    folder = starter.create_issue(tmp_path / "issues", "2026-12", "Practice implications")

    issue = tomllib.loads((folder / "issue.toml").read_text("utf-8"))
    _, matter, body = (folder / "01-first-article.md").read_text("utf-8").split("+++\n")
    assert issue == {"status": "draft", "subject": "", "preheader": ""}
    assert tomllib.loads(matter) == {"title": "", "topics": [], "research_type": "", "teaser": ""}
    assert body.strip() == "## Practice implications"


def test_every_hint_in_a_new_issue_is_sound_once_it_is_uncommented(tmp_path: Path) -> None:
    text = (starter.create_issue(tmp_path, "2026-12") / "issue.toml").read_text("utf-8")
    hints = [
        line.removeprefix("# ")
        for line in text.splitlines()
        if "=" in line or '"""' in line or "[[" in line or line == "# This month …"
    ]

    issue = tomllib.loads("\n".join(hints))

    assert issue["send_at"].isoformat() == "2026-12-15T09:00:00-05:00"
    assert set(issue["notices"][0]) == {"title", "body", "url"}


def test_an_issue_without_a_callout_has_no_heading(tmp_path: Path) -> None:
    article = starter.create_issue(tmp_path, "2026-12") / "01-first-article.md"

    assert "##" not in article.read_text("utf-8")


def test_an_existing_month_is_left_alone(tmp_path: Path) -> None:
    folder = starter.create_issue(tmp_path, "2026-12")
    (folder / "issue.toml").write_text("mine", "utf-8")

    with pytest.raises(IssueError, match="there is an issue of 2026-12 already"):
        starter.create_issue(tmp_path, "2026-12")

    assert (folder / "issue.toml").read_text("utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 1
