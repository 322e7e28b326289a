"""What the terminal shows."""

import io
import json
import sys

import pytest

from newsletter.cli.output import ask, note, print_json, print_table, say

PEOPLE = "[bold]Anjali[/bold] :smile: 林明慧 100"


def test_text_from_people_is_shown_as_it_is_and_never_wrapped_in_a_pipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say(PEOPLE * 10)
    note(PEOPLE)

    assert capsys.readouterr().out == f"{PEOPLE * 10}\n{PEOPLE}\n"


def test_a_table_aligns_its_columns_and_sets_numbers_to_the_right(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(
        ("variant", "recipients", "articles"),
        [("en-all", 1200, "01-alliance"), ("fr-1", 7, "[x] " + "long " * 40 + "end")],
    )

    title, first, second = capsys.readouterr().out.splitlines()
    assert title == "variant  recipients  articles"
    assert first == "en-all        1,200  01-alliance"
    assert second.startswith("fr-1              7  [x] long")
    assert second.endswith(" end")


def test_a_table_without_rows_is_its_titles(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("reason", "recipients"), [])

    assert capsys.readouterr().out == "reason  recipients\n"


def test_json_is_one_document_in_readable_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Siobhán"})

    out = capsys.readouterr().out
    assert json.loads(out) == {"name": "Siobhán"}
    assert "Siobhán" in out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("y\n", True), ("Yes\n", True), ("\n", False), ("", False), ("no\n", False), ("yep\n", False)],
)
def test_only_a_plain_yes_is_a_yes(
    typed: str,
    meant: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))

    assert ask("Send 26 emails?") is meant
    assert capsys.readouterr().out == ""
