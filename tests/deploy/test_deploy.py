"""The files of deploy/ are sound as far as that shows without a server or a container engine."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SYSTEMD_ANALYZE = shutil.which("systemd-analyze") or ""
SECRETS = re.compile(r"(?:KEY|PASSWORD)\s*[=:]\s*[\"']?[a-z0-9]", re.IGNORECASE)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    return read


def instructions(name: str) -> list[list[str]]:
    """The words after each such instruction of the Containerfile."""
    text = (DEPLOY / "Containerfile").read_text("utf-8").replace("\\\n", " ")
    found = re.findall(rf"^{name}\s+(.*)$", text, re.MULTILINE)
    return [shlex.split(words) for words in found]


@pytest.mark.skipif(not SYSTEMD_ANALYZE, reason="needs systemd-analyze")
def test_systemd_understands_the_unit_and_finds_little_exposed() -> None:
    unit = str(DEPLOY / "newsletter.service")
    verified = subprocess.run(
        [SYSTEMD_ANALYZE, "verify", unit], capture_output=True, text=True, check=False
    )
    complaints = [line for line in verified.stderr.splitlines() if "newsletter.service" in line]
    assert [line for line in complaints if "is not executable" not in line] == []
    looked_at = subprocess.run(
        [SYSTEMD_ANALYZE, "security", "--offline=yes", "--threshold=20", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    assert looked_at.returncode == 0, looked_at.stdout


def test_the_image_is_made_of_what_there_is_and_of_nothing_private() -> None:
    copied = [
        word for words in instructions("COPY") if "--from" not in words[0] for word in words[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists(), source
    assert not {".", "subscribers", "config.toml", "var", "archive"} & set(copied)
    shut, *let_in = [
        line
        for line in (DEPLOY / "Containerfile.dockerignore").read_text("utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert shut == "**"
    assert {f"!{source}" for source in copied} <= set(let_in)


def test_the_container_runs_as_nobody_in_particular_and_says_whether_it_is_ready() -> None:
    assert instructions("USER")[-1] == ["10001:10001"]
    assert instructions("ENTRYPOINT") + instructions("CMD") == [["[newsletter]"], ["[run]"]]
    assert "/readyz" in str(instructions("HEALTHCHECK"))


def test_compose_waits_for_the_database_and_opens_nothing_to_the_world(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    program, database = services["newsletter"], services["database"]
    assert program["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "healthcheck" in database
    assert all(port.startswith("127.0.0.1:") for port in program["ports"])
    assert "ports" not in database
    assert program["read_only"]
    assert program["cap_drop"] == ["ALL"]
    assert (DEPLOY / program["build"]["context"]).resolve() == ROOT
    assert (ROOT / program["build"]["dockerfile"]).is_file()


@pytest.mark.parametrize("file", sorted(path.name for path in DEPLOY.iterdir() if path.is_file()))
def test_no_secret_stands_in_any_file(file: str) -> None:
    assert SECRETS.search((DEPLOY / file).read_text("utf-8")) is None
