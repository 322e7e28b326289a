from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.served import Served, made, serving


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A newsletter's public side under a real server; the tests of a module share it."""
    with serving(made(tmp_path_factory.mktemp("digest"))) as served:
        yield served


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A newsletter's folder of a test's own."""
    return made(tmp_path / "digest")
