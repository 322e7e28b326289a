"""Guarded MJML -> HTML. The only file that knows mjml-python (MRML).

Each guard answers a measured fault of MRML 6.0.1; the tests hold the repros.
"""

import re
from collections.abc import Iterable
from typing import Final

import mjml

from newsletter.errors import RenderError

# A tag: the slash of a closing one, its name, and its attributes with the slash of an empty one.
# Those in comments count: MRML reads what stands in Outlook's conditional ones.
_TAG: Final = re.compile(r"""<(/?)([^\s<>"'/!?]++)((?:[^<>"']++|"[^"]*+"|'[^']*+')*+)>""")
_ATTRIBUTE: Final = re.compile(r"""=\s*(?:"([^"]*)"|'([^']*)')""")
_MISREAD: Final = re.compile(r"[\t\n\r\\\x7f-\U0010ffff]")
_TROUBLE: Final = re.compile(rf"{_MISREAD.pattern}|=\s*'")
_BREAK_BEFORE_INLINE: Final = re.compile(
    r">[ \t]*\n\s*(?=<(?:a|abbr|b|bdi|br|cite|code|del|em|i|img|ins|kbd|mark|q|s|samp|small|span"
    r"|strong|sub|sup|time|u|var)\b)"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_VOID: Final = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_DEEPEST: Final = 200


def compile_mjml(source: str, *, where: str = "") -> str:
    """HTML for an MJML document; every character of its text and attributes is kept.

    Raises RenderError, naming `where`, for a source that is not well formed or nested deeper than
    200 elements.
    """
    guarded = _guard(source, where)
    try:
        return mjml.mjml2html(guarded, fonts={})
    except ValueError as error:
        control = _CONTROL.search(source)
        what = f"control character U+{ord(control[0]):04X}" if control else str(error)
        raise RenderError(f"the email's MJML cannot be compiled: {what}", where=where) from error


def _guard(source: str, where: str) -> str:
    # MRML drops white space between elements that begins with a newline, and so joins words.
    source = _BREAK_BEFORE_INLINE.sub("> ", source)
    tags = _TAG.findall(source)
    if _is_too_deep(tags):
        what = f"elements nested deeper than {_DEEPEST} in the email's MJML"
        raise RenderError(what, where=where)
    if _TROUBLE.search(" ".join(attributes for _, _, attributes in tags)):
        source = _TAG.sub(_guard_tag, source)
    return source


def _is_too_deep(tags: Iterable[tuple[str, str, str]]) -> bool:
    depth = 0
    for closing, name, attributes in tags:
        if name in _VOID or attributes.endswith("/"):
            continue
        depth += -1 if closing else 1
        # About 9,100 end the process; lxml, which reads the result, loses what is deeper than 256.
        if depth > _DEEPEST:
            return True
    return False


def _guard_tag(tag: re.Match[str]) -> str:
    return f"<{tag[1]}{tag[2]}{_ATTRIBUTE.sub(_guard_attribute, tag[3])}>"


def _guard_attribute(attribute: re.Match[str]) -> str:
    # MRML writes attribute values in Rust's debug form and single-quoted ones unescaped.
    value = attribute[1] if attribute[1] is not None else attribute[2].replace('"', "&#34;")
    return '="' + _MISREAD.sub(lambda found: f"&#{ord(found[0])};", value) + '"'
