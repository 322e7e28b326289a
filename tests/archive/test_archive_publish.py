"""What publishing does to the disk: whole files, no needless writing, nothing lost."""

import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from newsletter.archive.publish import (
    PublishedIssue,
    PublishReport,
    SentVariant,
    publish_sent,
    publish_site,
    write_variants,
)
from newsletter.errors import NewsletterError
from newsletter.model.issue import Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.templates import Templates

Publish = Callable[..., PublishReport]

_SPAWN = get_context("spawn")


def visible_files(folder: Path) -> dict[str, bytes]:
    """What readers can see: every file but the hidden ones."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def variant(name: str, html: str = "<p>é</p>", articles: Sequence[str] = ("01-a",)) -> SentVariant:
    return SentVariant(name, tuple(articles), html, "é\n")


def with_another_article(published: PublishedIssue) -> PublishedIssue:
    """The issue with one more article, which every page of the issue names."""
    articles = published.read().articles
    more = replace(articles[-1], id="09-more", title="One article more")
    issue = replace(published.read(), articles=(*articles, more))
    return PublishedIssue.of(issue, published.folder)


def without_last_article(published: PublishedIssue) -> PublishedIssue:
    issue = replace(published.read(), articles=published.read().articles[:-1])
    return PublishedIssue.of(issue, published.folder)


def test_the_same_issues_in_any_order_give_the_same_bytes(
    publish: Publish, october: PublishedIssue, november: PublishedIssue, tmp_path: Path
) -> None:
    publish(october, november, into=tmp_path / "one")
    publish(november, october, into=tmp_path / "two")
    one, two = visible_files(tmp_path / "one"), visible_files(tmp_path / "two")
    assert one == two
    assert len(one) == 26


def test_publishing_again_writes_nothing(
    publish: Publish, october: PublishedIssue, november: PublishedIssue, archive: Path
) -> None:
    first = publish(october, november)
    before = {path: path.stat() for path in archive.rglob("*")}
    second = publish(october, november)
    assert (second.written, second.removed) == ((), ())
    assert second.unchanged == first.written
    assert {path: path.stat() for path in archive.rglob("*")} == before


def test_only_the_pages_that_changed_are_written(
    publish: Publish, october: PublishedIssue, november: PublishedIssue
) -> None:
    publish(october, november)
    changed = PublishedIssue.of(replace(november.read(), preheader="Another line"), november.folder)
    assert publish(october, changed).written == ("2022-11/index.html",)


def test_what_is_no_longer_in_an_issue_disappears(
    publish: Publish, october: PublishedIssue, november: PublishedIssue, archive: Path
) -> None:
    publish(october, november)
    report = publish(october, without_last_article(november))
    assert report.removed == ("2022-11/02-survey/index.html",)
    assert not (archive / "2022-11/02-survey").exists()
    report = publish(october)
    assert report.removed == (
        "2022-11/01-alliance/index.html",
        "2022-11/index.html",
        "2022-11/plot.png",
        "cards/2022-11.png",
    )
    assert not (archive / "2022-11").exists()


def test_copies_of_what_was_sent_and_files_of_others_are_never_removed(
    publish: Publish, october: PublishedIssue, november: PublishedIssue, archive: Path
) -> None:
    publish(october, november)
    publish_sent(archive, "2022-11", [variant("en-all")])
    theirs = [archive / name for name in ("CNAME", "2022-11/slides.pdf", "talks/index.html")]
    for path in theirs:
        path.parent.mkdir(exist_ok=True)
        path.write_text("theirs", "utf-8")
    publish()
    publish(into=archive.parent / "empty")
    assert set(visible_files(archive)) == {
        *visible_files(archive.parent / "empty"),
        "2022-11/sent/en-all.html",
        "2022-11/sent/en-all.txt",
        "2022-11/sent/manifest.json",
        *(str(path.relative_to(archive)) for path in theirs),
    }


@pytest.mark.parametrize("listed", ["../outside.txt", "{tmp}/outside.txt", "2022-11/sent/a.html"])
def test_no_list_of_files_can_reach_outside_the_site(
    publish: Publish, archive: Path, tmp_path: Path, listed: str
) -> None:
    publish_sent(archive, "2022-11", [variant("a")])
    outside = tmp_path / "outside.txt"
    outside.write_text("theirs", "utf-8")
    (archive / ".published.json").write_text(json.dumps([listed.format(tmp=tmp_path)]), "utf-8")
    assert publish().removed == ()
    assert outside.exists()
    assert (archive / "2022-11/sent/a.html").exists()


def test_copies_are_the_given_strings_and_the_manifest_describes_them(archive: Path) -> None:
    variants = [variant("fr-1", articles=["01-a"]), variant("en-all", articles=["01-a", "02-b"])]
    report = publish_sent(archive, "2022-11", variants)
    assert len(report.written) == 5
    sent = archive / "2022-11/sent"
    html = "<p>é</p>".encode()
    assert (sent / "en-all.html").read_bytes() == html
    assert (sent / "en-all.txt").read_bytes() == "é\n".encode()
    manifest = (sent / "manifest.json").read_text("utf-8")
    assert manifest.endswith("}\n")
    described = {"bytes": 9, "sha256": sha256(html).hexdigest()}
    assert json.loads(manifest) == {
        "en-all": {"articles": ["01-a", "02-b"], **described},
        "fr-1": {"articles": ["01-a"], **described},
    }
    assert list(json.loads(manifest)) == ["en-all", "fr-1"]


def test_build_writes_the_same_files_as_the_archive(archive: Path, tmp_path: Path) -> None:
    publish_sent(archive, "2022-11", [variant("en-all")])
    write_variants(tmp_path / "out", [variant("en-all")])
    assert visible_files(tmp_path / "out") == visible_files(archive / "2022-11/sent")
    write_variants(tmp_path / "out", [variant("en-1")])
    assert list(json.loads((tmp_path / "out/manifest.json").read_bytes())) == ["en-1"]


def test_a_later_part_of_a_sending_adds_its_copies_to_the_earlier_ones(archive: Path) -> None:
    publish_sent(archive, "2022-11", [variant("en-all")])
    report = publish_sent(archive, "2022-11", [variant("en-all"), variant("en-1")])
    assert report.unchanged == ("2022-11/sent/en-all.html", "2022-11/sent/en-all.txt")
    publish_sent(archive, "2022-11", [variant("fr-2")])
    manifest = json.loads((archive / "2022-11/sent/manifest.json").read_bytes())
    assert list(manifest) == ["en-1", "en-all", "fr-2"]


def test_processes_that_publish_at_once_lose_nothing_of_each_other(archive: Path) -> None:
    names = ["en-1", "en-2", "en-3"]
    processes = [
        _SPAWN.Process(target=publish_sent, args=(archive, "2022-11", [variant(name)]))
        for name in names
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert list(json.loads((archive / "2022-11/sent/manifest.json").read_bytes())) == names


def _die_at_event(number: int, archive: Path) -> None:
    """Have the process killed when it does the given thing to the archive, counted from 1."""
    seen = 0

    def count(event: str, args: tuple[Any, ...]) -> None:
        nonlocal seen
        if event in {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}:
            seen += str(args[0]).startswith(str(archive))
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _die_after_bytes(number: int, archive: Path) -> None:
    """Have the process killed within the first file that is longer, its beginning written."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (number, number))


