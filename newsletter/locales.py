"""The words the program itself says, in the reader's language. The only file that knows Babel.

The catalogues are `catalogues/<language>.po`; English is the text of the code and templates.
"""

from datetime import date, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.dates import format_datetime, format_skeleton
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES: Final = ("en", "fr")
_CATALOGUES: Final = Path(__file__).parent / "catalogues"
_REGIONS: Final = {"en": "en_GB", "fr": "fr_CA"}  # whose dates the language uses


def language_for(tag: str, default: str) -> str:
    """The language of `LANGUAGES` for a BCP 47 tag: its primary subtag, else that of `default`."""
    for wanted in (tag, default):
        primary = wanted.partition("-")[0].lower()
        if primary in LANGUAGES:
            return primary
    return LANGUAGES[0]


@cache
def translations(language: str) -> NullTranslations:
    """The catalogue of one of `LANGUAGES`."""
    path = _CATALOGUES / f"{language}.po"
    if not path.exists():
        return NullTranslations()
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)


def month_name(month: str, language: str) -> str:
    """`2022-11` as `November 2022`, in the language."""
    year, number = month.split("-")
    return format_skeleton("yMMMM", date(int(year), int(number), 1), locale=_REGIONS[language])


def moment(at: datetime, language: str) -> str:
    """A time as its own clock shows it: `Tuesday 1 November 2022, 09:00`."""
    return format_datetime(at, "EEEE d MMMM y, HH:mm", tzinfo=at.tzinfo, locale=_REGIONS[language])


def number(count: int, language: str) -> str:
    """A count with its thousands apart: `2,310`."""
    return format_decimal(count, locale=_REGIONS[language])
