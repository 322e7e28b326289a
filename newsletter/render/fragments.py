"""One compiled document cut into fragments, so that any variant is a join of strings.

A template marks a fragment that only some variants show with `Marks.opening` before it and
`Marks.closing` after it; fragments nest. What stands in none is in every variant. Marks are
comments made from a hash of the content, so that no author can write one.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote

from newsletter.model.variant import MergeField, OpenText


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one document; `key` is a string that its content cannot hold."""

    key: str

    def opening(self, name: str) -> str:
        """The comment before a fragment shown to variants that show `name`."""
        # Two hyphens, as an article's file name may have, would end the comment for some.
        return f"<!--{self.key}[{quote(name, safe='').replace('-', '%2D')}-->"

    def closing(self) -> str:
        """The comment after the fragment opened last."""
        return f"<!--{self.key}]-->"

    def place(self, name: str) -> str:
        """A word that stands for a value filled in later; safe as a URL and in text."""
        return f"{self.key}x{name}x"


@dataclass(frozen=True, slots=True)
class Fragment:
    """A stretch of the document for the variants that show every name of `within`."""

    within: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Fragments:
    """A cut document, in its order."""

    marks: Marks
    fragments: tuple[Fragment, ...]

    def join(self, shown: Collection[str], places: Iterable[tuple[str, str]]) -> OpenText:
        """The document of the variant that shows these names, its merge fields still open.

        `places` are names and their values, the same for every reader of the variant.
        """
        text = "".join(f.text for f in self.fragments if all(name in shown for name in f.within))
        for name, value in places:
            text = text.replace(self.marks.place(name), value)
        return self._open(text)

    def _open(self, text: str) -> OpenText:
        pieces = re.split(f"{self.marks.key}x({'|'.join(MergeField)})x", text)
        return OpenText(
            tuple(MergeField(p) if n % 2 else p for n, p in enumerate(pieces) if p or n % 2)
        )


def cut(document: str, marks: Marks) -> Fragments:
    """The fragments of a compiled document."""
    pieces = re.split(f"<!--{marks.key}(?:\\[(.*?)|\\])-->", document)
    fragments = [Fragment((), pieces[0])]
    within: tuple[str, ...] = ()
    for opened, text in zip(pieces[1::2], pieces[2::2], strict=True):
        within = within[:-1] if opened is None else (*within, unquote(opened))
        if text:
            fragments.append(Fragment(within, text))
    return Fragments(marks, tuple(fragments))
