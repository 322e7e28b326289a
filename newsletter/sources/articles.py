"""An article's file -> the article."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from newsletter.model.issue import Article, Passage, Taxonomy
from newsletter.model.problem import Problem
from newsletter.sources.callouts import ArticleText, missing_callout, split_callout
from newsletter.sources.fields import take_line, take_optional_line
from newsletter.sources.folder import IssueFolder
from newsletter.sources.front_matter import FIRST_LINE, split_front_matter
from newsletter.sources.passages import check_passage
from newsletter.sources.taxonomy import suggest_slug
from newsletter.toml import Table, parse_toml

_DOI: Final = re.compile(r"10\.[0-9]{4,9}(?:\.[0-9]+)*/\S+")
_DOI_LINK: Final = re.compile(r"https?://(?:dx\.)?doi\.org/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ArticleRules:
    """What an issue's articles must keep to; the headings in `callout` open the call-out."""

    taxonomy: Taxonomy
    callout: tuple[str, ...]
    callout_required: bool
    research_type_required: bool


def read_article(stem: str, folder: IssueFolder, rules: ArticleRules) -> Article | None:
    """The article in `<stem>.md`; not to be used where `folder` has noted an error."""
    path = folder.shown_path(f"{stem}.md")
    source = folder.read_text(f"{stem}.md")
    if source is None:
        return None
    parts = split_front_matter(source, path)
    if isinstance(parts, Problem):
        folder.problems.append(parts)
        return None
    text = _read_text(parts.body, folder, rules)
    table = parse_toml(parts.toml, path, folder.problems, first_line=FIRST_LINE)
    return _read_fields(stem, table, text, rules) if table is not None else None


def _read_text(passage: Passage, folder: IssueFolder, rules: ArticleRules) -> ArticleText:
    document = check_passage(passage, folder)
    text = split_callout(passage, document, rules.callout, folder.problems)
    if rules.callout_required and text.implications is None:
        folder.problems.append(missing_callout(passage, document, rules.callout))
    return text


def _read_fields(stem: str, table: Table, text: ArticleText, rules: ArticleRules) -> Article:
    article = Article(
        id=stem,
        title=take_line(table, "title"),
        topics=_take_topics(table, rules.taxonomy),
        research_type=_take_research_type(table, rules),
        teaser=take_line(table, "teaser", most=200),
        body=text.body,
        implications_heading=text.heading,
        implications=text.implications,
        citation=take_optional_line(table, "citation"),
        doi=_take_doi(table),
        author=take_optional_line(table, "author"),
        everyone=table.take("everyone", bool, default=False),
    )
    table.close()
    return article


def _take_topics(table: Table, taxonomy: Taxonomy) -> tuple[str, ...]:
    topics = table.take_list("topics")
    for place, topic in enumerate(topics):
        if topic in topics[:place]:
            table.report("topics", f"the topic '{topic}' stands here twice")
        else:
            _check_slug(table, "topics", topic, taxonomy, taxonomy.topics)
    return topics


def _take_research_type(table: Table, rules: ArticleRules) -> str | None:
    if rules.research_type_required:
        research_type = take_line(table, "research_type")
    else:
        research_type = take_optional_line(table, "research_type") or ""
    if research_type:
        taxonomy = rules.taxonomy
        _check_slug(table, "research_type", research_type, taxonomy, taxonomy.research_types)
    return research_type or None


def _check_slug(
    table: Table, key: str, slug: str, taxonomy: Taxonomy, axis: Mapping[str, str]
) -> None:
    # Without topics the taxonomy could not be read, which is said of it elsewhere.
    if slug not in axis and taxonomy.topics:
        kind = "topic" if axis is taxonomy.topics else "research type"
        table.report(key, f"there is no {kind} '{slug}'{suggest_slug(slug, axis)}")


def _take_doi(table: Table) -> str | None:
    doi = take_optional_line(table, "doi")
    if doi is None:
        return None
    bare = doi[4:].strip() if doi.casefold().startswith("doi:") else doi
    if link := _DOI_LINK.match(bare):
        bare = unquote(bare[link.end() :])
    if not _DOI.fullmatch(bare):
        table.report("doi", "doi must look like 10.1002/wps.20941")
    return bare
