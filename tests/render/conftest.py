from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.assemble import variant_of
from newsletter.model.issue import Issue, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, RenderedVariant
from newsletter.render.renderer import Renderer
from newsletter.sources.issues import ContentRules, read_issue
from newsletter.sources.taxonomy import read_taxonomy
from newsletter.templates import Templates
from tests.fakes.newsletters import NEWSLETTER

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def newsletter() -> Newsletter:
    return replace(
        NEWSLETTER,
        name="Psychotherapy Research Digest",
        organisation="The Institute & Friends",
        postal_address="1 Main Street, Ottawa ON  K1A 0A1, Canada",
    )


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return read_taxonomy(ROOT / "issues/taxonomy.toml", "issues/taxonomy.toml", [])


@pytest.fixture(scope="session")
def templates() -> Templates:
    return Templates([ROOT / "templates"])


@pytest.fixture(scope="session")
def renderer(templates: Templates, newsletter: Newsletter, taxonomy: Taxonomy) -> Renderer:
    return Renderer(templates, newsletter, taxonomy)


@pytest.fixture(scope="session", params=["2022-10", "2022-11"])
def issue(request: pytest.FixtureRequest, taxonomy: Taxonomy) -> Issue:
    """The bundled issues."""
    rules = ContentRules(("Practice implications",), callout_required=True)
    reading = read_issue(ROOT / "issues" / request.param, request.param, taxonomy, rules)
    assert reading.issue is not None, reading.problems
    return reading.issue


@pytest.fixture(scope="session", params=["en", "fr"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(
    scope="session", params=[{0, 1, 2}, {1}, set()], ids=["all", "one in full", "headlines"]
)
def rendered(
    renderer: Renderer,
    newsletter: Newsletter,
    issue: Issue,
    language: str,
    request: pytest.FixtureRequest,
) -> RenderedVariant:
    """Variants of the bundled issues, of every kind."""
    variant = variant_of(issue, request.param, language)
    return renderer.compile(issue, language).join(variant, newsletter)


@pytest.fixture(scope="session")
def values() -> dict[MergeField, str]:
    return {
        MergeField.GREETING: "Dear Anna,",
        MergeField.UNSUBSCRIBE_URL: f"https://news.example/unsubscribe/{'u' * 66}",
        MergeField.PREFERENCES_URL: f"https://news.example/preferences/{'p' * 66}",
    }


@pytest.fixture(scope="session")
def html(rendered: RenderedVariant, values: dict[MergeField, str]) -> str:
    return rendered.html.filled(values)


@pytest.fixture(scope="session")
def text(rendered: RenderedVariant, values: dict[MergeField, str]) -> str:
    return rendered.text.filled(values)
