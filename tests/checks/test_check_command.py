"""The commands that show what the checks find."""

import json
from io import StringIO

import pytest

from newsletter.cli.main import main

from .conftest import Editor


def test_the_command_shows_warnings_and_on_request_notes(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(editor.root)
    editor.replace("a.md", "The body", "TK The body")

    assert main(["check", "2022-12"]) == 0
    out, err = capsys.readouterr()
    assert out == "2022-12: sound, with 1 warning.\n"
    assert err == ("issues/2022-12/a.md:10: warning: 'TK' is left over; write what it stands for\n")

    assert main(["check", "2022-12", "--verbose"]) == 0
    assert "issue.toml:1: note: the whole issue takes about" in capsys.readouterr().err


def test_the_document_has_the_way_to_mend_it(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(editor.root)
    editor.replace("a.md", "The body", "TK The body")

    assert main(["check", "2022-12", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == [
        {
            "path": "issues/2022-12/a.md",
            "line": 10,
            "severity": "warning",
            "message": "'TK' is left over",
            "remedy": "write what it stands for",
        }
    ]


def test_who_would_get_what_is_checked_of_an_issue_that_may_yet_be_sent(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(editor.root)
    (editor.root / "readers.csv").write_text("email,topics\nreader@list.example,trauma\n")
    assert main(["subscribers", "import", "readers.csv"]) == 0
    capsys.readouterr()

    assert main(["check", "2022-12"]) == 0
    assert "a.md:3: warning: nobody would get this article in full" in capsys.readouterr().err

    editor.replace("issue.toml", 'status = "ready"', 'status = "past"')
    assert main(["check", "2022-12"]) == 0
    assert capsys.readouterr().err == ""


def test_without_a_database_all_else_is_checked(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(editor.root)
    (editor.root / "var").mkdir(exist_ok=True)
    (editor.root / "var/newsletter.db").write_bytes(b"no database at all" * 100)
    editor.replace("a.md", "The body", "TK The body")

    assert main(["check", "2022-12", "--verbose"]) == 0
    err = capsys.readouterr().err
    assert "note: who would get 2022-12 was not looked at: this file is not a database" in err
    assert "'TK' is left over" in err


def test_problems_of_the_settings_hide_none_of_the_files(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(editor.root)
    config = editor.root / "config.toml"
    config.write_text(config.read_text("utf-8").replace("timezone = ", "timezome = "), "utf-8")
    editor.replace("a.md", "teaser = ", "taeser = ")

    assert main(["check", "--json"]) == 1
    found = [
        (one["path"], one["message"]) for one in json.loads(capsys.readouterr().out)["problems"]
    ]
    assert ("config.toml", "unknown key 'timezome'; did you mean 'timezone'?") in found
    assert ("issues/2022-12/a.md", "unknown key 'taeser'; did you mean 'teaser'?") in found


def test_links_are_visited_on_request_alone(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(editor.root)
    editor.replace("issue.toml", "https://workshop.example/may", "https://127.0.0.1:9/")
    editor.replace("a.md", "https://doi.org/10.1002/abc.20941", "https://127.0.0.1:9/")
    editor.replace("a.md", 'doi = "10.1002/abc.20941"', "")

    assert main(["check", "2022-12"]) == 0
    assert "it was not asked" not in capsys.readouterr().err

    assert main(["check", "2022-12", "--links"]) == 0
    assert capsys.readouterr().err.count("127.0.0.1 is at 127.0.0.1, in a closed network") == 2


def test_before_a_send_it_is_said_who_would_get_nothing_in_full(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(editor.root)
    monkeypatch.setattr("sys.stdin", StringIO())
    (editor.root / "readers.csv").write_text("email,topics\nreader@list.example,trauma\n")
    assert main(["subscribers", "import", "readers.csv"]) == 0
    capsys.readouterr()

    assert main(["send", "2022-12"]) == 1
    first, *_ = capsys.readouterr().err.splitlines()
    assert first.startswith("issues/2022-12/a.md:3: warning: nobody would get this article in full")


def test_an_email_without_a_way_to_leave_is_not_sent(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(editor.root)
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", "a key for the tests")
    editor.replace("templates/email/issue.txt", "{{ unsubscribe_url }}", "")
    (editor.root / "readers.csv").write_text("email\nreader@list.example\n")
    assert main(["subscribers", "import", "readers.csv"]) == 0

    assert main(["send", "2022-12", "--yes"]) == 1
    assert "the text of the email has no unsubscribe_url" in capsys.readouterr().err
    assert not list(editor.root.glob("var/outbox/new/*"))
