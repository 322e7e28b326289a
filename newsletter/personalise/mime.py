"""A variant as MIME (RFC 2045, 2046), encoded once; one subscriber's message is a join of bytes."""

import re
from binascii import b2a_qp
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from html import escape
from typing import Final

from newsletter.model.message import Personalisation
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, OpenText, RenderedVariant
from newsletter.personalise.headers import date_header, personal_headers, variant_headers

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


class VariantEncoder:
    """Writes the messages of one variant: multipart/alternative, text first, quoted-printable.

    Parsing a message gives the filled texts back exactly, its line breaks as CRLF.
    """

    def __init__(self, newsletter: Newsletter, rendered: RenderedVariant) -> None:
        self._list_id = newsletter.list_id
        self._headers = variant_headers(newsletter, rendered)
        self._text = _quoted_pieces(rendered.text)
        self._html = _quoted_pieces(rendered.html)

    def dated(self, sent_at: datetime) -> Callable[[Personalisation], bytes]:
        """The writer of messages that bear this aware time as their Date."""
        return partial(self._encode, self._headers + date_header(sent_at))

    def _encode(self, headers: bytes, personalisation: Personalisation) -> bytes:
        text, html = _quoted_values(personalisation)
        return b"".join(
            (
                headers,
                personal_headers(self._list_id, personalisation),
                _OPENING,
                *[text.get(piece, piece) for piece in self._text],
                _BETWEEN,
                *[html.get(piece, piece) for piece in self._html],
                _CLOSING,
            )
        )


def merge_values(personalisation: Personalisation, *, escaped: bool) -> dict[MergeField, str]:
    """What stands in each merge field: plain text, or `escaped` for HTML text and attributes."""
    values = {
        MergeField.GREETING: personalisation.greeting,
        MergeField.UNSUBSCRIBE_URL: personalisation.unsubscribe_url,
        MergeField.PREFERENCES_URL: personalisation.preferences_url,
    }
    return {field: escape(value) for field, value in values.items()} if escaped else values


def _quoted_pieces(text: OpenText) -> list[bytes | MergeField]:
    return [
        piece if isinstance(piece, MergeField) else _quoted(piece) for piece in text.pieces
    ]


def _quoted_values(values: Mapping[MergeField, str]) -> dict[MergeField, bytes]:
    return {field: _quoted(value) for field, value in values.items()}


def _quoted(text: str) -> bytes:
    """The text in quoted-printable as whole lines, so that any other may go before or after it.

    Its last line ends in a soft break unless the text does in a hard one.
    """
    octets = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    # The "x" has b2a_qp leave room for the soft break and a blank before it as it is.
    lines = b2a_qp(octets + b"x")[:-1]
    if not lines.endswith(b"\n"):
        lines += b"=\n"
    # A relay that stores mail as mbox would turn "From " into ">From " and break the signature.
    return _FROM_LINE.sub(b"Fro=\nm ", lines).replace(b"\n", b"\r\n")
