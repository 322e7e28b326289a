"""What every passage of Markdown in an issue must keep to."""

from newsletter.markdown import Document, parse
from newsletter.model.issue import Passage
from newsletter.model.problem import Problem
from newsletter.sources.folder import IssueFolder
from newsletter.sources.images import check_picture
from newsletter.sources.links import link_fault


def check_passage(passage: Passage, folder: IssueFolder) -> Document:
    """Read a passage; note its pictures, and what is wrong with Markdown, links and pictures."""
    document = parse(passage)
    folder.problems += document.problems
    for link in document.links:
        if fault := link_fault(link.href):
            message = f"the link to '{link.href}' cannot be sent: {fault}"
            folder.problems.append(Problem(passage.path, link.line, message))
        if not link.text:
            folder.warn(passage.path, link.line, f"the link to '{link.href}' has no words")
    for picture in document.images:
        check_picture(picture, passage.path, folder)
    return document
