from pathlib import Path

import pytest

from .issue_files import IssueFiles


@pytest.fixture
def files(tmp_path: Path) -> IssueFiles:
    return IssueFiles(tmp_path)
