"""The preview in a real browser, as an editor uses it."""

import re
from pathlib import Path
from zipfile import ZipFile

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser import Mode, Tabs, accessibility_faults
from tests.preview.conftest import MONTH, Previewed, Start, until

ARTICLE = f"issues/{MONTH}/01-alliance.md"
SCREENS = ["email", "text", "source", "headers", "inbox", "compare", "archive", "plan"]
GROUND = """() => {
  const email = document.querySelector(".frame").contentWindow;
  return email.getComputedStyle(email.document.body).backgroundColor;
}"""
SCROLL = "() => document.querySelector('.frame').contentWindow.scrollY"


@pytest.fixture
def page(preview: Previewed, tabs: Tabs) -> Page:
    page = tabs.open(preview.url)
    see_all(page)
    return page


def see_all(page: Page) -> None:
    """Wait until the email is there and every save will be shown."""
    expect(page.locator("#live")).to_have_text("Live")
    expect(page.frame_locator(".frame").locator("h1").first).to_be_visible()


def see(page: Page, words: str) -> None:
    """Wait until the email holds these words."""
    expect(page.frame_locator(".frame").get_by_text(words).first).to_be_attached()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(("width", "mode"), [(1280, "light"), (1024, "dark")])
def test_every_screen_can_be_used_by_everybody(
    preview: Previewed, tabs: Tabs, screen: str, width: int, mode: Mode
) -> None:
    address = f"{preview.url}/?show={screen}&mode={mode}&variant=en-1"
    page = tabs.open(address, width=width, mode=mode)
    expect(page.locator("#live")).to_have_text("Live")
    assert accessibility_faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_email_can_be_used_by_everybody(preview: Previewed, tabs: Tabs, mode: str) -> None:
    page = tabs.open()
    page.set_content(preview.get(f"/email?variant=en-1&mode={mode}").text)
    assert accessibility_faults(page) == []


@pytest.mark.parametrize(("device", "width"), [("desktop", 680), ("tablet", 744), ("phone", 375)])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_device_has_its_width_and_mode(
    preview: Previewed, tabs: Tabs, device: str, width: int, mode: str
) -> None:
    page = tabs.open(f"{preview.url}/?device={device}&mode={mode}", width=1024)
    see_all(page)
    assert page.evaluate("() => document.querySelector('.frame').contentWindow.innerWidth") == width
    assert page.evaluate(GROUND) == ("rgb(246, 243, 238)" if mode == "light" else "rgb(18, 24, 27)")


def test_the_titles_of_a_table_are_whole_words_on_a_phone(preview: Previewed, tabs: Tabs) -> None:
    table = (
        "| Treatment | Trials | Effect on depression |\n|---|---:|---:|\n"
        "| Sleep hygiene, and nothing else | 12 | 0.12 |\n\nFew findings"
    )
    preview.edit(ARTICLE, "Few findings", table)
    until(lambda: "Sleep hygiene" in preview.get("/email").text)
    page = tabs.open(f"{preview.url}/?device=phone")
    title = page.frame_locator(".frame").locator("th", has_text="Trials")
    see_all(page)
    lines = """title => {
      const words = document.createRange();
      words.selectNodeContents(title);
      return words.getClientRects().length;
    }"""
    assert title.evaluate(lines) == 1


def test_a_save_shows_where_one_was_reading(preview: Previewed, page: Page) -> None:
    page.evaluate("() => document.querySelector('.frame').contentWindow.scrollTo(0, 500)")
    preview.edit(ARTICLE, "Few findings in our field", "Hardly any findings")
    see(page, "Hardly any findings")
    assert page.evaluate(SCROLL) == 500
    preview.edit(f"issues/{MONTH}/issue.toml", "When the alliance is", "Where the alliance was")
    expect(page.locator(".subject")).to_contain_text("Where the alliance was")
    assert page.evaluate(SCROLL) == 500


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("issues/taxonomy.toml", "Therapeutic Relationship", "Working Bond"),
        ("templates/email/issue.mjml", '{{ _("In this issue") }}', "Inside"),
        ("config.toml", "Rideau Practice", "Ottawa Practice"),
    ],
)
def test_whatever_is_saved_is_shown(
    preview: Previewed, page: Page, file: str, old: str, new: str
) -> None:
    preview.edit(file, old, new)
    see(page, new)


