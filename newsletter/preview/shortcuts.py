"""The keys of a preview page; each presses the control that has it as `data-key`."""

from typing import Final

SHORTCUTS: Final = (
    (
        "Move",
        (
            ("j", "the next variant"),
            ("k", "the variant before"),
            ("w", "the whole issue"),
            ("r", "choose a reader"),
            ("f", "hide or show the panels"),
        ),
    ),
    (
        "As a reader's device shows it",
        (
            ("1", "desktop"),
            ("2", "tablet"),
            ("3", "phone"),
            ("d", "light or dark"),
            ("i", "pictures on or off"),
        ),
    ),
    (
        "Look at",
        (
            ("e", "the email"),
            ("t", "its text part"),
            ("s", "its source, and what each part weighs"),
            ("h", "its headers"),
            ("b", "its line in the inbox"),
            ("c", "two variants side by side"),
            ("a", "its archive page"),
            ("p", "the plan: who gets what"),
        ),
    ),
    (
        "Do",
        (
            ("m", "send me a test"),
            ("y", "copy the link to exactly this view"),
            ("?", "this sheet"),
            ("Esc", "close it"),
        ),
    ),
)
