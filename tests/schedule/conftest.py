from pathlib import Path

import pytest

from .newsroom import Newsroom, open_newsroom


@pytest.fixture
def newsroom(tmp_path: Path) -> Newsroom:
    """November is ready, and October was published elsewhere."""
    return open_newsroom(tmp_path / "digest")
