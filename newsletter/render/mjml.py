"""Guarded MJML -> HTML. The only file that knows mjml-python (MRML).

Each guard answers a measured fault of MRML 6.0.1; the tests hold the repros.
"""

import re
from typing import Final

import mjml

from newsletter.errors import RenderError

_NON_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_TAG: Final = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>")
_ATTRIBUTE: Final = re.compile(r"""=\s*(?:"([^"]*)"|'([^']*)')""")
_BREAK_BEFORE_INLINE: Final = re.compile(
    r">[ \t]*\n\s*(?=<(?:a|abbr|b|bdi|br|code|del|em|i|img|s|small|span|strong|sub|sup|u)\b)"
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_VOID: Final = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_DEEPEST: Final = 200


def compile_mjml(source: str) -> str:
    """HTML for an MJML document; every character of its text and attributes is kept.

    Raises RenderError where the source is not well formed or nested deeper than 200 elements
    (about 9,100 end the process).
    """
    guarded = _guard(source)
    try:
        return mjml.mjml2html(guarded, fonts={})
    except ValueError as error:
        raise RenderError(f"the email's MJML cannot be compiled: {error}") from error


def _guard(source: str) -> str:
    source = _BREAK_BEFORE_INLINE.sub("> ", source)
    source = _TAG.sub(_guard_tag, source)
    if found := _CONTROL.search(source):
        raise RenderError(f"control character U+{ord(found[0]):04X} in the email's MJML")
    _check_depth(source)
    return _NON_ASCII.sub(lambda found: f"&#{ord(found[0])};", source)


def _guard_tag(tag: re.Match[str]) -> str:
    text = tag[0]
    if "'" not in text and "\\" not in text and "\n" not in text:
        return text
    return f"<{tag[1]}{tag[2]}{_ATTRIBUTE.sub(_guard_attribute, tag[3])}>"


def _guard_attribute(attribute: re.Match[str]) -> str:
    # MRML writes attribute values in Rust's debug form and single-quoted ones unescaped.
    value = attribute[1] if attribute[1] is not None else attribute[2].replace('"', "&#34;")
    return '="' + value.replace("\\", "&#92;").replace("\n", "&#10;") + '"'


def _check_depth(source: str) -> None:
    depth = 0
    for tag in _TAG.finditer(source):
        if tag[1]:
            depth -= 1
        elif not tag[3].endswith("/") and tag[2] not in _VOID:
            depth += 1
            if depth > _DEEPEST:
                raise RenderError(f"elements nested deeper than {_DEEPEST} in the email's MJML")
