from collections.abc import Iterator
from pathlib import Path

import pytest

from .sender import Sender


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    made = Sender(tmp_path)
    yield made
    made.database.close()
