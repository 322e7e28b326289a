"""taxonomy.toml -> the topics and research types that articles carry and subscribers choose."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from newsletter.model.issue import Taxonomy
from newsletter.model.problem import Problem
from newsletter.textfile import decode, has_control_characters, read_bytes
from newsletter.toml import Table, parse_toml

_SLUG: Final = re.compile(r"[a-z0-9-]+")
_MOST_BYTES: Final = 1_000_000
_SHORTEST: Final = 3  # letters that tell of the rest


def read_taxonomy(path: Path, shown: str, problems: list[Problem]) -> Taxonomy:
    """The taxonomy in `path`; what is wrong joins `problems`, and what is unusable is left out."""
    data = read_bytes(path, shown, limit=_MOST_BYTES)
    if isinstance(data, Problem):
        problems.append(data)
        return Taxonomy({}, {})
    text, undecodable = decode(data, shown)
    problems += undecodable
    table = parse_toml(text, shown, problems) if text or not undecodable else None
    if table is None:
        return Taxonomy({}, {})
    topics = table.table("topics")
    if not topics:
        topics.report("", 'there are no topics; write [topics] and below it slug = "Label"')
    research_types, groups = table.table("research_types"), table.table("topic_groups")
    table.close()
    axis = _read_axis(topics)
    return Taxonomy(axis, _read_axis(research_types), _read_groups(groups, axis))


def slugs_by_name(axis: Mapping[str, str]) -> dict[str, str]:
    """Every name of an axis, slugs and labels in lower case, with its slug."""
    return {name.casefold(): slug for slug, label in axis.items() for name in (label, slug)}


def suggest_slug(word: str, axis: Mapping[str, str]) -> str:
    """`; did you mean 'alliance'?` for a word near a slug or label, else the empty string.

    Near are also the beginning of one, and the initials of a slug.
    """
    names, wanted = slugs_by_name(axis), word.casefold()
    near = get_close_matches(wanted, names, n=1)
    if not near and len(wanted) >= _SHORTEST:
        near = [name for name in names if name.startswith(wanted) or _initials(name) == wanted]
    return f"; did you mean '{names[near[0]]}'?" if near else ""


def _initials(slug: str) -> str:
    return "".join(part[:1] for part in slug.split("-"))


def _read_axis(table: Table) -> dict[str, str]:
    axis: dict[str, str] = {}
    names: dict[str, str] = {}
    for slug in table:
        label = table.take(slug, str).strip()
        if fault := _fault(slug, label):
            table.report(slug, fault)
            continue
        for name in {slug, label.casefold()}:
            if names.setdefault(name, slug) != slug:
                table.report(slug, f"'{slug}' has the same name as '{names[name]}': '{label}'")
        axis[slug] = label
    return axis


def _read_groups(table: Table, topics: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """The headings with their topics; one that stands in no group is none's, and no fault."""
    groups: dict[str, tuple[str, ...]] = {}
    seen: dict[str, str] = {}
    for heading in table:
        slugs = table.take_list(heading, ())
        for slug in slugs:
            if slug not in topics:
                near = suggest_slug(slug, topics)
                table.report(heading, f"'{slug}' in the group '{heading}' is no topic{near}")
            elif seen.setdefault(slug, heading) != heading:
                table.report(heading, f"'{slug}' stands in the group '{seen[slug]}' already")
        groups[heading] = tuple(slug for slug in slugs if slug in topics)
    return groups


def _fault(slug: str, label: str) -> str | None:
    if not _SLUG.fullmatch(slug):
        return f"'{slug}' must be a slug: lower-case letters a to z, digits and hyphens"
    if has_control_characters(label):
        return f"the label of '{slug}' must be one line, without control characters"
    if ";" in label:  # it parts the topics of a subscriber list
        return f"the label of '{slug}' must hold no semicolon"
    return None
