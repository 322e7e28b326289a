"""What a preview page shows: all of it stands in the page's address."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final, Self
from urllib.parse import parse_qs, parse_qsl, urlencode

_MONTH: Final = re.compile(r"[1-9][0-9]{3}-(?:0[1-9]|1[0-2])")
_LONGEST: Final = 500  # characters of any one value


class Show(StrEnum):
    """What stands in the middle of the page."""

    EMAIL = "email"
    TEXT = "text"
    SOURCE = "source"
    HEADERS = "headers"
    INBOX = "inbox"
    COMPARE = "compare"
    ARCHIVE = "archive"
    PLAN = "plan"


class Device(StrEnum):
    """How wide the email's window is."""

    DESKTOP = "desktop"
    TABLET = "tablet"
    PHONE = "phone"


class Mode(StrEnum):
    """Whether the reader's device is in light or in dark mode."""

    LIGHT = "light"
    DARK = "dark"


class Switch(StrEnum):
    """Something that is there or not."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class View:
    """One page. Empty fields mean the default: the newest issue, the whole of it, anybody.

    The reader is the subscriber of an address; else the one made up of `topics`, `language` and
    `name` if any of these is given; else anybody who gets `variant`.
    """

    issue: str = ""
    variant: str = ""
    subscriber: str = ""
    topics: tuple[str, ...] = ()
    language: str = ""
    name: str = ""
    show: Show = Show.EMAIL
    device: Device = Device.DESKTOP
    mode: Mode = Mode.LIGHT
    images: Switch = Switch.ON
    beside: str = ""
    page: str = ""
    panels: Switch = Switch.ON

    @classmethod
    def from_query(cls, query: str) -> Self:
        """The view of an address; what is no value of its field is left at the default."""
        values = parse_qs(query, max_num_fields=200)
        found = {name: _value(name, texts) for name, texts in values.items() if name in _DEFAULTS}
        return cls(**{name: value for name, value in found.items() if value})

    @property
    def query(self) -> str:
        """The address's query, without what is at its default."""
        stated = {field: getattr(self, field) for field in _DEFAULTS}
        changed = {field: v for field, v in stated.items() if v != _DEFAULTS[field]}
        return urlencode(changed, doseq=True)

    @property
    def stated(self) -> list[tuple[str, str]]:
        """The query's names and values, for a form that keeps them."""
        return parse_qsl(self.query)

    @property
    def url(self) -> str:
        """The page's address on its server."""
        return f"/?{self.query}" if self.query else "/"

    @property
    def frame_url(self) -> str:
        """Where the email of this view is served, as its frame shows it."""
        default = View()
        bare = self.but(
            show=default.show,
            device=default.device,
            beside=default.beside,
            page=default.page,
            panels=default.panels,
        )
        return f"/email?{bare.query}" if bare.query else "/email"

    @property
    def has_persona(self) -> bool:
        """Whether the reader is made up."""
        return not self.subscriber and bool(self.topics or self.language or self.name)

    def but(self, **changes: Any) -> Self:  # noqa: ANN401 - of each field's own type
        """The same view with other values."""
        return replace(self, **changes)

    def of_variant(self, variant: str) -> Self:
        """The same view of a variant, for anybody who gets it."""
        return self.but(variant=variant, subscriber="", topics=(), language="", name="")

    def of_issue(self, month: str) -> Self:
        """The same view of another issue: the reader stays, the variant may not be there."""
        return self.but(issue=month, variant="", beside="", page="")


_DEFAULT: Final = View()
_DEFAULTS: Final[Mapping[str, Any]] = {
    field.name: getattr(_DEFAULT, field.name) for field in fields(View)
}
_KINDS: Final[Mapping[str, type[StrEnum]]] = {
    name: type(value) for name, value in _DEFAULTS.items() if isinstance(value, StrEnum)
}


def _value(name: str, texts: Sequence[str]) -> Any:  # noqa: ANN401 - of each field's own type
    if name == "topics":
        return tuple(dict.fromkeys(t.strip()[:_LONGEST] for t in texts if t.strip()))
    text = texts[-1].strip()[:_LONGEST]
    if name in _KINDS:
        return _KINDS[name](text) if text in set(_KINDS[name]) else None
    if name == "issue":
        return text if _MONTH.fullmatch(text) else None
    return text
