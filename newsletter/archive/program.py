"""The program's own part in every page: another version of it sets all of them anew."""

from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parents[1]
_OURS: Final = (
    "archive/*.py",
    "archive/fonts/*",
    "locales.py",
    "markdown/*.py",
    "model/*.py",
    "sources/*.py",
    "templates.py",
    "views.py",
)
_THEIRS: Final = ("babel", "jinja2", "markdown-it-py", "nh3", "pillow")


@cache
def program_digest(language: str) -> str:
    """Changes with the code, the libraries and the words of `language` that set pages."""
    digest = blake2b(digest_size=12)
    patterns = (*_OURS, f"catalogues/{language}.po")
    for path in sorted(path for pattern in patterns for path in _PACKAGE.glob(pattern)):
        digest.update(path.read_bytes())
    digest.update(" ".join(map(version, _THEIRS)).encode())
    return digest.hexdigest()
