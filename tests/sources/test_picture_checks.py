import os
import random
import struct
from io import BytesIO

import pytest
from PIL import Image as Pillow

from newsletter.model.issue import Image

from .issue_files import FRONT, IssueFiles, picture


def show(files: IssueFiles, markdown: str) -> list[str]:
    files.replace("a.md", "The body.", f"The body.\n\n{markdown}")
    return files.problems()


def claiming_to_be(width: int, height: int) -> bytes:
    """A small GIF whose header states another size (GIF89a, logical screen descriptor)."""
    small = picture("GIF")
    return small[:6] + struct.pack("<HH", width, height) + small[10:]


@pytest.mark.parametrize(
    ("kind", "suffix"), [("PNG", "png"), ("JPEG", "JPG"), ("GIF", "gif"), ("WEBP", "webp")]
)
def test_a_picture_is_measured_and_its_digest_kept(
    kind: str, suffix: str, files: IssueFiles
) -> None:
    name, data = f"a chart.{suffix}", picture(kind, (300, 200))
    files.write(name, data)

    assert show(files, f"![A chart](a%20chart.{suffix})") == []
    issue = files.issue()
    assert issue.images == {name: Image(name, 300, 200, len(data))}
    assert set(issue.digests) == {name, "a.md", "issue.toml"}


def test_a_picture_of_another_kind_than_its_name_says_is_a_warning(files: IssueFiles) -> None:
    files.write("b.png", picture("JPEG"))

    assert show(files, "![B](b.png)") == [
        "a.md:10: warning: the picture 'b.png' should end in .jpg or .jpeg, as its content is"
    ]


def test_pictures_may_lie_in_a_folder_of_the_issue_and_stand_anywhere(files: IssueFiles) -> None:
    files.write("art/one.png", picture())
    files.write("two.png", picture())
    files.write("three.png", picture())
    files.write("unused.png", b"")
    files.replace("issue.toml", "preheader", 'intro = "![Two](two.png)"\npreheader')
    files.replace("a.md", "What to do.", "- ![Three](three.png)")

    assert show(files, "[![One](art/one.png)](https://x.example) ![One](art/one.png)") == []
    assert set(files.issue().images) == {"art/one.png", "two.png", "three.png"}


def test_a_picture_that_is_shown_on_its_side_swaps_width_and_height(files: IssueFiles) -> None:
    data, exif = BytesIO(), Pillow.Exif()
    exif[0x0112] = 6
    Pillow.new("RGB", (40, 30)).save(data, "JPEG", exif=exif)
    files.write("b.jpg", data.getvalue())
    assert show(files, "![B](b.jpg)") == []

    assert (files.issue().images["b.jpg"].width, files.issue().images["b.jpg"].height) == (30, 40)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("https://x.example/a.png", "is on another server, which could follow the readers"),
        ("//x.example/a.png", "is on another server"),
        ("ftp:a.png", "is on another server"),
        ("data:image/png;base64,AAAA", "stands in the text itself"),
        ("/etc/a.png", "must be the plain name of a file in the issue's folder"),
        ("../a.png", "must be the plain name of a file"),
        ("art/../../a.png", "must be the plain name of a file"),
        ("./a.png", "must be the plain name of a file"),
        ("..%2Fa.png", "must be the plain name of a file"),
        ("art\\a.png", "must be the plain name of a file"),
        ("a%00.png", "must be the plain name of a file"),
        ("", "must be the plain name of a file"),
        ("x" * 256 + ".png", "must be the plain name of a file"),
        ("chat.png", "is not usable: there is no such file; did you mean 'chart.png'?"),
        ("folder.png", "is not usable: this is not a file"),
        ("index.html", "must have a name that ends in .png, .jpg, .jpeg, .gif, .webp"),
        ("vector.svg", "must have a name that ends in .png"),
        ("outside.png", "lies outside the issue's folder"),
        ("circle.png", "cannot be read"),
        ("text.png", "is not a PNG, JPEG, GIF or WebP picture"),
        ("empty.png", "is not a PNG, JPEG, GIF or WebP picture"),
        ("bitmap.png", "is not a PNG, JPEG, GIF or WebP picture"),
        ("half.png", "is damaged"),
        ("half.jpg", "is damaged"),
        ("huge.png", "has more than 25 million pixels"),
        ("bomb.png", "has more than 25 million pixels"),
        ("heavy.png", "is not usable: 2,000 kB is too large; 2,000 kB is the most"),
    ],
)
def test_a_picture_that_cannot_be_sent_is_refused_at_its_line(
    source: str, reason: str, files: IssueFiles
) -> None:
    files.write("chart.png", picture())
    files.write("art/chart.png", picture())
    (files.path.parent / "secret.png").write_bytes(picture())
    (files.path / "outside.png").symlink_to("../secret.png")
    (files.path / "circle.png").symlink_to("circle.png")
    files.write("text.png", "text")
    files.write("empty.png", "")
    (files.path / "folder.png").mkdir()
    files.write("bitmap.png", picture("BMP"))
    files.write("half.png", picture(size=(300, 200))[:200])
    files.write("half.jpg", picture("JPEG", (300, 200))[:-200])
    files.write("huge.png", claiming_to_be(5001, 5000))
    files.write("bomb.png", claiming_to_be(20_000, 20_000))
    files.write("heavy.png", picture() + b"x" * 2_000_000)

    [problem] = show(files, f"text\n![A chart](<{source}>)")
    assert problem.startswith("a.md:11: the picture '")
    assert reason in problem
    assert files.read().issue is None


def test_a_picture_needs_a_description(files: IssueFiles) -> None:
    files.write("b.png", picture())

    assert show(files, "![ ](b.png)") == [
        "a.md:10: the picture 'b.png' has no description; write ![what it shows](b.png)"
    ]
    assert files.read().issue is None


def test_a_heavy_picture_is_a_warning(files: IssueFiles) -> None:
    files.write("b.png", picture() + b"x" * 400_000)

    [problem] = show(files, "![B](b.png)")
    assert problem.startswith("a.md:10: warning: the picture 'b.png' is heavy (400 kB)")
    assert files.issue().images


def test_a_picture_inside_the_folder_may_be_reached_through_a_link(files: IssueFiles) -> None:
    files.write("b.png", picture())
    (files.path / "c.png").symlink_to("b.png")

    assert show(files, "![C](c.png)") == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_picture_without_permission_is_a_problem(files: IssueFiles) -> None:
    (files.path / "b.png").touch(mode=0o000)

    assert "Permission denied" in show(files, "![B](b.png)")[0]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_damaged_picture_never_crashes(kind: str, files: IssueFiles) -> None:
    chance = random.Random(7)  # noqa: S311 - the same damage every time
    sound = picture(kind, (64, 48))
    names = [f"{number}.png" for number in range(60)]
    for name in names:
        damaged = bytearray(sound)
        for _ in range(chance.randint(1, 12)):
            damaged[chance.randrange(8, len(damaged))] = chance.randrange(256)
        files.write(name, bytes(damaged))
    files.write("a.md", FRONT + "\n".join(f"![x]({name})" for name in names))

    assert all(line.startswith("a.md:") for line in files.problems())