def test_a_page_in_the_background_holds_no_connection_and_catches_up(
    preview: Previewed, page: Page
) -> None:
    """A browser has six connections to one place, for all its tabs together."""
    turn = """() => {
      Object.defineProperty(document, "hidden", { value: !document.hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    asked: list[str] = []
    page.evaluate(turn)
    page.wait_for_load_state("networkidle")
    page.on("request", lambda request: asked.append(request.url))
    preview.edit(ARTICLE, "Few findings in our field", "Hardly any findings")
    until(lambda: "Hardly any findings" in preview.get("/email").text)
    assert asked == []
    page.evaluate(turn)
    see(page, "Hardly any findings")


def test_the_lines_around_a_finding_open_and_stay_open_over_a_save(
    preview: Previewed, page: Page
) -> None:
    preview.edit(ARTICLE, "Few findings", "TK findings")
    finding = page.locator("#checks .finding", has_text="'TK' is left over")
    finding.locator("summary").click()
    expect(finding.locator(".lines")).to_contain_text("TK findings in our field")
    preview.edit(ARTICLE, "Zilcha-Mano and colleagues", "Zilcha-Mano and others")
    see(page, "Zilcha-Mano and others")
    expect(finding.locator(".lines")).to_be_visible()
    assert accessibility_faults(page) == []


def test_a_style_sheet_is_shown_at_once(preview: Previewed, page: Page) -> None:
    preview.edit("templates/palette.toml", '"#1d2a2f"', '"#002244"')
    ink = page.frame_locator(".frame").locator("h1")
    expect(ink).to_have_css("color", "rgb(0, 34, 68)")


def test_a_new_picture_is_shown_from_the_folder(preview: Previewed, page: Page) -> None:
    Image.new("RGB", (40, 20), "#0b5d5e").save(preview.path / f"issues/{MONTH}/chart.png")
    preview.edit(ARTICLE, "Few findings", "![A chart](chart.png)\n\nFew findings")
    picture = page.frame_locator(".frame").get_by_alt_text("A chart")
    expect(picture).to_be_attached()
    expect(picture).to_have_js_property("naturalWidth", 40)
    page.keyboard.press("i")
    expect(picture).to_have_js_property("naturalWidth", 0)


def test_a_broken_file_leaves_the_last_sound_email_and_mending_recovers(
    preview: Previewed, page: Page
) -> None:
    preview.edit(ARTICLE, "teaser = ", "taeser = ")
    trouble = page.locator("#trouble")
    expect(trouble).to_contain_text("01-alliance.md:7")
    expect(trouble).to_contain_text("taeser = ")
    assert accessibility_faults(page) == []
    see(page, "Few findings in our field")
    preview.edit("templates/email/article.mjml", "article.title }}", "article.titel }}")
    preview.edit(ARTICLE, "taeser = ", "teaser = ")
    expect(trouble).to_contain_text("templates/email/article.mjml:")
    preview.edit("templates/email/article.mjml", "article.titel }}", "article.title }}")
    expect(page.locator(".trouble")).to_have_count(0)


def test_an_issue_appears_when_it_is_begun(
    made: Path, folder: Path, start: Start, tabs: Tabs
) -> None:
    issues = folder / "issues"
    issues.rename(folder / "away")
    preview = start(folder)
    page = tabs.open(preview.url)
    expect(page.locator("#stage")).to_contain_text("There is no issue yet.")
    expect(page.locator("#live")).to_have_text("Live")
    assert accessibility_faults(page) == []
    (folder / "away").rename(issues)
    see(page, "Dear reader")
    preview.edit(ARTICLE, "Few findings", "Some findings")
    see(page, "Some findings")


def test_a_variant_and_a_reader_are_chosen(page: Page) -> None:
    page.locator("[data-variant=en-1]").click()
    see(page, "Also this month")
    expect(page.locator("[data-variant=en-1]")).to_have_attribute("aria-current", "true")
    page.get_by_text("Choose a reader", exact=True).click()
    page.get_by_label("Efficacy of Treatments").check()
    page.get_by_label("Language").select_option("fr")
    page.get_by_label("Name", exact=True).fill("Zoé")
    page.get_by_role("button", name="Show their email").click()
    see(page, "Zoé")
    see(page, "Aussi ce mois-ci")
    assert "topics=efficacy" in page.url
    page.go_back()
    see(page, "Also this month")


def test_links_of_the_email_are_named_and_its_archive_is_shown(page: Page) -> None:
    inside = page.frame_locator(".frame")
    inside.get_by_role("link", name="change your topics").click()
    expect(page.locator("#said")).to_contain_text("https://digest.rideau-network.example/pref")
    inside.get_by_role("link", name="This article in the archive").first.click()
    page.wait_for_url("**show=archive**")
    see(page, "The alliance: how does it work")
    assert "01-alliance" in page.url


def test_the_checks_show_what_to_mend(preview: Previewed, page: Page) -> None:
    preview.edit(f"issues/{MONTH}/issue.toml", "When the alliance is the treatment", "TK " * 28)
    checks = page.locator("#checks")
    expect(checks).to_contain_text("issue.toml:")
    expect(checks).to_contain_text("subject")
    expect(page.locator("#checks .count")).not_to_be_empty()


def test_a_test_is_sent_from_the_keyboard(preview: Previewed, page: Page) -> None:
    page.keyboard.press("m")
    page.keyboard.type("me@home.example")
    page.keyboard.press("Enter")
    expect(page.locator("#test")).to_contain_text("Sent a test of en-all to me@home.example")
    assert len(list((preview.path / "var/outbox/new").glob("*.eml"))) == 1


def test_the_keys_do_what_their_sheet_says(page: Page) -> None:
    for key, address in [("3", "device=phone"), ("d", "mode=dark"), ("i", "images=off")]:
        page.keyboard.press(key)
        page.wait_for_url(f"**{address}**")
    page.keyboard.press("j")
    page.wait_for_url("**variant=fr-all**")
    page.frame_locator(".frame").locator("h1").click()
    page.keyboard.press("k")  # also while the email has the focus
    page.wait_for_url("**variant=en-all**")
    page.keyboard.press("f")
    expect(page.locator("#inspector")).to_have_count(0)
    page.keyboard.press("f")
    expect(page.locator("#inspector")).to_be_visible()
    for key, show in [("t", "text"), ("s", "source"), ("p", "plan"), ("a", "archive")]:
        page.keyboard.press(key)
        page.wait_for_url(f"**show={show}**")
    page.keyboard.press("?")
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("two variants side by side")
    assert accessibility_faults(page) == []
    page.get_by_label("Keys are on").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("e")
    expect(page.locator("#stage")).to_have_attribute("data-show", "archive")


def test_two_variants_stand_side_by_side(page: Page) -> None:
    page.keyboard.press("c")
    expect(page.locator(".frame")).to_have_count(2)
    page.get_by_label("Beside").select_option("en-1")
    page.wait_for_url("**beside=en-1**")
    second = page.frame_locator(".frame >> nth=1")
    expect(second.get_by_text("Also this month").first).to_be_attached()


def test_a_key_whose_control_is_not_in_sight_says_where_it_is(page: Page) -> None:
    page.keyboard.press("c")
    expect(page.locator(".frame")).to_have_count(2)
    page.keyboard.press("m")
    expect(page.locator("#said")).to_contain_text("press e first")


def test_the_link_to_a_view_gives_that_view(preview: Previewed, tabs: Tabs) -> None:
    page = tabs.open(preview.url, permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator("#live")).to_have_text("Live")
    page.keyboard.press("3")
    page.wait_for_url("**device=phone**")
    expect(page.frame_locator(".frame[data-device=phone]").locator("h1")).to_be_visible()
    page.keyboard.press("y")
    expect(page.locator("#said")).to_have_text("The link is copied.")
    link = str(page.evaluate("navigator.clipboard.readText()"))
    again = tabs.open(link)
    expect(again.get_by_role("link", name="Phone")).to_have_attribute("aria-current", "true")


def test_pictures_of_every_variant_come_as_one_file(
    preview: Previewed, page: Page, tmp_path: Path
) -> None:
    with page.expect_download(timeout=60_000) as download:
        page.get_by_role("button", name=re.compile("Pictures of all")).click()
    download.value.save_as(tmp_path / "pictures.zip")
    with ZipFile(tmp_path / "pictures.zip") as archive:
        names = archive.namelist()
        first = archive.read(names[0])
    assert f"{MONTH}-en-1-desktop-light.png" in names
    assert len(names) == page.locator("[data-variant]").count()
    assert first.startswith(b"\x89PNG")


def test_it_can_be_read_without_a_script(preview: Previewed, tabs: Tabs) -> None:
    page = tabs.open(preview.url, javascript=False)
    page.locator("[data-variant=en-1]").click()
    see(page, "Also this month")
    page.get_by_role("link", name="Text").click()
    expect(page.locator("pre.sheet")).to_contain_text("Also this month")
    page.get_by_text("Choose a reader", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Zoé")
    page.get_by_role("button", name="Show their email").click()
    expect(page.locator("pre.sheet")).to_contain_text("Dear Zoé")


def test_a_preview_that_has_stopped_says_so(preview: Previewed, page: Page, tabs: Tabs) -> None:
    tabs.forgiven.append("ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE")
    preview.server.stop()
    expect(page.locator("#live")).to_have_text("Not connected: newsletter preview has stopped")
