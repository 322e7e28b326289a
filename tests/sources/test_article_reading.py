import pytest

from newsletter.markdown import parse
from newsletter.model.issue import Article, Passage

from .issue_files import BODY, FRONT, IssueFiles

PATH = "issues/2022-11/a.md"


def test_everything_an_article_may_hold_is_read(files: IssueFiles) -> None:
    files.write(
        "a.md",
        '+++ \ntitle = " The alliance "\ntopics = ["trauma", "alliance"]\n'
        'research_type = "meta-analysis"\nteaser = "One."\ncitation = "Wampold (2015)."\n'
        'doi = "10.1002/wps.20238"\nauthor = "A. Writer"\neveryone = true\n+++\n\nBody.\n\n'
        "### practical Implications:\nWhat to do.\n\n## More\n\nTo the end.\n",
    )

    assert files.article() == Article(
        id="a",
        title="The alliance",
        topics=("trauma", "alliance"),
        research_type="meta-analysis",
        teaser="One.",
        body=Passage("\nBody.\n", PATH, 11),
        implications_heading="practical Implications:",
        implications=Passage("What to do.\n\n## More\n\nTo the end.\n", PATH, 15),
        citation="Wampold (2015).",
        doi="10.1002/wps.20238",
        author="A. Writer",
        everyone=True,
    )


def test_windows_line_ends_and_a_byte_order_mark_make_no_difference(files: IssueFiles) -> None:
    plain = files.article()
    files.write("a.md", b"\xef\xbb\xbf" + (FRONT + BODY).replace("\n", "\r\n").encode())

    assert files.article() == plain


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('title = "The alliance"\n', "", "2: title is missing"),
        ("The alliance", " ", "2: title is empty"),
        ("The alliance", "a\\nb", "2: title must be one line, without control characters"),
        ("The alliance", "a\\u0085b", "2: title must be one line, without control characters"),
        ('"The alliance"', "1", "2: title must be text in quotes"),
        ('topics = ["alliance"]\n', "", "2: topics is missing"),
        ('["alliance"]', "[]", "3: topics is empty"),
        ('["alliance"]', '"alliance"', "3: topics must be a list of texts"),
        ('"alliance"', '"alliance", "alliance"', "3: the topic 'alliance' stands here twice"),
        ('"alliance"', '"aliance"', "3: there is no topic 'aliance'; did you mean 'alliance'?"),
        ('"alliance"', '"ALLIANCE"', "3: there is no topic 'ALLIANCE'; did you mean 'alliance'?"),
        (
            '"alliance"',
            '"Cognitive therapy"',
            "3: there is no topic 'Cognitive therapy'; did you mean",
        ),
        ('"alliance"', '"cog"', "3: there is no topic 'cog'; did you mean 'cbt'?"),
        ('"review"', '"meta"', "4: there is no research type 'meta'; did you mean 'meta-analysis'"),
        ('"alliance"', '""', "3: there is no topic ''"),
        ('research_type = "review"\n', "", "2: research_type is missing"),
        ('"review"', '"reviews"', "4: there is no research type 'reviews'; did you mean 'review'?"),
        ('"review"', '"zebra"', "4: there is no research type 'zebra'"),
        ('teaser = "One sentence."\n', "", "2: teaser is missing"),
        ("One sentence.", "x" * 201, "5: teaser has 201 characters; 200 is the most"),
        ("One sentence.", "x\\ny", "5: teaser must be one line"),
        ("teaser", "teeser", "5: unknown key 'teeser'; did you mean 'teaser'?"),
        ("teaser", 'citation = "a\\nb"\nteaser', "5: citation must be one line"),
        ("teaser", 'author = "a\\rBcc: b"\nteaser', "5: author must be one line"),
        ("teaser", 'everyone = "yes"\nteaser', "5: everyone must be true or false"),
        ("teaser", 'doi = "wps.20238"\nteaser', "5: doi must look like 10.1002/wps.20941"),
        ("teaser", 'doi = "https://x.example/10.1002/wps"\nteaser', "5: doi must look like"),
        ("teaser", "teaser = \nteaser", "5: not TOML: Invalid value"),
        ("The body.", "", "6: the article has no text"),
        (BODY, "", "6: the article has no text"),
        (
            BODY,
            "\nText.\n",
            "6: the article has no call-out; end it with a heading '## Practice impl",
        ),
        (
            "## Practice",
            "## Practise",
            "10: 'Practise implications' opens no call-out; did you mean",
        ),
        ("## Practice implications", "**Practice implications**", "6: the article has no call-out"),
        ("What to do.", "", "10: nothing stands below 'Practice implications'"),
        ("What to do.", "a\n\n# practice implications:\nb", "14: a second call-out 'practice impl"),
        ("The body.", "a\x07", "8: control character U+0007; remove it"),
        ("The body.", "> " * 99 + "a", "8: nested more than 20 levels deep"),
        (
            "The body.",
            "[a](javascript:x)",
            "8: the link to 'javascript:x' cannot be sent: javascript:",
        ),
        ("What to do.", "a\n[a](#b)", "13: the link to '#b' cannot be sent: links within the page"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(
    old: str, new: str, problem: str, files: IssueFiles
) -> None:
    files.replace("a.md", old, new)

    assert files.read().issue is None
    assert any(line.startswith(f"a.md:{problem}") for line in files.problems())


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "1: the file is empty"),
        (" \n\n", "1: the file is empty"),
        ("Only text.\n", "1: there is no front matter; begin the file with TOML"),
        ('---\ntitle: "x"\n---\n', "1: there is no front matter"),
        ('\n+++\ntitle = "x"\n+++\n', "1: there is no front matter"),
        ('+++\ntitle = "x"\n\nText.\n', "1: the front matter begun here is not closed"),
        (b"+++\ntitle = '\xe9'\n+++\n", "2: not UTF-8 text (byte 0xe9); save it as UTF-8"),
        ("x" * 1_000_001, "1: 1,000 kB is too large; 1,000 kB is the most"),
    ],
)
def test_a_file_that_is_no_article_is_one_problem(
    content: str | bytes, problem: str, files: IssueFiles
) -> None:
    files.write("a.md", content)

    [line] = files.problems()
    assert line.startswith(f"a.md:{problem}")


