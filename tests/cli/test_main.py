"""The command line's door: help, usage, and what becomes of every kind of error."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from newsletter.cli.main import COMMANDS, main
from newsletter.cli.options import command_group
from newsletter.errors import IssueError, ProblemsFound

Raising = Callable[[BaseException], None]


@pytest.fixture
def new_raises(monkeypatch: pytest.MonkeyPatch) -> Raising:
    """Make `newsletter new` and `init` end in an error of the test's choice."""

    def new_raises(error: BaseException) -> None:
        def fail() -> None:
            raise error

        file = ModuleType("newsletter.cli.folder")
        file.app = command_group()  # type: ignore[attr-defined]
        for name in ("init", "new"):
            file.app.command(name)(fail)
        monkeypatch.setitem(sys.modules, "newsletter.cli.folder", file)

    return new_raises


def in_a_shell(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    program = f'newsletter() {{ "{sys.executable}" -c "{_PROGRAM}" "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", program + script],  # noqa: S607 - wherever this machine has it
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


_PROGRAM = "import sys; from newsletter.cli.main import main; sys.exit(main())"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0

    captured = capsys.readouterr()
    assert captured.out.startswith(f"Usage: newsletter {name} ")
    assert captured.err == ""


def test_help_names_every_command_whole_and_loads_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    out = capsys.readouterr().out
    assert all(f"  {name} " in out and line in out for name, (_, line) in COMMANDS.items())
    loaded = in_a_shell(
        f'"{sys.executable}" -c "import sys; from newsletter.cli.main import main; '
        "main(['--help']); print(*sys.modules)\""
    ).stdout.split()
    for heavy in ("rich", "babel", "sqlalchemy", "lxml", "jinja2", "newsletter.config"):
        assert heavy not in loaded


@pytest.mark.parametrize(
    "arguments", [["nwe"], ["new"], ["new", "2026-13"], ["new", "../x"], ["init"], ["--colour"], []]
)
def test_wrong_usage_ends_with_2_and_no_output(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "newsletter" in captured.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nwe", "newsletter: there is no command 'nwe'; did you mean 'new'? (see: newsletter --h"),
        ("new", "newsletter new: MONTH is missing (see: newsletter new --help)"),
        ("send 2022-11 --limit x", "newsletter send: --limit must be a whole number (see: "),
        ("send 2022-11 --limit 0", "newsletter send: --limit must be at least 1 (see: "),
        ("send 2022-11 --lmit 1", "newsletter send: there is no option '--lmit'; did you mean --l"),
        (
            "resolve 2022-11 --as so",
            "newsletter resolve: --as must be one of 'accepted', 'retry' (",
        ),
        ("status 2022-11 more", "newsletter status: 'more' is too much (see: "),
        ("check --json=1", "newsletter: --json takes no value (see: "),
    ],
)
def test_wrong_usage_is_told_in_one_plain_line(
    line: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 2

    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(words)


@pytest.mark.parametrize(
    ("error", "status", "lines"),
    [
        (IssueError("is a draft", where="2026-12"), 1, ["2026-12: is a draft"]),
        (ProblemsFound(["a.md:1: x", "b.md:2: y"]), 1, ["a.md:1: x", "b.md:2: y"]),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, ["/x: Permission denied"]),
        (OSError(errno.ENOSPC, "No space left on device"), 1, ["No space left on device"]),
        (KeyboardInterrupt(), 1, ["Stopped."]),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), 1, []),
    ],
)
def test_what_goes_wrong_is_told_in_lines_on_standard_error(
    error: BaseException,
    status: int,
    lines: list[str],
    new_raises: Raising,
    capsys: pytest.CaptureFixture[str],
) -> None:
    new_raises(error)

    assert main(["new"]) == status

    captured = capsys.readouterr()
    assert captured.err.splitlines() == lines
    assert captured.out == ""


def test_a_fault_of_the_program_is_one_line_without_what_it_was_working_on(
    new_raises: Raising, capsys: pytest.CaptureFixture[str]
) -> None:
    new_raises(KeyError("reader@clinic.example"))

    assert main(["new"]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("A fault in the program, not in your newsletter: KeyError in test_main")
    assert "NEWSLETTER_DEBUG=1" in line
    assert "clinic" not in line


def test_the_traceback_of_a_fault_can_be_asked_for(
    new_raises: Raising, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_DEBUG", "1")
    new_raises(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        main(["new"])


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("words", [["--config", "news/config.toml"], ["--config=news/config.toml"]])
def test_config_may_stand_before_or_after_the_command(
    place: int, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["init", "news"])
    arguments = ["new", "2026-12"]

    assert main([*arguments[:place], *words, *arguments[place:]]) == 0
    assert (tmp_path / "news" / "issues" / "2026-12").is_dir()


def test_the_environment_may_name_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["init", str(tmp_path / "news")])
    monkeypatch.setenv("NEWSLETTER_CONFIG", str(tmp_path / "news" / "config.toml"))

    assert main(["new", "2026-12"]) == 0


@pytest.mark.parametrize(
    ("script", "out", "err"),
    [
        ("newsletter --version", "newsletter 0.1.0\n", ""),
        ("newsletter --version > /dev/full; echo $?", "1\n", "No space left on device\n"),
        ("newsletter --help | true", "", ""),
    ],
)
def test_output_that_goes_nowhere_ends_quietly(script: str, out: str, err: str) -> None:
    finished = in_a_shell(script)

    assert (finished.stdout, finished.stderr) == (out, err)


def test_a_letter_that_the_terminal_cannot_show_is_no_fault(tmp_path: Path) -> None:
    finished = in_a_shell(f"cd '{tmp_path}'; newsletter init été", PYTHONIOENCODING="ascii")

    assert finished.returncode == 0
    assert finished.stdout.startswith("Made ?t?.")


@pytest.mark.parametrize(
    ("line", "completions"),
    [
        ("newsletter ini", {"init"}),
        ("newsletter new --h", {"--help"}),
        ("newsletter new 2022-1", {"2022-10", "2022-11"}),
    ],
)
def test_a_shell_completes_commands_options_and_months(
    line: str, completions: set[str], tmp_path: Path
) -> None:
    main(["init", str(tmp_path / "news")])

    finished = in_a_shell(
        f"cd '{tmp_path}/news'; newsletter",
        _NEWSLETTER_COMPLETE="complete_bash",
        COMP_WORDS=line,
        COMP_CWORD=str(len(line.split()) - 1),
    )

    assert set(finished.stdout.split()) == completions
