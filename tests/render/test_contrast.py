"""The palette can be read: WCAG 2.2, 1.4.3, every pair that the emails can set."""

import pytest

from newsletter.templates import Templates

TEXTS = ["ink", "quiet", "accent"]
GROUNDS = ["page", "card", "callout"]


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, from 0 to 1."""
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_text_colour_can_be_read_on_every_ground(
    templates: Templates, mode: str, text: str, ground: str
) -> None:
    colours = templates.palette[mode]
    assert contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_no_other_colour_is_in_the_palette(templates: Templates, mode: str) -> None:
    assert {*templates.palette[mode]} == {*TEXTS, *GROUNDS, "rule"}
