"""What can be said of links and pictures without following them."""

from io import BytesIO

import pytest
from PIL import Image

from .conftest import Editor


def body(editor: Editor, markdown: str) -> list[str]:
    """The findings with this before the article's body, which begins on line 10."""
    editor.replace("a.md", "The body", f"{markdown}\n\nThe body")
    return editor.findings()


def picture(width: int, height: int, kind: str = "PNG", *, is_noisy: bool = False) -> bytes:
    data = BytesIO()
    image = (
        Image.effect_noise((width, height), 90) if is_noisy else Image.new("RGB", (width, height))
    )
    image.save(data, kind)
    return data.getvalue()


@pytest.mark.parametrize(
    ("link", "finding"),
    [
        ("[click here](https://a.example/x)", "the link's words 'click here' say nothing"),
        ("[Here](https://a.example/x)", "the link's words 'Here' say nothing"),
        ("[cliquez ici](https://a.example/x)", "the link's words 'cliquez ici' say nothing"),
        ("[En savoir plus…](https://a.example/x)", "the link's words 'En savoir plus…' say"),
        ("[a page](http://a.example/x)", "the link to a.example is not encrypted; write https://"),
        ("[a page](https://bit.ly/x)", "a short address (bit.ly) hides where it leads"),
        ("[a page](https://me:pw@a.example/x)", "the link to a.example holds a name or password"),
        ("[a page](https://https://a.example/x)", "the address begins twice; write https:// once"),
        ("[a page](http://localhost:8000/x)", "the link to localhost leads where only you can go"),
        ("[a page](http://192.168.1.1/)", "the link to 192.168.1.1 leads where only you can go"),
        ("[a page](https://[::1]/)", "the link to ::1 leads where only you can go"),
        ("[a page](https://wiki.internal/x)", "the link to wiki.internal leads where only you"),
        (
            "[a page](https://a.example/x?utm_source=n&id=3&fbclid=q)",
            "the link follows the reader (utm_source, fbclid); write https://a.example/x?id=3",
        ),
        (
            "[www.bank.example](https://thief.example/x)",
            "the link shows www.bank.example but leads to thief.example; make them agree",
        ),
    ],
)
def test_a_link_worth_a_second_look_is_warned_about(
    link: str, finding: str, editor: Editor
) -> None:
    found = body(editor, f"A line.\n{link}")

    assert len(found) == 1
    assert found[0].startswith(f"a.md:11: warning: {finding}")


@pytest.mark.parametrize(
    "link",
    [
        "[the survey of 2022](https://a.example/x?id=3&page=2)",
        "[write to us](mailto:editor@a.example)",
        "[editor@a.example](mailto:editor@a.example)",
        "[www.a.example](https://a.example/x)",
        "<https://a.example/x>",
        "[e.g. this one](https://a.example/x)",
        "[a page](https://a.example/x) and again [a page](https://a.example/x)",
    ],
)
def test_a_good_link_is_left_alone(link: str, editor: Editor) -> None:
    assert body(editor, link) == []


def test_the_same_words_for_two_places_are_found_within_a_file(editor: Editor) -> None:
    assert body(editor, "[A workshop in May](https://a.example/x)") == []

    [finding] = body(editor, "A line.\n[a workshop in May](https://a.example/y)")
    assert finding == (
        "a.md:13: warning: 'a workshop in May' leads elsewhere on line 10; "
        "let different places have different words"
    )


def test_a_notices_address_is_looked_at_on_its_own_line(editor: Editor) -> None:
    editor.replace("issue.toml", "https://workshop.example/may", "http://workshop.example/may")

    [finding] = editor.findings()
    assert finding.startswith("issue.toml:11: warning: the link to workshop.example is not")


@pytest.mark.parametrize(
    ("alt", "finding"),
    [
        ("image", "the picture's alt text 'image' says nothing of it; say in a few words"),
        ("Figure 1", "the picture's alt text 'Figure 1' says nothing of it"),
        ("Une photo", "the picture's alt text 'Une photo' says nothing of it"),
        ("plot.png", "the picture's alt text 'plot.png' is a file's name"),
        ("Plot", "the picture's alt text 'Plot' is a file's name"),
        ("what the picture shows", "the picture's alt text 'what the picture shows' says nothing"),
        ("Two curves that meet at week eight", None),
        ("Image et parole: couverture du livre", None),
    ],
)
def test_alt_text_that_says_nothing_is_warned_about(
    alt: str, finding: str | None, editor: Editor
) -> None:
    editor.write("plot.png", picture(560, 300))

    found = body(editor, f"A line.\n![{alt}](plot.png)")
    assert found == [] if finding is None else found[0].startswith(f"a.md:11: warning: {finding}")


@pytest.mark.parametrize(
    ("alt", "note"),
    [
        ("Picture of two curves", "begins with 'Picture of'; leave that out"),
        ("une photo de la salle", "begins with 'une photo de'; leave that out"),
        ("a" * 151, "has 151 characters; keep it under 150"),
    ],
)
def test_wordy_alt_text_is_noted(alt: str, note: str, editor: Editor) -> None:
    editor.write("plot.png", picture(560, 300))

    assert body(editor, f"![{alt}](plot.png)") == []
    assert any(note in one for one in editor.findings("note"))


@pytest.mark.parametrize(
    ("name", "data", "finding"),
    [
        ("plot.png", picture(1120, 300), None),
        ("plot.png", picture(1121, 300), "the picture 'plot.png' is 1,121 pixels wide (1 kB)"),
        ("plot.webp", picture(560, 300, "WEBP"), "Outlook for Windows does not show WebP"),
    ],
    ids=["twice the column", "wider", "WebP"],
)
def test_pixels_that_nobody_sees_are_warned_about(
    name: str, data: bytes, finding: str | None, editor: Editor
) -> None:
    editor.write(name, data)

    found = body(editor, f"![Two curves]({name})")
    assert found == [] if finding is None else found[0].startswith(f"a.md:10: warning: {finding}")


def test_pictures_of_more_than_a_megabyte_together_are_warned_about(editor: Editor) -> None:
    for number in range(4):
        editor.write(f"p{number}.png", picture(600, 600, is_noisy=True))

    names = [f"![Curve {number}](p{number}.png)" for number in range(4)]
    [finding] = body(editor, "\n\n".join(names))
    assert finding.startswith("issue.toml:1: warning: the pictures weigh 1.")
