"""What the elements of HTML mean to who reads the words between them."""

from typing import Final


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
BLOCKS: Final = _names(
    "address article aside blockquote body caption center dd details dir div dl dt "
    "fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html li "
    "main menu nav ol p pre search section summary table tbody td tfoot th thead tr ul"
)
UNREAD: Final = _names(
    "area base button canvas col colgroup datalist head input link map meta noscript "
    "option param rp script select source style svg template textarea title track"
)
EMBEDDED: Final = _names("applet audio embed frame iframe object video")
# What other programs put into a text for the web: sign-up boxes, buttons, share bars.
WIDGETS: Final = _names(
    "subscription-widget-wrap subscription-widget subscribe-widget button-wrapper "
    "sharedaddy jp-relatedposts digest-post-embed kg-signup-card kg-button-card "
    "wp-block-buttons captioned-button-wrap"
)
MARKS: Final = {
    **dict.fromkeys(("b", "strong"), "b"),
    **dict.fromkeys(("i", "em", "cite", "dfn", "var"), "i"),
    **dict.fromkeys(("s", "del", "strike"), "s"),
    **dict.fromkeys(("code", "kbd", "samp", "tt"), "c"),
}
RAISED: Final = dict(zip("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ", strict=True))  # noqa: RUF001
LOWERED: Final = dict(zip("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎", strict=True))  # noqa: RUF001
