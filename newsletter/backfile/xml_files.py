"""XML that anybody may have written -> its tree: no entities, no network, no depth without end."""

import re
from typing import Final

from lxml import etree
from lxml.etree import _Element

from newsletter.errors import NewsletterError

_ENTITIES: Final = re.compile(
    r"(?:\s|<\?.*?\?>|<!--.*?-->)*<!DOCTYPE[^<>]*\[[^<]*(?:<(?!!ENTITY)[^<]*)*?<!ENTITY", re.DOTALL
)


def parse_xml(text: str, shown: str) -> _Element:
    """The root. Raises NewsletterError where the text is no XML, or defines entities."""
    if _ENTITIES.match(text):
        raise NewsletterError("it defines entities of its own, which are not read", where=shown)
    parser = etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False, remove_pis=True
    )
    try:
        root = etree.fromstring(text.lstrip().encode(), parser)
    except etree.XMLSyntaxError as error:
        reason = str(error.msg).partition(", line ")[0].partition("\n")[0]
        what = f"this XML is cut off or damaged: {reason}"
        raise NewsletterError(what, where=f"{shown}:{error.lineno or 1}") from None
    return root


def name_of(element: _Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def text_of(parent: _Element, *names: str, within: str = "") -> str:
    """The text of the first child of the first of these names that has any.

    `within` is part of its namespace, where two children differ in that alone.
    """
    for name in names:
        for child in parent:
            is_meant = name_of(child) == name and within in str(child.tag)
            if is_meant and (text := "".join(map(str, child.itertext())).strip()):
                return text
    return ""