def test_a_folder_in_an_articles_place_is_a_problem(files: IssueFiles) -> None:
    (files.path / "b.md").mkdir()

    assert files.problems() == ["b.md:1: this is not a file"]


@pytest.mark.parametrize(
    ("markdown", "line"),
    [
        ("Text.\n<div>x</div>\n", 8),
        ("[a](https://x.example/a b)\n", 7),
        ("[a]: /nobody\n\nText.\n", 7),
    ],
)
def test_what_readers_would_see_otherwise_than_meant_is_a_warning(
    markdown: str, line: int, files: IssueFiles
) -> None:
    files.write("a.md", FRONT + markdown + BODY)

    assert [problem.partition(": ")[0] for problem in files.problems()] == [f"a.md:{line}"]
    assert files.article().id == "a"


@pytest.mark.parametrize(
    "heading",
    [
        "# PRACTICE IMPLICATIONS",
        "###### Practice implications : ######",
        "Practice implications\n===",
        "Practical\nimplications\n---",
        "## *Practice* implications:",
    ],
)
def test_the_call_out_opens_at_any_spelling_of_its_heading(heading: str, files: IssueFiles) -> None:
    files.write("a.md", f"{FRONT}Body.\n\n{heading}\nWhat to do.\n")
    article = files.article()

    assert article.body.markdown == "Body.\n"
    assert article.implications == Passage("What to do.\n", PATH, 10 + heading.count("\n"))
    assert article.implications_heading.casefold().strip(": ").endswith("implications")


@pytest.mark.parametrize(
    "other",
    [
        "```\n## Practice implications\n```",
        "    ## Practice implications",
        "> ## Practice implications",
        "- ## Practice implications",
        "Practice implications",
    ],
)
def test_what_only_looks_like_the_heading_opens_no_call_out(other: str, files: IssueFiles) -> None:
    files.replace("a.md", "The body.", f"The body.\n\n{other}")

    assert files.article().body.markdown.strip() == f"The body.\n\n{other}"


def test_each_part_keeps_the_link_definitions_of_the_whole(files: IssueFiles) -> None:
    files.replace("a.md", "The body.", "[one] [two]\n\n[two]: https://two.example\n")
    files.replace("a.md", "What to do.", "[two] [one]\n\n[one]: https://one.example\n")
    article = files.article()

    one, two = "https://one.example", "https://two.example"
    assert article.implications
    assert [link.href for link in parse(article.body).links] == [one, two]
    assert [link.href for link in parse(article.implications).links] == [two, one]
    assert files.problems() == []


@pytest.mark.parametrize(
    ("written", "doi"),
    [
        ("10.1002/wps.20238", "10.1002/wps.20238"),
        (" doi: 10.1002/wps.20238", "10.1002/wps.20238"),
        ("DOI:10.1037/cou0000640", "10.1037/cou0000640"),
        ("https://doi.org/10.1002/wps.20238", "10.1002/wps.20238"),
        ("http://dx.doi.org/10.1002/%28SICI%291097", "10.1002/(SICI)1097"),
        ("10.1000.10/a<b>c;2-7", "10.1000.10/a<b>c;2-7"),
    ],
)
def test_a_doi_is_kept_without_its_link(written: str, doi: str, files: IssueFiles) -> None:
    files.replace("a.md", "teaser", f'doi = "{written}"\nteaser')

    assert files.article().doi == doi