def _publish_and_die(
    arrange: Callable[[int, Path], None],
    number: int,
    archive: Path,
    issues: Sequence[PublishedIssue],
    values: dict[str, Any],
) -> None:
    arrange(number, archive)
    publish_site(archive, issues, **values)


@pytest.fixture
def values(newsletter: Newsletter, taxonomy: Taxonomy, template_folder: Path) -> dict[str, Any]:
    """What another process needs to publish; templates that were used could not go to it."""
    templates = Templates([template_folder])
    return {"newsletter": newsletter, "taxonomy": taxonomy, "templates": templates}


@pytest.mark.parametrize(
    ("arrange", "number", "is_undone"),
    [
        (_die_at_event, 2, True),
        (_die_at_event, 7, False),
        (_die_at_event, 15, True),
        (_die_at_event, 26, True),
        (_die_at_event, 34, False),
        (_die_at_event, 41, False),
        (_die_at_event, 45, True),
        (_die_after_bytes, 100, True),
        (_die_after_bytes, 1500, True),
        (_die_after_bytes, 3000, False),
    ],
)
def test_killed_at_any_moment_it_leaves_old_or_new_files_and_the_next_call_mends(  # noqa: PLR0917
    publish: Publish,
    october: PublishedIssue,
    november: PublishedIssue,
    archive: Path,
    values: dict[str, Any],
    arrange: Callable[[int, Path], None],
    number: int,
    is_undone: bool,
) -> None:
    """The next call is given the old issues again, or the new ones."""
    issues = [october, november]
    changed = [with_another_article(november)]
    publish(*changed)
    new = visible_files(archive)
    publish(*issues)
    old = visible_files(archive)

    arguments = (arrange, number, archive, changed, values)
    process = _SPAWN.Process(target=_publish_and_die, args=arguments)
    process.start()
    process.join()

    assert process.exitcode in {-signal.SIGKILL, -signal.SIGXFSZ}
    for path, content in visible_files(archive).items():
        assert content in {old.get(path), new.get(path)}
    publish(*(issues if is_undone else changed))
    assert visible_files(archive) == (old if is_undone else new)
    assert {path.name for path in archive.rglob(".*")} == {".lock", ".published.json"}
    assert all(any(path.iterdir()) for path in archive.rglob("*") if path.is_dir())


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that takes no more than the first bytes of a file (setrlimit(2), RLIMIT_FSIZE)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_reported_with_the_path_and_keeps_the_old_file(
    publish: Publish, november: PublishedIssue, archive: Path
) -> None:
    publish(november)
    before = visible_files(archive)
    with files_of_at_most(4000), pytest.raises(NewsletterError) as raised:
        publish(with_another_article(november))
    assert raised.value.where.endswith("index.html")
    assert raised.value.what == "File too large"
    assert visible_files(archive) == before


@pytest.mark.parametrize("blocked", ["2022-11", "2022-11/sent", "2022-11/sent/en-all.html/x"])
def test_what_stands_in_the_way_is_named(archive: Path, blocked: str) -> None:
    (archive / blocked).parent.mkdir(parents=True)
    (archive / blocked).write_text("in the way", "utf-8")
    with pytest.raises(NewsletterError, match=f"^{archive}/2022-11/sent.*: [A-Z]") as raised:
        publish_sent(archive, "2022-11", [variant("en-all")])
    assert "\n" not in str(raised.value)


def test_a_manifest_that_somebody_broke_is_not_written_over(archive: Path) -> None:
    publish_sent(archive, "2022-11", [variant("en-all")])
    manifest = archive / "2022-11/sent/manifest.json"
    manifest.write_text("{", "utf-8")
    with pytest.raises(NewsletterError, match=r"manifest\.json: cannot be read"):
        publish_sent(archive, "2022-11", [variant("en-1")])
    assert manifest.read_text("utf-8") == "{"


def test_a_missing_picture_is_named(
    publish: Publish, november: PublishedIssue, tmp_path: Path
) -> None:
    (tmp_path / "plot.png").unlink()
    with pytest.raises(NewsletterError, match=r"plot\.png: No such file or directory"):
        publish(november)
