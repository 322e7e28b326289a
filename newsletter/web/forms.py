"""What a visitor sent: read within limits, one clean line for each field."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

_MOST_FIELDS: Final = 200
LONGEST_NAME: Final = 100
_FORMS: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Form:
    """A form's fields; each value is one line, trimmed, without control characters."""

    fields: Mapping[str, list[str]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.fields

    def one(self, name: str) -> str:
        """The field's value, the last where it stands there several times; empty without it."""
        return self.fields.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        """Every value of a field, such as the boxes that are ticked."""
        return [value for value in self.fields.get(name, []) if value]


async def read_form(request: Request) -> Form:
    """The form in a request's body, urlencoded or multipart. Answers 400 where there is none."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    pairs = await _multipart(request) if kind == _FORMS else await _urlencoded(request)
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(clean(value))
    return Form(fields)


def clean(text: str) -> str:
    """The text on one line: what cannot be seen or stored counts as a blank."""
    seen = "".join(" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} else c for c in text)
    return " ".join(seen.split())


async def _urlencoded(request: Request) -> list[tuple[str, str]]:
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise HTTPException(400) from None


async def _multipart(request: Request) -> list[tuple[str, str]]:
    async with request.form(max_files=0, max_fields=_MOST_FIELDS) as form:
        return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
