"""A variant as MIME (RFC 2045, 2046), encoded once; one subscriber's message is a list of bytes."""

import re
from binascii import b2a_qp
from datetime import datetime
from functools import partial
from html import escape
from operator import attrgetter
from typing import Final

from newsletter.model.message import Address, Encode, Message, Personalisation
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, OpenText, RenderedVariant, Variant
from newsletter.personalise.headers import (
    date_header,
    letter_headers,
    message_id,
    own_headers,
    personal_headers,
    shared_headers,
    variant_headers,
)

_BOUNDARY: Final = "=_newsletter"  # "=_" cannot occur in quoted-printable
_PART: Final = (
    "\r\n--{boundary}\r\n"
    "Content-Type: text/{subtype}; charset=utf-8\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n"
    "\r\n"
)
_OPENING: Final = (
    "MIME-Version: 1.0\r\n"
    f'Content-Type: multipart/alternative; boundary="{_BOUNDARY}"\r\n'
    f"{_PART.format(boundary=_BOUNDARY, subtype='plain')}"
).encode()
_BETWEEN: Final = _PART.format(boundary=_BOUNDARY, subtype="html").encode()
_CLOSING: Final = f"\r\n--{_BOUNDARY}--\r\n".encode()
_FROM_LINE: Final = re.compile(rb"^From ", re.MULTILINE)

# By number and not by name: the hash of an enum's member is computed in Python.
_FIELDS: Final = tuple(MergeField)
_VALUES: Final = attrgetter(*_FIELDS)
_SPECIAL: Final = re.compile("[&<>\"']").search


class VariantEncoder:
    """Writes the messages of one variant: multipart/alternative, text first, quoted-printable.

    Parsing a message gives the filled texts back exactly, its line breaks as CRLF.
    """

    def __init__(self, newsletter: Newsletter, rendered: RenderedVariant) -> None:
        self._rendered = rendered
        self._list_id = newsletter.list_id
        self.shared_headers = self._shared(newsletter, rendered.variant)
        self._headers = variant_headers(newsletter, rendered, self.shared_headers)
        self._chunks = [b""]
        self._text_places = self._append(_OPENING, rendered.text)
        self._html_places = self._append(_BETWEEN, rendered.html)
        self._chunks.append(_CLOSING)

    def dated(self, sent_at: datetime) -> Encode:
        """The writer of messages that bear this aware time as their Date."""
        return partial(self._encode, self._headers + date_header(sent_at))

    def own_headers(self, personalisation: Personalisation) -> dict[str, str]:
        """The headers of a list that are this reader's alone."""
        return own_headers(self._list_id, personalisation)

    @staticmethod
    def _shared(newsletter: Newsletter, variant: Variant) -> dict[str, str]:
        return shared_headers(newsletter, variant)

    def _append(self, opening: bytes, text: OpenText) -> list[tuple[int, int]]:
        """Add a part to the chunks; gives each merge field's place among them, and its number."""
        self._chunks.append(opening)
        places = []
        for piece in text.pieces:
            if isinstance(piece, MergeField):
                places.append((len(self._chunks), _FIELDS.index(piece)))
            self._chunks.append(b"" if isinstance(piece, MergeField) else _quoted(piece))
        return places

    def _encode(self, headers: bytes, personalisation: Personalisation) -> list[bytes]:
        text, html = _quoted_values(personalisation)
        chunks = self._chunks.copy()
        own = self.own_headers(personalisation)
        chunks[0] = headers + personal_headers(personalisation.recipient, own)
        for place, field in self._text_places:
            chunks[place] = text[field]
        for place, field in self._html_places:
            chunks[place] = html[field]
        return chunks


class LetterEncoder(VariantEncoder):
    """Writes a letter: the same for one person who is not, or not only, a reader of the list."""

    def message(self, its_id: str, to: str, *, written_at: datetime) -> Message:
        """The letter to one address, under an id of its own.

        It bears no name: whoever filled in a form may have written anything there.
        """
        reader = Personalisation(its_id, Address(to), "", "", "")
        write = self.dated(written_at)
        return Message(self._rendered, reader, write, self.shared_headers, self.own_headers(reader))

    def own_headers(self, personalisation: Personalisation) -> dict[str, str]:
        """The headers that are this person's alone."""
        return message_id(self._list_id, personalisation)

    @staticmethod
    def _shared(newsletter: Newsletter, variant: Variant) -> dict[str, str]:  # noqa: ARG004
        return letter_headers()


def _quoted_values(personalisation: Personalisation) -> tuple[list[bytes], list[bytes]]:
    """The values for the text and for the HTML, in the order of `MergeField`."""
    values = _VALUES(personalisation)
    text = [_quoted(value) for value in values]
    html = [
        _quoted(escape(value)) if _SPECIAL(value) else quoted
        for value, quoted in zip(values, text, strict=True)
    ]
    return text, html


def _quoted(text: str) -> bytes:
    """The text in quoted-printable as whole lines, so that any other may go before or after it.

    Its last line ends in a soft break unless the text does in a hard one.
    """
    if text.isascii() and text.isprintable() and "=" not in text and "From " not in text:
        octets = text.encode()
        return b"".join([octets[i : i + 75] + b"=\r\n" for i in range(0, len(octets), 75)])
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # The "x" has b2a_qp leave room for the soft break and a blank before it as it is.
    lines = b2a_qp(text.encode("utf-8", "replace") + b"x")[:-1]
    if not lines.endswith(b"\n"):
        lines += b"=\n"
    # A relay that stores mail as mbox would turn "From " into ">From " and break the signature.
    if "From " in text:
        lines = _FROM_LINE.sub(b"Fro=\nm ", lines)
    return lines.replace(b"\n", b"\r\n")
