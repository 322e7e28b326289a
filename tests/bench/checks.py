"""All the checks of an issue, without the network, beside the compile that they follow."""

from collections.abc import Iterator

from newsletter.render.renderer import Renderer
from tests.bench import world
from tests.bench.harness import Measure, duration, interleaved


def measures() -> Iterator[Measure]:
    desk, issue, compiled = world.desk(), world.issue(), world.compiled()
    renderer = Renderer(desk.templates, desk.newsletter, desk.taxonomy)
    checks, once = interleaved(
        lambda: desk.check_issue(issue, compiled), lambda: renderer.compile(issue, "en"), runs=61
    )
    yield Measure("all checks / one compile", checks / once, 1.5, duration(checks))
