"""Takes the pictures of the README: one variant of the November issue, and the preview of it.

Run by `make screenshots`; needs a Chromium.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from newsletter.assemble import variant_by_id
from newsletter.cli.main import main as main_of
from newsletter.config import load_config
from newsletter.preview.chromium import find_chromium
from newsletter.preview.server import PreviewServer, listen
from newsletter.wiring import open_desk

ROOT = Path(__file__).parent.parent
MONTH, VARIANT = "2022-11", "en-1-3"
HEIGHT = 1080
SHOTS = ((680, "light"), (375, "dark"))
PREVIEWS = (
    ("preview.png", f"variant={VARIANT}", "light"),
    ("preview-phone.png", f"variant={VARIANT}&device=phone&mode=dark", "dark"),
)
MARGIN = 32
GROUND = "#8d938f"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def main() -> None:
    """Write docs/email.png and the pictures of the preview."""
    chromium = find_chromium()
    if not chromium:
        sys.exit("no Chromium found; on Debian: apt-get install chromium")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        page = Path(folder, "email.html")
        page.write_text(render(), "utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        shots = [take(browser, page, width, mode, Path(folder)) for width, mode in SHOTS]
        beside(shots).save(ROOT / "docs" / "email.png", optimize=True)
        take_preview(browser, Path(folder))
        browser.close()


def take_preview(browser: Browser, folder: Path) -> None:
    """The preview of the example newsletter, in light and in dark mode."""
    home = folder / "digest"
    config = str(home / "config.toml")
    main_of(["init", str(home)])
    main_of(["--config", config, "subscribers", "import", str(home / "subscribers/example.csv")])
    server = PreviewServer(
        lambda: load_config(home / "config.toml", {}), listen(0, is_wish=True), MONTH
    )
    server.start()
    for name, query, mode in PREVIEWS:
        context = browser.new_context(
            viewport={"width": 1280, "height": 800},
            color_scheme="dark" if mode == "dark" else "light",
        )
        tab = context.new_page()
        tab.goto(f"{server.url}?{query}")
        tab.get_by_text("Live", exact=True).wait_for()
        tab.screenshot(path=folder / name)
        context.close()
        with Image.open(folder / name) as shot:
            shot.convert("RGB").quantize(128).save(ROOT / "docs" / name, optimize=True)
    server.stop()


def render() -> str:
    """The HTML of the variant, as its archive copy has it."""
    desk = open_desk(load_config(ROOT / "config.example.toml", {}))
    issue = desk.read(MONTH)
    return desk.impersonal(desk.compile(issue), variant_by_id(issue, VARIANT)).html


def take(browser: Browser, page: Path, width: int, mode: str, folder: Path) -> Image.Image:
    """The top of the page at this width, in light or dark mode."""
    context = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme="dark" if mode == "dark" else "light",
    )
    tab = context.new_page()
    tab.goto(page.as_uri())
    target = folder / f"{mode}.png"
    tab.screenshot(path=target)
    context.close()
    with Image.open(target) as shot:
        return shot.convert("RGB")


def beside(shots: list[Image.Image]) -> Image.Image:
    """The pictures side by side on a quiet ground."""
    width = sum(shot.width for shot in shots) + MARGIN * (len(shots) + 1)
    picture = Image.new("RGB", (width, HEIGHT + 2 * MARGIN), GROUND)
    left = MARGIN
    for shot in shots:
        picture.paste(shot, (left, MARGIN))
        left += shot.width + MARGIN
    return picture.quantize(128)


if __name__ == "__main__":
    main()
