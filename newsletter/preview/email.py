"""The email that one reader would get, in all its parts."""

from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.parser import BytesParser
from functools import cached_property

from newsletter.model.message import Personalisation, merge_values
from newsletter.model.variant import RenderedVariant, Variant
from newsletter.personalise.mime import VariantEncoder
from newsletter.preview.drafts import Rendering
from newsletter.preview.emulation import emulate, localise_images, without_images
from newsletter.preview.reader import Reader
from newsletter.preview.view import Mode, Switch
from newsletter.preview.weight import Part, weigh


@dataclass(frozen=True, slots=True)
class Header:
    """A header as it is sent, and what it says where it is encoded."""

    name: str
    raw: str
    decoded: str


@dataclass(frozen=True)
class Email:
    """A variant of an issue, filled in for its reader; every part is made when it is asked for."""

    rendering: Rendering
    reader: Reader
    variant: Variant

    @cached_property
    def html(self) -> str:
        """The HTML part."""
        return self._rendered.html.filled(merge_values(self._personalisation, escaped=True))

    @cached_property
    def text(self) -> str:
        """The text part."""
        return self._rendered.text.filled(merge_values(self._personalisation, escaped=False))

    def framed(self, mode: Mode, images: Switch) -> str:
        """The HTML as a device shows it, its pictures from this machine."""
        newsletter, issue = self.rendering.desk.newsletter, self.rendering.issue
        html = emulate(self.html, mode)
        if images is Switch.OFF:
            return without_images(html)
        return localise_images(html, issue.month, newsletter.base_url, issue.images)

    @cached_property
    def parts(self) -> list[Part]:
        """What each part of the HTML weighs."""
        return weigh(
            self.rendering.compiled(self.variant.language),
            self.variant,
            self.rendering.desk.newsletter,
            merge_values(self._personalisation, escaped=True),
        )

    @cached_property
    def size(self) -> int:
        """Bytes of the HTML."""
        return len(self.html.encode())

    def headers(self, sent_at: datetime) -> list[Header]:
        """The headers of the message if it left then."""
        encoder = VariantEncoder(self.rendering.desk.newsletter, self._rendered)
        message = b"".join(encoder.dated(sent_at)(self._personalisation))
        head, _, _ = message.partition(b"\r\n\r\n")
        parse = BytesParser(policy=policy.default).parsebytes
        decoded = parse(head, headersonly=True).values()
        written = head.decode("utf-8", "replace").replace("\r\n ", "\n ").split("\r\n")
        pairs = [line.partition(": ") for line in written]
        return [
            Header(name, raw, str(value) if "=?utf-8?" in raw else "")
            for (name, _, raw), value in zip(pairs, decoded, strict=True)
        ]

    @cached_property
    def _rendered(self) -> RenderedVariant:
        compiled = self.rendering.compiled(self.variant.language)
        return compiled.join(self.variant, self.rendering.desk.newsletter)

    @cached_property
    def _personalisation(self) -> Personalisation:
        desk, month = self.rendering.desk, self.rendering.issue.month
        return self.reader.personalisation(desk, month, self.variant.language)
