"""What the preview says, as a page without a script has it."""

import json
import re
import shutil
from datetime import UTC, datetime
from email.parser import BytesParser
from html import unescape
from pathlib import Path

import pytest
from lxml import etree
from lxml.etree import _Element

from newsletter.cli.main import main
from newsletter.preview.drafts import Drafts
from tests.preview.conftest import MONTH, Previewed, Start, until
from tests.preview.test_preview_guard import token


def variants(page: str) -> dict[str, str]:
    """The variants of a page, and the words of their controls."""
    tree = etree.fromstring(page, etree.HTMLParser())
    controls = (one for one in tree.iter("*") if one.get("data-variant"))
    return {str(one.get("data-variant")): text_of(one) for one in controls}


def region(page: str, name: str) -> str:
    """The words of one part of the page."""
    tree = etree.fromstring(page, etree.HTMLParser())
    return next(text_of(one) for one in tree.iter("section", "div") if one.get("id") == name)


def words(page: str) -> str:
    return text_of(etree.fromstring(page, etree.HTMLParser()))


def text_of(element: _Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


def test_the_first_page_is_the_whole_issue(preview: Previewed) -> None:
    assert "November 2022" in preview.page()
    email = preview.get("/email").text
    for title in ("The alliance: how", "Indigenous Peoples", "Psychotherapy, medication or both"):
        assert title in email
    assert "Also this month" not in email


def test_the_variants_are_those_that_build_writes(preview: Previewed, tmp_path: Path) -> None:
    config = str(preview.path / "config.toml")
    assert main(["--config", config, "build", MONTH, "--out", str(tmp_path / "out")]) == 0
    built = json.loads((tmp_path / "out/manifest.json").read_bytes())
    shown = variants(preview.page())
    assert shown.keys() == built.keys()
    assert preview.page().count("data-variant=") == len(built)


def test_a_variant_says_how_many_get_it_and_what_they_are_like(preview: Previewed) -> None:
    shown = variants(preview.page())
    assert "3 subscribers: alliance" in shown["en-1"]
    assert "every topic" in shown["en-all"]
    assert "French" in shown["fr-all"]


def test_a_variant_is_shown_as_its_readers_get_it(preview: Previewed) -> None:
    email = preview.get("/email?variant=en-1").text
    assert "Also this month" in email
    assert "Few findings in our field" in email
    assert 'lang="fr"' in preview.get("/email?variant=fr-all").text


def test_a_made_up_reader_gets_their_topics_language_and_name(preview: Previewed) -> None:
    email = preview.get("/email?topics=alliance&language=fr&name=Zo%C3%A9+%3CAnge%3E").text
    assert "Zoé &lt;Ange&gt;" in email
    assert 'lang="fr"' in email
    assert "Few findings" in email
    assert "Not in the taxonomy: dragons" in words(preview.page("/?topics=dragons&topics=alliance"))


def test_a_subscriber_is_found_by_address(preview: Previewed) -> None:
    assert "Siobhán" in preview.get("/email?subscriber=SIOBHAN@harbour-therapy.example").text
    page = words(preview.page("/?subscriber=siobhan@harbour-therapy.example"))
    assert "for Siobhán O'Neill" in page
    assert "nobody of this address" in words(preview.page("/?subscriber=nobody@list.example"))
    assert "@" in words(preview.page("/?subscriber=notanaddress"))
    assert "unsubscribed" in words(preview.page("/?subscriber=petra@yukon-therapists.example"))


def test_a_reader_who_gets_nothing_is_told_so(folder: Path, start: Start) -> None:
    config = folder / "config.toml"
    text = config.read_text("utf-8")
    nothing = 'when_nothing_matches = "skip"'
    config.write_text(text.replace('when_nothing_matches = "headlines"', nothing), "utf-8")
    preview = start(folder, MONTH)
    assert "gets no email this month" in words(preview.page("/?topics=suicide"))
    assert preview.get("/email?topics=suicide").status_code == 404


@pytest.mark.parametrize(
    "variant", ["en-9", "en-", "xx-all", "en-1-1", "en-2-1", "../../x", "en-0"]
)
def test_a_variant_that_is_not_there_gives_the_whole_and_says_so(
    preview: Previewed, variant: str
) -> None:
    page = words(preview.page(f"/?variant={variant}"))
    assert f"no variant {variant}" in page


def test_the_text_part_is_shown_as_it_is(preview: Previewed) -> None:
    page = unescape(preview.page("/?show=text&variant=en-1"))
    assert "\nAlso this month\n===============" in page


def test_the_parts_of_the_source_add_up(preview: Previewed) -> None:
    page = preview.page("/?show=source&variant=en-1")
    tree = etree.fromstring(page, etree.HTMLParser())
    cells = tree.xpath("//table[@class='parts']//td[@class='number']/text()")
    assert isinstance(cells, list)
    total = sum(int(str(cell).replace(",", "")) for cell in cells)
    assert f"{total:,} bytes of HTML; Gmail shows the first 102,000" in words(page)
    names = tree.xpath("//table[@class='parts']//th/a/text()")
    assert isinstance(names, list)
    assert {"Head and styles", "01-alliance.md", "Also this month", "Notices and footer"} <= {
        *names
    }


def test_the_headers_are_those_of_the_message(preview: Previewed) -> None:
    page = words(preview.page("/?show=headers&name=Zo%C3%A9"))
    for header in ("From", "Reply-To", "List-Unsubscribe-Post", "List-Id", "Message-ID"):
        assert header in page
    assert "Zoé <reader@list.example>" in page


def test_the_plan_counts_everybody(preview: Previewed) -> None:
    page = words(preview.page("/?show=plan"))
    assert "22 subscribers would get November 2022" in page
    assert "unsubscribed2" in page
    assert "unconfirmed2" in page


def test_an_issue_that_was_sent_before_its_time_is_no_longer_due(
    folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = f"{datetime.now(UTC).year + 1}-12"
    (folder / "issues" / MONTH).rename(folder / "issues" / month)
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", "a key for the tests")
    assert main(["--config", str(folder / "config.toml"), "send", month, "--yes"]) == 0
    assert "finished was due " in words(start(folder, month).page())


def test_the_plan_of_an_issue_that_was_sent_says_so(
    folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", "a key for the tests")
    assert main(["--config", str(folder / "config.toml"), "send", MONTH, "--yes"]) == 0
    page = words(start(folder, MONTH).page("/?show=plan"))
    assert "November 2022 is finished. Were it sent to today's subscribers, 22 would get it" in page


def test_the_archive_is_shown_as_it_would_be(preview: Previewed) -> None:
    assert "/archive/dark/2022-11/2022-11/index.html" in preview.page("/?show=archive&mode=dark")
    page = preview.get("/archive/dark/2022-11/2022-11/index.html").text
    assert "When the alliance is the treatment" in page
    assert preview.get("/archive/dark/2022-11/2022-11/01-alliance/index.html").is_success
    assert "prefers-color-scheme" not in preview.get("/archive/dark/2022-11/style.css").text
    assert preview.get("/archive/dark/2022-11/nothing.html").status_code == 404


def test_all_of_a_view_stands_in_its_address(preview: Previewed) -> None:
    address = "/?issue=2022-10&variant=en-1&device=phone&mode=dark&images=off"
    page = preview.page(address)
    assert "October 2022" in page
    assert "/email?issue=2022-10&amp;variant=en-1&amp;mode=dark&amp;images=off" in page
    assert 'data-device="phone"' in page
    unknown = preview.page("/?device=watch&mode=sepia&show=nothing&issue=may&panels=maybe")
    assert 'data-device="desktop"' in unknown


def test_a_test_leaves_marked_and_outside_the_ledger(
    preview: Previewed, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"token": token(preview), "view": "variant=fr-1", "email": "me@home.example"}
    answer = preview.http.post("/test", data=data)
    assert "Sent a test of fr-1 to me@home.example through outbox." in words(answer.text)
    (file,) = (preview.path / "var/outbox/new").glob("*.eml")
    message = BytesParser().parsebytes(file.read_bytes())
    assert message["To"] == "me@home.example"
    assert message["Subject"].startswith("[Test] ")
    assert main(["--config", str(preview.path / "config.toml"), "status", MONTH, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["deliveries"] == {}


def test_a_test_that_cannot_leave_says_why(preview: Previewed) -> None:
    data = {"token": token(preview), "view": "", "email": "not an address"}
    answer = preview.http.post("/test", data=data)
    assert answer.status_code == 400
    assert "not an address" in words(answer.text)
    data = {"token": token(preview), "view": "variant=en-1-2-3", "email": "me@home.example"}
    assert "no email here to test" not in words(preview.http.post("/test", data=data).text)


def test_links_are_visited_when_asked_and_never_into_a_closed_network(preview: Previewed) -> None:
    article = f"issues/{MONTH}/01-alliance.md"
    preview.edit(article, "Few findings", "[Few](http://127.0.0.1:9/inside) findings")
    assert "127.0.0.1:9" not in region(preview.page(), "links")
    answer = preview.http.post("/links", data={"token": token(preview), "view": ""}, timeout=60)
    found = region(answer.text, "links")
    assert "01-alliance.md:" in found
    assert "http://127.0.0.1:9/inside" in found
    assert preview.http.post("/links", data={"view": ""}).status_code == 403


def test_a_variant_nobody_gets_cannot_be_tested(preview: Previewed) -> None:
    nobodys = ({"fr-3", "fr-2-3", "en-headlines"} - variants(preview.page()).keys()).pop()
    assert f"Nobody gets {nobodys}" in words(preview.page(f"/?variant={nobodys}"))


def test_an_empty_folder_says_how_to_begin(folder: Path, start: Start) -> None:
    for month in (folder / "issues").glob("2*"):
        for file in month.iterdir():
            file.unlink()
        month.rmdir()
    preview = start(folder)
    page = preview.get("/")
    assert page.status_code == 200
    assert "There is no issue yet." in page.text
    assert "newsletter new" in page.text


def test_an_issue_that_is_not_there_is_named(preview: Previewed) -> None:
    answer = preview.get("/?issue=2031-01")
    assert answer.status_code == 404
    assert "There is no issue 2031-01." in answer.text


def test_nobody_subscribed_gives_the_whole_issue(folder: Path, start: Start) -> None:
    (folder / "var/newsletter.db").unlink()
    preview = start(folder, MONTH)
    page = preview.page()
    assert list(variants(page)) == ["en-all"]
    assert "newsletter subscribers import" in page


def test_a_database_that_cannot_be_used_costs_only_the_numbers(folder: Path, start: Start) -> None:
    (folder / "var/newsletter.db").write_bytes(b"no database at all" * 100)
    preview = start(folder, MONTH)
    page = words(preview.page())
    assert "The subscribers cannot be counted" in page
    assert "this file is not a database" in page
    assert preview.get("/email").is_success


def test_an_issue_that_was_never_sound_shows_its_problems(folder: Path, start: Start) -> None:
    article = folder / f"issues/{MONTH}/01-alliance.md"
    article.write_text(article.read_text("utf-8").replace("teaser = ", "taeser = "), "utf-8")
    preview = start(folder, MONTH)
    page = words(preview.page())
    assert "01-alliance.md:7" in page
    assert "did you mean 'teaser'?" in page
    assert "For some patients a good alliance" in page  # the line itself
    assert preview.get("/email").status_code == 404


def test_problems_close_together_share_the_lines_around_them(folder: Path, start: Start) -> None:
    assert main(["--config", str(folder / "config.toml"), "new", "2026-12"]) == 0
    preview = start(folder, "2026-12")
    trouble = region(preview.page(), "trouble")
    for number, message in ((2, "title"), (3, "topics"), (4, "research_type"), (5, "teaser")):
        assert f"01-first-article.md:{number} {message} is empty" in trouble
    assert trouble.count('title = ""') == 1


def test_of_a_file_that_is_gone_no_other_is_quoted(folder: Path, start: Start) -> None:
    (folder / "issues/taxonomy.toml").unlink()
    trouble = region(start(folder, MONTH).page(), "trouble")
    assert "issues/taxonomy.toml:1 there is no such file" in trouble
    assert "The two axes of the newsletter" not in trouble


def test_another_database_in_the_place_of_the_first_is_counted(folder: Path, start: Start) -> None:
    preview = start(folder, MONTH)
    assert "en-1" in variants(preview.page())
    shutil.rmtree(folder / "var")
    (folder / "one.csv").write_text("email\none@list.example\n", "utf-8")
    config = str(folder / "config.toml")
    assert main(["--config", config, "subscribers", "import", str(folder / "one.csv")]) == 0
    until(lambda: list(variants(preview.page())) == ["en-all"])


def test_a_fault_of_the_preview_is_no_traceback(
    preview: Previewed, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Drafts, "months", lambda _: 1 / 0)
    answer = preview.get("/")
    assert answer.status_code == 500
    assert "A fault in the preview, not in your newsletter" in answer.text
    assert capfd.readouterr().err == ""


def test_every_key_has_its_control(preview: Previewed) -> None:
    addresses = ("/", "/?mode=dark&images=off&panels=off")
    keys = {key for each in addresses for key in re.findall(r'data-key="(.)"', preview.page(each))}
    listed = set(re.findall(r"<kbd>(.)</kbd>", preview.page()))
    assert listed - {"j", "k"} == keys
    assert re.search(r"<kbd>j</kbd></dt><dd>the next variant", preview.page())
