"""Values that stand in the TOML of issues and articles: lines of text and passages of Markdown."""

from newsletter.model.issue import Passage
from newsletter.textfile import control_character_problems, has_control_characters
from newsletter.toml import Table


def take_line(table: Table, key: str, *, most: int = 1000) -> str:
    """A required line of text of at most `most` characters."""
    return _checked(table, key, table.take(key, str), most)


def take_optional_line(table: Table, key: str) -> str | None:
    """A line of text, or nothing where it is absent or empty."""
    return _checked(table, key, table.take(key, str, ""), 1000) or None


def take_passage(table: Table, key: str, *, required: bool = False) -> Passage:
    """A passage of Markdown, empty where it is absent."""
    text = table.take(key, str, None if required else "")
    line = table.text_line(key)
    table.problems += control_character_problems(text, table.path, line)
    return Passage(text, table.path, line)


def _checked(table: Table, key: str, text: str, most: int) -> str:
    line = text.strip()
    if has_control_characters(line):
        table.report(key, f"{key} must be one line, without control characters")
    elif len(line) > most:
        table.report(key, f"{key} has {len(line)} characters; {most} is the most")
    return line
