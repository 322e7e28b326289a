"""`newsletter init` and `newsletter new` as somebody uses them who has never seen them."""

from pathlib import Path

import pytest

from newsletter.cli.main import main


@pytest.fixture(autouse=True)
def _somewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_first_two_commands_lead_to_an_issue(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "news"]) == 0
    assert "config.toml" in capsys.readouterr().out

    assert main(["new", "2026-12", "--config", "news/config.toml"]) == 0
    assert "newsletter check 2026-12" in capsys.readouterr().out
    assert "## Practice implications" in Path("news/issues/2026-12/01-first-article.md").read_text(
        "utf-8"
    )


def test_outside_a_newsletters_folder_new_says_how_to_begin(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["new", "2026-12"]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("config.toml: there is no such file")


def test_an_existing_month_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", "news"])

    assert main(["new", "2022-11", "--config", "news/config.toml"]) == 1
    assert "2022-11: there is an issue of 2022-11 already" in capsys.readouterr().err


def test_a_folder_in_use_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", "news"])
    capsys.readouterr()

    assert main(["init", "news"]) == 1
    assert capsys.readouterr().err == "news: is not empty; name another folder\n"
