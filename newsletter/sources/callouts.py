"""The call-out that closes an article: from the first heading of an agreed name to the end."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from newsletter.markdown import Document, Heading, remember
from newsletter.model.issue import Passage
from newsletter.model.problem import Problem


@dataclass(frozen=True, slots=True)
class ArticleText:
    """An article's body, and its call-out with the heading as it is written."""

    body: Passage
    heading: str = ""
    implications: Passage | None = None


def split_callout(
    whole: Passage, document: Document, names: Sequence[str], problems: list[Problem]
) -> ArticleText:
    """Part an article's text, `document` being the same read; what is amiss joins `problems`.

    Upper and lower case and a colon at the heading's end make no difference. Headings inside
    quotes and lists are not looked at. Each part keeps the link definitions that it may need.
    """
    known = {_fold(name) for name in names}
    found = [one for one in document.headings if _fold(one.text) in known]
    body, implications = _split_at(whole, found[0]) if found else (whole, None)
    if not body.markdown.strip():
        problems.append(Problem(whole.path, _above(whole), "the article has no text"))
    if implications is None:
        return ArticleText(body)
    if not implications.markdown.strip():
        message = f"nothing stands below '{found[0].text}'"
        problems.append(Problem(whole.path, found[0].line, message))
    for other in found[1:]:
        message = f"a second call-out '{other.text}'; that on line {found[0].line} runs to the end"
        problems.append(Problem(whole.path, other.line, message))
    more = f"\n\n{document.definitions}\n" if document.definitions else ""
    parts = (_extended(body, more), _extended(implications, more))
    for part, read in zip(parts, document.split(found[0]), strict=True):
        remember(part, read)
    return ArticleText(parts[0], found[0].text, parts[1])


def missing_callout(whole: Passage, document: Document, names: Sequence[str]) -> Problem:
    """What to say of an article without its call-out, at a heading that may be meant as one."""
    known = [_fold(name) for name in names]
    near = [one for one in document.headings if get_close_matches(_fold(one.text), known, n=1)]
    if near:
        message = f"'{near[0].text}' opens no call-out; did you mean '{names[0]}'?"
        return Problem(whole.path, near[0].line, message)
    message = f"the article has no call-out; end it with a heading '## {names[0]}' and text below"
    return Problem(whole.path, _above(whole), message)


def _above(passage: Passage) -> int:
    return max(1, passage.line - 1)


def _fold(name: str) -> str:
    return name.rstrip(":\xa0 ").casefold()


def _split_at(whole: Passage, heading: Heading) -> tuple[Passage, Passage]:
    lines = whole.markdown.split("\n")
    body = "\n".join(lines[: heading.line - whole.line])
    implications = "\n".join(lines[heading.end - whole.line :])
    return replace(whole, markdown=body), Passage(implications, whole.path, heading.end)


def _extended(passage: Passage, more: str) -> Passage:
    return replace(passage, markdown=passage.markdown + more)
