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
