"""The editor's word that an issue may leave, written into its file for them."""

import re
import shutil
from pathlib import Path
from typing import Final

from newsletter.errors import IssueError
from newsletter.model.issue import IssueStatus

_DRAFT: Final = re.compile(r"""^(\s*["']?status["']?\s*=\s*)(["'])draft\2""")


def write_approval(path: Path, shown: str, line: int) -> None:
    """Turn the draft of an `issue.toml` whose status stands in `line` into a ready issue.

    Every other byte stays. Raises IssueError where the line cannot be understood or written.
    """
    where = f"{shown}:{line}"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = file.read().split("\n")
        approved, changes = _DRAFT.subn(rf"\1\2{IssueStatus.READY}\2", lines[line - 1])
        if not changes:
            raise IssueError('this line is not understood; set status = "ready" in it', where=where)
        lines[line - 1] = approved
        new = path.with_name(f".{path.name}.new")
        with new.open("w", encoding="utf-8", newline="") as file:
            file.write("\n".join(lines))
        shutil.copymode(path, new)
        new.replace(path)
    except OSError as error:
        raise IssueError(f"cannot be written: {error.strerror}", where=where) from error
