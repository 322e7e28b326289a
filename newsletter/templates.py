"""The Jinja2 environment: a newsletter's own templates first, then the bundled ones."""

import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from traceback import extract_tb
from typing import Any, Final

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
)

from newsletter.errors import RenderError
from newsletter.locales import translations

TEXT_WIDTH: Final = 72

# What a template's own text can do wrong: {{ 1 / 0 }}, {{ "a" + 1 }}, bytes that are not UTF-8.
_TEMPLATE_FAULTS: Final = (TemplateError, ArithmeticError, LookupError, TypeError, ValueError)


class Templates:
    """Renders the templates of `folders`, of which an earlier one wins, in any language.

    Markup templates escape every value; `.txt` and `.css` ones do not. An unknown name is an
    error. Text from people is never itself a template.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._loader = ChoiceLoader([FileSystemLoader(folder) for folder in folders])
        self._folders = folders
        self._environments: dict[str, Environment] = {}

    def render(self, name: str, language: str, values: Mapping[str, Any]) -> str:
        """The template of this name. Raises RenderError with the template's name and line."""
        try:
            return self._environment(language).get_template(name).render(values)
        except TemplateSyntaxError as error:
            where = f"templates/{error.name or name}:{error.lineno}"
            raise RenderError(error.message or "not a template", where=where) from error
        except TemplateNotFound as error:
            what = f"there is no template {error.name}"
            raise RenderError(what, where=_place(error, self._folders, name)) from error
        except _TEMPLATE_FAULTS as error:
            what = str(error) or type(error).__name__
            raise RenderError(what, where=_place(error, self._folders, name)) from error

    @cached_property
    def palette(self) -> Mapping[str, Mapping[str, str]]:
        """The colours of light and dark mode and the type stacks: palette.toml's tables."""
        path = next(p for f in self._folders if (p := f / "palette.toml").exists())
        try:
            return tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RenderError(f"not TOML: {error}", where="templates/palette.toml") from error

    def sources(self, *beginnings: str) -> dict[str, str]:
        """The texts of the files whose names begin so, by the names that messages give them."""
        environment = self._environment("en")
        names = environment.list_templates(filter_func=lambda name: name.startswith(beginnings))
        return {
            f"templates/{name}": self._loader.get_source(environment, name)[0] for name in names
        }

    def _environment(self, language: str) -> Environment:
        if language not in self._environments:
            environment = Environment(
                loader=self._loader,
                autoescape=_is_markup,  # noqa: S701 - off for plain text alone
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                extensions=["jinja2.ext.i18n"],
            )
            environment.install_gettext_translations(  # type: ignore[attr-defined]
                translations(language), newstyle=True
            )
            environment.filters.update(wrap=wrap, thousands="{:,}".format)
            environment.globals.update(self.palette, language=language, width=TEXT_WIDTH)
            self._environments[language] = environment
        return self._environments[language]


def wrap(text: str, first: str = "", rest: str = "") -> str:
    """`text` broken at blanks alone into lines of at most 72 characters; long words stay whole."""
    return textwrap.fill(
        text,
        TEXT_WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _is_markup(name: str | None) -> bool:
    return name is None or not name.endswith((".txt", ".css"))


def _place(error: Exception, folders: Sequence[Path], name: str) -> str:
    """The innermost template line of the traceback, which Jinja2 rewrites to template files."""
    for frame in reversed(extract_tb(error.__traceback__)):
        for folder in folders:
            if Path(frame.filename).is_relative_to(folder):
                return f"templates/{Path(frame.filename).relative_to(folder)}:{frame.lineno}"
    return f"templates/{name}:1"
