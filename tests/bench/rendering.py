"""The chain from template to inlined HTML, and the variants joined from one compile."""

from collections.abc import Iterator
from itertools import combinations

from lxml import etree

from newsletter.assemble import variant_of
from newsletter.render.fragments import Marks
from newsletter.render.inline import inline_styles
from newsletter.render.mjml import compile_mjml
from newsletter.render.renderer import Renderer
from newsletter.views import view_issue
from tests.bench import world
from tests.bench.harness import Measure, duration, interleaved


def measures() -> Iterator[Measure]:
    desk, issue = world.desk(), world.issue()
    renderer = Renderer(desk.templates, desk.newsletter, desk.taxonomy)
    html = desk.impersonal(world.compiled(), desk.whole(issue)).html

    def parse_and_write() -> bytes:
        tree = etree.fromstring(html, etree.HTMLParser()).getroottree()
        return etree.tostring(tree, method="html", encoding="utf-8")

    view = view_issue(issue, desk.taxonomy, desk.newsletter, heading_base=3)
    values = renderer._values(view, Marks("mark"), "en", None)  # noqa: SLF001 - without the Markdown
    css = desk.templates.render("email/inline.css", "en", {})

    def whole_chain() -> str:
        mjml = desk.templates.render("email/issue.mjml", "en", values)
        return inline_styles(compile_mjml(mjml, where="issue.mjml"), css)

    chain, lxml = interleaved(whole_chain, parse_and_write, runs=61)
    yield Measure("whole chain / lxml parse + serialise", chain / lxml, 5, duration(chain))

    places = range(len(issue.articles))
    selections = [s for size in range(len(places) + 1) for s in combinations(places, size)]
    variants = [variant_of(issue, set(selection), "en") for selection in selections]

    def all_variants() -> None:
        compiled = renderer.compile(issue, "en")
        for variant in variants:
            compiled.join(variant, desk.newsletter)

    both, once = interleaved(all_variants, lambda: renderer.compile(issue, "en"), runs=61)
    yield Measure(f"all {len(variants)} variants / one compile", both / once, 1.3, duration(both))
