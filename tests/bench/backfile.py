"""Ten years of past issues imported, against reading and checking the folders that come of them."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from newsletter.backfile.importing import Newsroom, PastImport, Wishes
from newsletter.sources.issues import ContentRules, read_issue
from tests.backfile import made_up
from tests.bench import world
from tests.bench.harness import Measure, duration, interleaved

MONTHS = [f"{year}-{month:02}" for year in range(2013, 2023) for month in range(1, 13)]
RULES = ContentRules(("Practice implications",), callout_required=True)


def measures() -> Iterator[Measure]:
    posts = tuple(
        replace(post, date=f"{month}-{day:02}", body=post.body * 3)
        for month in MONTHS
        for day, post in enumerate(made_up.POSTS, start=1)
    )
    with TemporaryDirectory() as folder:
        source, issues = Path(folder, "old.xml"), Path(folder, "issues")
        source.write_text(made_up.wordpress(posts), "utf-8")
        taxonomy = world.desk().taxonomy
        newsroom = Newsroom(issues, taxonomy, RULES, "en", ZoneInfo("UTC"))

        def bring() -> None:
            shutil.rmtree(issues, ignore_errors=True)
            issues.mkdir()
            list(
                PastImport(source, newsroom).run(Wishes(accept_proposals=False, is_rehearsal=False))
            )

        def read() -> None:
            for month in MONTHS:
                read_issue(issues / month, month, taxonomy, RULES)

        bring()
        ours, theirs = interleaved(bring, read, runs=2)
    yield Measure(
        "import of 120 months / reading what came of it",
        ours / theirs,
        7,
        f"{duration(ours)} for 360 articles, {duration(theirs)} to read them",
    )
