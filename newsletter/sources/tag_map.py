"""topics.toml -> which tags, segments and labels of another program mean which topics here."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from newsletter.errors import ProblemsFound
from newsletter.model.issue import Taxonomy
from newsletter.model.problem import Problem
from newsletter.sources.taxonomy import slugs_by_name, suggest_slug
from newsletter.textfile import decode, read_bytes
from newsletter.toml import Table, parse_toml

_MOST_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class TagMap:
    """Tags in lower case -> slugs of topics, none where a tag says nothing about topics.

    `columns` are columns of tags beside those a program always has: Mailchimp's groups have
    whatever names their owner gave them.
    """

    topics: Mapping[str, tuple[str, ...]]
    columns: tuple[str, ...] = ()
    unknown: Counter[str] = field(default_factory=Counter)  # tags met that stand nowhere here

    def translate(self, tags: Iterable[str]) -> tuple[set[str], tuple[str, ...]]:
        """The topics that tags stand for, and the tags that are not known."""
        chosen: set[str] = set()
        unknown = []
        for tag in tags:
            topics = self.topics.get(tag.casefold())
            if topics is None:
                unknown.append(tag)
            else:
                chosen.update(topics)
        return chosen, tuple(unknown)


def plain_tag_map(taxonomy: Taxonomy) -> TagMap:
    """Where nobody wrote a map: a tag that is called like a topic means it."""
    return TagMap({name: (slug,) for name, slug in slugs_by_name(taxonomy.topics).items()})


def read_tag_map(path: Path, shown: str, taxonomy: Taxonomy) -> TagMap:
    """The map in `path`, over what `plain_tag_map` knows. Raises ProblemsFound."""
    problems: list[Problem] = []
    table = _read_table(path, shown, problems)
    if table is None:
        raise ProblemsFound(problems)
    columns = table.take_list("columns", ())
    tags = table.table("tags")
    table.close()
    topics = dict(plain_tag_map(taxonomy).topics)
    known = slugs_by_name(taxonomy.topics)
    for tag in tags:
        slugs = []
        for name in tags.take_list(tag, ()):
            if slug := known.get(name.strip().casefold()):
                slugs.append(slug)
            else:
                near = suggest_slug(name, taxonomy.topics)
                tags.report(tag, f"there is no topic '{name}'{near}")
        topics[tag.strip().casefold()] = tuple(slugs)
    if problems:
        raise ProblemsFound(problems)
    return TagMap(topics, columns)


def _read_table(path: Path, shown: str, problems: list[Problem]) -> Table | None:
    data = read_bytes(path, shown, limit=_MOST_BYTES)
    if isinstance(data, Problem):
        problems.append(data)
        return None
    text, undecodable = decode(data, shown)
    problems += undecodable
    return None if undecodable else parse_toml(text, shown, problems)
