import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model.problem import Problem
from newsletter.textfile import decode, has_control_characters, read_bytes


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"\xef\xbb\xbfa\n", "a\n"),
        ("é अ 👩‍🔬\xa0\t—\n".encode(), "é अ 👩‍🔬\xa0\t—\n"),
    ],
    ids=["empty", "line ends", "byte order mark", "all scripts"],
)
def test_text_keeps_everything_but_the_kind_of_its_line_ends(data: bytes, text: str) -> None:
    assert decode(data, "a.md") == (text, [])


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"one\ntwo \xe9\n", "a.md:2: not UTF-8 text (byte 0xe9)"),
        (b"\xef\xbb\xbfone\n\xe9", "a.md:2: not UTF-8 text (byte 0xe9)"),
        ("one\n".encode("utf-16"), "a.md:1: not UTF-8 text (byte 0xff)"),
    ],
)
def test_bytes_that_are_no_text_are_reported_at_their_line(data: bytes, place: str) -> None:
    text, [problem] = decode(data, "a.md")

    assert text == ""
    assert str(problem).startswith(place)


def test_each_control_character_is_reported_and_does_not_reach_the_text() -> None:
    text, problems = decode(b"a\x00\nb\n\x1bc\x0c", "a.md")

    assert text == "a�\nb\n�c�"
    assert [str(problem).partition(";")[0] for problem in problems] == [
        "a.md:1: control character U+0000",
        "a.md:3: control character U+001B",
        "a.md:3: control character U+000C",
    ]


@given(st.binary())
def test_any_bytes_become_text_without_control_characters_or_a_problem(data: bytes) -> None:
    text, problems = decode(data, "a.md")

    assert problems or text == data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    assert not any(
        has_control_characters(line) for line in text.split("\n") if "\u2028" not in text
    )


@pytest.mark.parametrize("break_", ["\n", "\r", "\0", "\x85", "\u2028", "\u2029", "\x7f", "\ud800"])
def test_whatever_could_break_a_line_or_a_header_is_a_control_character(break_: str) -> None:
    assert has_control_characters(f"a{break_}b")
    assert not has_control_characters("a\tb\xa0c\u200d")


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"12345")

    assert read_bytes(tmp_path / "a.md", "a.md", limit=5) == b"12345"
    assert str(read_bytes(tmp_path / "a.md", "a.md", limit=4)).startswith("a.md:1: ")


def test_what_cannot_be_read_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "pipe")

    def reason(name: str) -> str:
        problem = read_bytes(tmp_path / name, name, limit=5)
        assert isinstance(problem, Problem)
        return str(problem)

    assert reason("absent") == "absent:1: there is no such file"
    assert reason(".") == ".:1: this is not a file"
    assert reason("pipe") == "pipe:1: this is not a file"
    assert reason("x" * 300).endswith("cannot be read: File name too long")
    assert reason("circle").startswith("circle:1: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.md").touch(mode=0o000)

    assert "Permission denied" in str(read_bytes(tmp_path / "a.md", "a.md", limit=5))
