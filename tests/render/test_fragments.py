"""One compile, many variants: a variant joined from fragments is the variant compiled alone."""

from itertools import combinations
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from newsletter.assemble import variant_of, whole_issue
from newsletter.model.issue import Article, Issue, IssueStatus, Notice, Passage, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.model.variant import MergeField, OpenText, Variant
from newsletter.render.renderer import Renderer, dump_compiled, load_compiled, shown_by
from newsletter.templates import Templates

TEMPLATES = Path(__file__).parents[2] / "templates"
HOSTILE = [
    "{{7*7}} {% raw %} {# x #}",
    "--> ]--> <!-- <!--[if mso]> <![endif]-->",
    "<!--m0123456789abcde[full 01-a--> m0123456789abcdexgreetingx <!--m0123456789abcde]-->",
    "\"quoted\" 'so' `so` & &amp; &#60; <b>bold</b> </td></table>",
    "❤️ 👩‍👩‍👧 “so” … é",
    "مرحبا \u200f\u202e हिन्दी \u00ad\u00a0",
    r"C:\new \u{41} \1 \g<0> $1 %s %(name)s",
    "*a*\n**b** _c_\n\n> d\n\n- e\n  - f\n\n## g\n\n1. h",
    "[a](https://a.example/?b=1&c=%20) <https://a.example>",
]
LINES = st.lists(
    st.sampled_from([text.replace("\n", " ") for text in HOSTILE])
    | st.text(
        st.characters(
            exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff\u2028\u2029"
        ),
        max_size=20,
    ),
    min_size=1,
    max_size=4,
).map(" ".join)
PASSAGES = st.lists(LINES.map(lambda line: line.replace("![", "")) | st.sampled_from(HOSTILE)).map(
    lambda parts: Passage("\n".join(parts), "file.md", 1)
)
IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,12}", fullmatch=True) | st.sampled_from(
    ["01--a", "01-a--", "headline 01"]
)


def articles(stem: str) -> st.SearchStrategy[Article]:
    return st.builds(
        Article,
        id=st.just(stem),
        title=LINES,
        topics=st.just(("alliance", "training")),
        research_type=st.sampled_from([None, "review"]),
        teaser=LINES,
        body=PASSAGES,
        implications_heading=LINES,
        implications=st.none() | PASSAGES,
        citation=st.none() | LINES,
        doi=st.sampled_from([None, "10.1002/wps.20941", "10.1002/(SICI)1<1::\"A'&>3.0;2-\\B"]),
        author=st.none() | LINES,
    )


ISSUES = st.lists(IDS, min_size=1, max_size=5, unique=True).flatmap(
    lambda stems: st.builds(
        Issue,
        month=st.just("2022-11"),
        status=st.just(IssueStatus.READY),
        subject=LINES,
        preheader=LINES,
        articles=st.tuples(*map(articles, stems)),
        intro=st.none() | PASSAGES,
        notices=st.lists(
            st.builds(Notice, LINES, PASSAGES, st.sampled_from([None, "https://a.example/?b&c"])),
            max_size=2,
        ).map(tuple),
    )
)


def selections(issue: Issue, language: str) -> list[Variant]:
    positions = range(len(issue.articles))
    return [
        variant_of(issue, chosen, language)
        for size in range(len(positions) + 1)
        for chosen in combinations(positions, size)
    ]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(issue=ISSUES, language=st.sampled_from(["en", "fr"]))
def test_every_variant_joined_from_fragments_is_the_one_compiled_alone_byte_for_byte(
    renderer: Renderer, newsletter: Newsletter, issue: Issue, language: str
) -> None:
    compiled = renderer.compile(issue, language)
    for variant in selections(issue, language):
        alone = renderer.compile(issue, language, shown_by(variant))
        assert compiled.join(variant, newsletter) == alone.join(variant, newsletter)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(issue=ISSUES)
def test_no_text_opens_or_closes_a_fragment_or_a_merge_field(
    renderer: Renderer, newsletter: Newsletter, issue: Issue
) -> None:
    compiled = renderer.compile(issue, "en")
    for variant in selections(issue, "en"):
        rendered = compiled.join(variant, newsletter)
        for text in (rendered.html, rendered.text):
            fields = [piece for piece in text.pieces if isinstance(piece, MergeField)]
            assert sorted(fields) == sorted(MergeField)
        lines = literal(rendered.text).splitlines()
        urls = [newsletter.article_url(issue.month, one.id) for one in issue.articles]
        assert [lines.count(url) for url in urls] == [
            one.id in variant.full for one in issue.articles
        ]


def test_a_variant_shows_what_it_says(
    renderer: Renderer, newsletter: Newsletter, issue: Issue
) -> None:
    compiled = renderer.compile(issue, "en")
    for variant in selections(issue, "en"):
        words = " ".join(literal(compiled.join(variant, newsletter).text).split())
        teasers = tuple(one.id for one in issue.articles if one.teaser in words)
        assert teasers == variant.headlines
        assert words.count("Practice implications") == len(variant.full)
        assert ("In this issue" in words) == (len(variant.full) > 1)
        assert ("Also this month" in words) == bool(variant.headlines)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(issue=ISSUES)
def test_what_an_author_writes_in_a_line_arrives_as_it_is(
    renderer: Renderer, newsletter: Newsletter, issue: Issue
) -> None:
    rendered = renderer.compile(issue, "en").join(whole_issue(issue, "en"), newsletter)
    page = etree.fromstring(literal(rendered.html), etree.HTMLParser())
    titles = page.cssselect("h2.title")
    assert [title.xpath("string()") for title in titles] == [one.title for one in issue.articles]
    assert page.findtext(".//title") == issue.subject
    words = " ".join(literal(rendered.text).split())
    for one in issue.articles:
        assert all(" ".join(line.split()) in words for line in (one.title, one.citation or ""))


def literal(text: OpenText) -> str:
    return text.filled(dict.fromkeys(MergeField, ""))


def test_a_compiled_issue_survives_being_written_down(
    renderer: Renderer, newsletter: Newsletter, issue: Issue
) -> None:
    compiled = {language: renderer.compile(issue, language) for language in ("en", "fr")}
    read = load_compiled(dump_compiled(compiled))
    assert read == compiled
    variant = whole_issue(issue, "fr")
    assert read["fr"].join(variant, newsletter) == compiled["fr"].join(variant, newsletter)


def test_rendering_anew_gives_the_same_bytes(
    renderer: Renderer, newsletter: Newsletter, taxonomy: Taxonomy, issue: Issue
) -> None:
    fresh = Renderer(Templates([TEMPLATES]), newsletter, taxonomy)
    assert fresh.compile(issue, "en") == renderer.compile(issue, "en")
