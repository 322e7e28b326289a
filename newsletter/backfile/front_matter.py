"""The front matter of other programs' Markdown: YAML, TOML or JSON.

The only file that knows YAML.
"""

import json
import re
import tomllib
from typing import Any, Final

import yaml

_LONGEST: Final = 100_000
_FENCED: Final = re.compile(r"(---|\+\+\+)[ \t]*\n(.*?\n)?(?:\1|\.\.\.)[ \t]*(?:\n|$)", re.DOTALL)


def split_front_matter(text: str) -> tuple[dict[str, Any], str]:
    """What stands above the text, by keys in lower case, and the text.

    Raises ValueError where it cannot be read.
    """
    text = text.lstrip("\n")
    if text.startswith("{"):
        return _from_json(text)
    found = _FENCED.match(text)
    if found is None:
        return {}, text
    written = found[2] or ""
    if len(written) > _LONGEST:
        raise ValueError("its front matter is too long")
    try:
        values = tomllib.loads(written) if found[1] == "+++" else yaml.safe_load(written)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise ValueError(f"its front matter is no YAML: {error.problem} (line {line})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = str(error).partition("\n")[0][:100]
        raise ValueError(f"its front matter cannot be read: {reason}") from None
    return _lowered(values), text[found.end() :]


def _from_json(text: str) -> tuple[dict[str, Any], str]:
    try:
        values, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return {}, text
    return _lowered(values), text[end:]


def _lowered(values: object) -> dict[str, Any]:
    if not isinstance(values, dict):
        return {}
    return {key.casefold(): value for key, value in values.items() if isinstance(key, str)}
