"""`newsletter bounces` as a person runs it."""

import json
from pathlib import Path

import pytest

from newsletter.cli.main import main

from . import returned
from .returned import message_id
from .test_mailboxes import Box

CONFIG = """
[newsletter]
name = "Digest"
list_id = "digest.news.example"
sender_name = "The Digest"
sender_email = "digest@news.example"
organisation = "A Network"
postal_address = "12 Imaginary Lane, Ottawa"
contact = "editor@news.example"
base_url = "https://digest.news.example"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A newsletter's folder, in which commands are run."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.toml").write_text(CONFIG, "utf-8")
    return tmp_path


def test_a_maildir_is_read_and_told_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = Box(folder / "Maildir")
    assert main(["bounces", "Maildir"]) == 0
    assert capsys.readouterr().out == "Nothing new.\n"
    box.put(returned.vacation(), returned.letter(), returned.postfix())
    assert main(["bounces", "Maildir"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "      3  messages read",
        "      1  about no delivery of ours",
        "      1  automatic replies",
        "      1  letters from people, flagged for you",
    ]
    assert main(["bounces", "Maildir", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "messages": 0,
        "reports": {"taken": 0, "repeated": 0, "unknown": 0},
        "automatic": 0,
        "letters": 0,
        "suppressed": 0,
        "unsubscribed": 0,
    }


def test_the_configured_maildir_is_the_one_that_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Box(folder / "var/bounces").put(returned.letter())
    (folder / "config.toml").write_text(f'{CONFIG}\n[bounces]\nmaildir = "var/bounces"\n', "utf-8")
    assert main(["bounces"]) == 0
    assert "letters from people" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "settings", "words"),
    [
        ([], "", "config.toml: no mailbox to read"),
        (["nowhere"], "", "nowhere: this is no Maildir"),
        (
            ["--imap"],
            '[bounces.imap]\nhost = "imap.example"\nusername = "bounce"',
            "BOUNCES_PASSWORD",
        ),
        ([], '[bounces.imap]\nhost = "imap.example"', "config.toml:13: host needs a username"),
        ([], "[bounces]\nsoft_bounces = 0", "config.toml:13: soft_bounces must be from 1 to 100"),
        ([], '[bounces.imap]\npassword = "x"', "put it into BOUNCES_PASSWORD"),
        (
            [],
            '[bounces.imap]\nhost = "imap.example"\nusername = "b"\nsecurity = "none"',
            "the password would go out in clear",
        ),
    ],
)
def test_what_is_missing_is_said_in_a_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    settings: str,
    words: str,
) -> None:
    (folder / "config.toml").write_text(f"{CONFIG}\n{settings}\n", "utf-8")
    assert main(["bounces", *arguments]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert words in line


def test_two_mailboxes_at_once_are_wrong_usage(folder: Path) -> None:
    assert main(["bounces", "Maildir", "--imap"]) == 2


def test_no_report_shows_an_address(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = Box(folder / "Maildir")
    box.put(returned.postfix(), returned.qmail())
    assert main(["bounces", "Maildir"]) == 0
    printed = capsys.readouterr()
    assert "@" not in printed.out + printed.err
    assert message_id(returned.DELIVERY) not in printed.out
