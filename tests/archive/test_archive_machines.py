"""What machines read in the archive: feeds, maps, structured data, pictures, redirects, copies."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from socket import create_connection, socket
from time import sleep

import pytest
from lxml import etree
from PIL import Image as Pillow

from newsletter.archive.cards import draw_card
from newsletter.archive.copies import Sending, SentVariant, publish_sent, sent_at
from newsletter.archive.destination import copy_by_rsync, copy_to_folder, is_remote
from newsletter.archive.entries import PublishedIssue
from newsletter.archive.publish import publish_site
from newsletter.archive.search import NoSearch, build_index
from newsletter.errors import NewsletterError
from newsletter.model.issue import Image, Passage, Taxonomy
from newsletter.model.newsletter import Newsletter
from newsletter.model.problem import Problem
from newsletter.sources.redirects import read_redirects
from newsletter.templates import Templates
from tests.archive.conftest import Publish

ATOM = {"a": "http://www.w3.org/2005/Atom"}
SENT = datetime(2022, 11, 15, 14, tzinfo=UTC)


@pytest.mark.parametrize("feed", ["feed.xml", "topics/outcomes/feed.xml"])
def test_an_atom_feed_has_what_rfc_4287_asks_for(
    publish: Publish, october: PublishedIssue, november: PublishedIssue, archive: Path, feed: str
) -> None:
    publish(october, replace(november, sent_at=SENT))
    root = etree.fromstring((archive / feed).read_bytes())
    address = f"https://news.example/digest/{feed}"
    assert root.findtext("a:id", namespaces=ATOM) == address
    assert root.find("a:link[@rel='self']", ATOM).get("href") == address  # type: ignore[union-attr]
    assert root.findtext("a:updated", namespaces=ATOM) == "2022-11-15T14:00:00+00:00"
    assert root.findtext("a:author/a:name", namespaces=ATOM) == "The Institute"
    entries = root.findall("a:entry", ATOM)
    ids = [entry.findtext("a:id", namespaces=ATOM) for entry in entries]
    assert ids[0] == "https://news.example/digest/2022-11/01-alliance/"
    assert len(set(ids)) == 4
    for entry in entries:
        for needed in ("title", "updated", "published", "summary"):
            assert entry.findtext(f"a:{needed}", namespaces=ATOM)


def test_the_json_feed_has_what_version_1_1_asks_for(
    publish: Publish, november: PublishedIssue, archive: Path
) -> None:
    publish(replace(november, sent_at=SENT))
    feed = json.loads((archive / "feed.json").read_bytes())
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["feed_url"] == "https://news.example/digest/feed.json"
    first = feed["items"][0]
    assert first["id"] == first["url"] == "https://news.example/digest/2022-11/01-alliance/"
    assert first["date_published"] == "2022-11-15T14:00:00+00:00"
    assert "<em>steady</em>" in first["content_html"]
    assert "Ask early" in first["content_html"]
    assert first["tags"] == ["Alliance", "Outcomes"]


def test_control_characters_never_reach_a_feed(
    publish: Publish, november: PublishedIssue, archive: Path
) -> None:
    issue = november.read()
    odd = replace(issue.articles[1], body=Passage("a\x0b\x1fb\ufffec]]>", "x.md", 1))
    publish(PublishedIssue.of(replace(issue, articles=(odd,)), november.folder))
    etree.fromstring((archive / "feed.xml").read_bytes())


def test_the_map_names_every_page_that_has_something_to_read(
    publish: Publish, october: PublishedIssue, november: PublishedIssue, archive: Path
) -> None:
    publish(october, november)
    found = etree.fromstring((archive / "sitemap.xml").read_bytes()).itertext("{*}loc")
    base = "https://news.example/digest/"
    pages = {
        f"{p.parent.relative_to(archive)}/".removeprefix("./") for p in archive.rglob("*.html")
    }
    assert {str(loc).strip() for loc in found} == {base + path for path in pages} - {
        f"{base}types/survey/"
    }
    assert f"Sitemap: {base}sitemap.xml" in (archive / "robots.txt").read_text("utf-8")


def test_an_article_tells_machines_of_the_paper_it_is_about(
    publish: Publish, november: PublishedIssue, archive: Path
) -> None:
    publish(november)
    page = etree.parse(archive / "2022-11/01-alliance/index.html", etree.HTMLParser())
    data = json.loads(str(page.findtext(".//script[@type='application/ld+json']")))
    assert (data["@type"], data["headline"]) == ("Article", "The alliance & its ruptures")
    assert data["citation"]["@type"] == "ScholarlyArticle"
    assert data["citation"]["identifier"] == "doi:10.1000/a<b>"
    card = page.find(".//meta[@property='og:image']")
    assert card is not None
    path = archive / str(card.get("content")).removeprefix("https://news.example/digest/")
    assert Pillow.open(BytesIO(path.read_bytes())).size == (1200, 630)


def test_a_wide_picture_is_made_narrower_and_tells_nothing_of_its_maker(
    publish: Publish, november: PublishedIssue, archive: Path
) -> None:
    where = Pillow.Exif()
    where[0x010E] = "taken at home"
    photo = Pillow.effect_noise((3000, 1500), 40).convert("RGB")
    photo.save(november.folder / "photo.jpg", exif=where)
    issue = november.read()
    images = {**issue.images, "photo.jpg": Image("photo.jpg", 3000, 1500, 1)}
    publish(PublishedIssue.of(replace(issue, images=images), november.folder))
    published = (archive / "2022-11/photo.jpg").read_bytes()
    assert Pillow.open(BytesIO(published)).size == (1120, 560)
    assert b"taken at home" not in published


def test_an_old_address_leads_to_the_new_page(
    october: PublishedIssue,
    newsletter: Newsletter,
    taxonomy: Taxonomy,
    templates: Templates,
    archive: Path,
) -> None:
    redirects = {"2022-10/feedback": "2022-10/01-feedback", "2022-10/x": "2022-10/gone"}
    publish_site(
        archive,
        [october],
        newsletter=newsletter,
        taxonomy=taxonomy,
        templates=templates,
        redirects=redirects,
    )
    page = (archive / "2022-10/feedback/index.html").read_text("utf-8")
    assert 'content="0; url=../../2022-10/01-feedback/index.html"' in page
    assert 'href="https://news.example/digest/2022-10/01-feedback/"' in page
    assert not (archive / "2022-10/x").exists()


def test_redirects_are_read_with_every_fault_in_its_place(tmp_path: Path) -> None:
    path, problems = tmp_path / "redirects.toml", list[Problem]()
    assert read_redirects(path, "redirects.toml", problems) == {}
    path.write_text('[redirects]\n"topics/a" = "topics/b"\n"/etc" = "../x"\n', "utf-8")
    assert read_redirects(path, "redirects.toml", problems) == {"topics/a": "topics/b"}
    assert [(problem.path, problem.line) for problem in problems] == [("redirects.toml", 3)]


def test_without_pagefind_the_site_is_whole_and_a_line_says_so(
    november: PublishedIssue,
    newsletter: Newsletter,
    taxonomy: Taxonomy,
    templates: Templates,
    archive: Path,
) -> None:
    def missing(_: Path) -> dict[str, bytes]:
        raise NoSearch("it is not on this machine")

    report = publish_site(
        archive,
        [november],
        newsletter=newsletter,
        taxonomy=taxonomy,
        templates=templates,
        indexer=missing,
    )
    assert report.notes == ("The site is built without its search: it is not on this machine.",)
    assert (archive / "index.html").exists()


def test_the_search_index_comes_with_the_first_article_and_goes_with_the_last(
    november: PublishedIssue,
    newsletter: Newsletter,
    taxonomy: Taxonomy,
    templates: Templates,
    archive: Path,
) -> None:
    def publish(*issues: PublishedIssue) -> None:
        publish_site(
            archive,
            issues,
            newsletter=newsletter,
            taxonomy=taxonomy,
            templates=templates,
            indexer=build_index,
        )

    publish()
    assert not (archive / "pagefind").exists()
    publish(november)
    assert (archive / "pagefind/pagefind-entry.json").exists()
    publish()
    assert not (archive / "pagefind").exists()


def test_the_copies_hold_a_sample_the_times_and_the_counts(archive: Path) -> None:
    variant = SentVariant("en-all", ("01-a",), "<p>a</p>", "a\n", b"Subject: a\r\n\r\na\r\n")
    sending = Sending(SENT, None, {"accepted": 3})
    publish_sent(archive, "2022-11", [variant], sending)
    sent = archive / "2022-11/sent"
    assert (sent / "en-all.eml").read_bytes() == variant.message
    manifest = json.loads((sent / "manifest.json").read_bytes())
    assert manifest["en-all"]["sent_at"] == SENT.isoformat()
    assert json.loads((sent / "sending.json").read_bytes())["deliveries"] == {"accepted": 3}
    assert sent_at(archive, "2022-11") == SENT


def test_the_site_is_copied_to_a_folder_and_others_files_stay(
    publish: Publish, october: PublishedIssue, november: PublishedIssue, archive: Path
) -> None:
    publish(october, november)
    there = archive.parent / "www"
    there.mkdir()
    (there / "theirs.html").write_text("theirs", "utf-8")
    first = copy_to_folder(archive, there)
    assert copy_to_folder(archive, there).written == ()
    publish(october)
    assert "2022-11/index.html" in copy_to_folder(archive, there).removed
    assert (there / "theirs.html").exists()
    assert not (there / "2022-11").exists()
    assert not [path for path in first.written if "/." in f"/{path}"]


def test_without_rsync_that_is_said_plainly(
    publish: Publish, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish()
    monkeypatch.setenv("PATH", "")
    assert is_remote("me@www.example:/srv/www")
    assert not is_remote("../www")
    with pytest.raises(NewsletterError, match="rsync is not on this machine"):
        copy_by_rsync(archive, "me@www.example:/srv/www")


def card(name: str, month: str, subject: str) -> Pillow.Image:
    picture = Pillow.open(BytesIO(draw_card(name, month, subject, paper="#fffdfa", ink="#1d2a2f")))
    picture.load()
    assert picture.size == (1200, 630)
    return picture.convert("L").point(lambda level: 255 if level < 200 else 0)


@pytest.mark.parametrize("subject", ["Short", "A subject of many words " * 9, "W" * 200, ""])
def test_the_picture_of_an_issue_keeps_its_words_within_its_margins(subject: str) -> None:
    left, top, right, bottom = card("The Digest", "September 2022", subject).getbbox()  # type: ignore[misc]
    assert left >= 90
    assert top >= 80
    assert bottom <= 590
    assert right <= 1110 or " " not in subject


def test_a_word_that_the_typeface_cannot_set_is_left_out_of_the_picture() -> None:
    assert (
        card("The Digest", "May 2022", "Über 日本").tobytes()
        == card("The Digest", "May 2022", "").tobytes()
    )


@contextmanager
def rsync_daemon(folder: Path) -> Iterator[str]:
    """Another machine, as far as rsync can tell, whose module is the folder."""
    program = shutil.which("rsync")
    if program is None:
        pytest.skip("there is no rsync on this machine")
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = folder.parent / "rsyncd.conf"
    settings.write_text(
        f"use chroot = no\nuid = {os.getuid()}\ngid = {os.getgid()}\n"
        f"[site]\npath = {folder}\nread only = no\n",
        "utf-8",
    )
    options = ["--daemon", "--no-detach", "--address=127.0.0.1", f"--port={port}"]
    daemon = subprocess.Popen([program, *options, f"--config={settings}"])
    try:
        for _ in range(200):
            with suppress(OSError), create_connection(("127.0.0.1", port)):
                break
            sleep(0.05)
        yield f"rsync://127.0.0.1:{port}/site/"
    finally:
        daemon.terminate()
        daemon.wait()


def test_the_site_is_copied_to_another_machine_and_a_refusal_is_told_in_its_words(
    publish: Publish, november: PublishedIssue, archive: Path
) -> None:
    publish(november)
    there = archive.parent / "www"
    there.mkdir()
    (there / "theirs.html").write_text("theirs", "utf-8")
    with rsync_daemon(there) as address:
        assert is_remote(address)
        copy_by_rsync(archive, address)
        mine = {path.relative_to(archive) for path in archive.rglob("[!.]*.*")}
        assert {path.relative_to(there) for path in there.rglob("*.*")} == {
            *mine,
            Path("theirs.html"),
        }
        with pytest.raises(NewsletterError, match="Unknown module"):
            copy_by_rsync(archive, address.replace("/site/", "/nothing/"))
