from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image as Pillow

from newsletter.archive.publish import PublishedIssue, PublishReport, publish_site
from newsletter.model.issue import Article, Image, Issue, IssueStatus, Notice, Passage, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates
from tests.fakes.newsletters import NEWSLETTER

Publish = Callable[..., PublishReport]


@pytest.fixture(scope="session")
def newsletter() -> Newsletter:
    return replace(NEWSLETTER, base_url="https://news.example/digest")


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return Taxonomy(
        {"alliance": "Alliance", "outcomes": "Outcomes"}, {"review": "Review", "survey": "Survey"}
    )


@pytest.fixture(scope="session")
def template_folder() -> Path:
    return Path(__file__).parents[2] / "templates"


@pytest.fixture(scope="session")
def templates(template_folder: Path) -> Templates:
    return Templates([template_folder])


@pytest.fixture
def october(tmp_path: Path) -> PublishedIssue:
    return october_in(tmp_path)


@pytest.fixture
def november(tmp_path: Path) -> PublishedIssue:
    return november_in(tmp_path)


def october_in(folder: Path) -> PublishedIssue:
    articles = (article("01-feedback", "Progress feedback"), article("online", "Therapy online"))
    return PublishedIssue.of(issue("2022-10", "Closer together", articles), folder)


def november_in(folder: Path) -> PublishedIssue:
    """An issue that has everything an issue can have, one picture included."""
    Pillow.new("RGB", (900, 300), "white").save(folder / "plot.png")
    full = Article(
        id="01-alliance",
        title="The alliance & its ruptures",
        topics=("alliance", "outcomes"),
        research_type="review",
        teaser="What carries a treatment?",
        body=Passage("Two *steady* findings.\n\n## Method\n\n![Effects](plot.png)", "01.md", 9),
        implications_heading="Practice implications",
        implications=Passage("Ask early, and ask again.", "01.md", 20),
        citation="Doe, J. (2022). A paper. A Journal, 1(2), 3-4.",
        doi="10.1000/a<b>",
        author="Anna Bell",
    )
    return PublishedIssue.of(
        Issue(
            month="2022-11",
            status=IssueStatus.READY,
            subject="When the alliance is the treatment",
            preheader="One review and one survey",
            articles=(full, article("02-survey", "What clients say")),
            intro=Passage("This month we *listen*.", "issue.toml", 5),
            notices=(
                Notice(
                    "Read with us", Passage("On Friday.", "issue.toml", 9), "https://a.example/x"
                ),
            ),
            images={"plot.png": Image("plot.png", 900, 300, 1)},
        ),
        folder,
    )


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture
def publish(
    archive: Path, newsletter: Newsletter, taxonomy: Taxonomy, templates: Templates
) -> Publish:
    def publish(
        *issues: PublishedIssue, into: Path = archive, by: Newsletter = newsletter
    ) -> PublishReport:
        return publish_site(into, issues, newsletter=by, taxonomy=taxonomy, templates=templates)

    return publish


def issue(month: str, subject: str, articles: Sequence[Article]) -> Issue:
    return Issue(month, IssueStatus.PAST, subject, "A line for the inbox", tuple(articles))


def article(stem: str, title: str) -> Article:
    return Article(
        id=stem,
        title=title,
        topics=("outcomes",),
        research_type=None,
        teaser=f"{title}, in a sentence.",
        body=Passage(f"What is known of it: {title}.", f"{stem}.md", 9),
        implications_heading="",
        implications=None,
    )
