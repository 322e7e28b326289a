from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from newsletter.errors import IssueError
from newsletter.model.issue import IssueStatus, Notice, Passage, Taxonomy
from newsletter.model.problem import Severity
from newsletter.sources.issues import ContentRules, misnamed_months, months, read_issue
from newsletter.sources.taxonomy import read_taxonomy

from .issue_files import BODY, FRONT, ISSUE, RULES, TAXONOMY, IssueFiles

ROOT = Path(__file__).parents[2]
FULL = """\
status = "ready"
subject = " When the alliance is the treatment "
preheader = "What the subject leaves out"
intro = \"\"\"
This *month*.
\"\"\"
articles = ["b", "a"]
send_at = 2022-11-15T09:00:00-05:00

[[notices]]
title = "An event"
body = "Come."
url = "https://event.example"
[[notices]]
title = "A call"
body = '''

Write.'''
"""


def test_everything_an_issue_may_hold_is_read(files: IssueFiles) -> None:
    files.write("issue.toml", FULL)
    files.write("b.md", FRONT + BODY)
    issue = files.issue()

    path = "issues/2022-11/issue.toml"
    assert (issue.month, issue.status) == ("2022-11", IssueStatus.READY)
    assert issue.subject == "When the alliance is the treatment"
    assert issue.preheader == "What the subject leaves out"
    assert issue.intro == Passage("This *month*.\n", path, 5)
    assert [article.id for article in issue.articles] == ["b", "a"]
    assert issue.send_at == datetime(2022, 11, 15, 14, tzinfo=UTC)
    assert issue.notices == (
        Notice("An event", Passage("Come.", path, 12), "https://event.example"),
        Notice("A call", Passage("\nWrite.", path, 17), None),
    )
    assert files.read().problems == ()


def test_articles_come_by_name_unless_they_are_named(files: IssueFiles) -> None:
    for name in ("10-x.md", "02-y.md", ".hidden.md", "notes.pdf"):
        files.write(name, FRONT + BODY)
    issue = files.issue()

    assert [article.id for article in issue.articles] == ["02-y", "10-x", "a"]
    assert (issue.intro, issue.notices, issue.send_at, issue.images) == (None, (), None, {})


def test_digests_cover_every_file_that_was_used_and_no_other(files: IssueFiles) -> None:
    files.replace("issue.toml", "preheader", 'articles = ["a"]\npreheader')
    files.write("other.md", "left out")

    digests = files.issue().digests
    contents = {name: (files.path / name).read_bytes() for name in ("issue.toml", "a.md")}
    assert digests == {name: sha256(data).hexdigest() for name, data in contents.items()}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('status = "ready"\n', "", "1: status is missing"),
        ('"ready"', '"redy"', '1: status must be one of "draft", "ready", "past"; did you mean'),
        ('"ready"', "true", "1: status must be text in quotes"),
        ("subject", "subjekt", "1: subject is missing"),
        ("subject", "subjekt", "2: unknown key 'subjekt'; did you mean 'subject'?"),
        ("subject =", 'x = "y"\nsubject =', "2: unknown key 'x'"),
        ("When the", "When\\nthe", "2: subject must be one line, without control characters"),
        ("When the", "When\\u0000", "2: subject must be one line, without control characters"),
        ("When the", "When\\u2028", "2: subject must be one line, without control characters"),
        ("When the alliance is the treatment", " ", "2: subject is empty"),
        ("When", "w" * 190, "2: subject has 220 characters; 200 is the most"),
        ("What", "w" * 250, "3: preheader has 273 characters; 250 is the most"),
        ("preheader =", "intro = 3\npreheader =", "3: intro must be text in quotes"),
        ("preheader =", 'intro = "a\\u0007"\npreheader =', "3: control character U+0007"),
        ("preheader =", 'intro = """\na\n[b](/c)"""\npreheader =', "5: the link to '/c' cannot"),
        ("preheader =", "articles = []\npreheader =", "3: the issue has no articles"),
        ("preheader =", 'articles = "a"\npreheader =', "3: articles must be a list of texts"),
        (
            "preheader =",
            'articles = ["a", "a"]\npreheader =',
            "3: the article 'a' stands here twice",
        ),
        ("preheader =", 'articles = ["a", "../a"]\npreheader =', "3: there is no article '../a'"),
        ("preheader =", "send_at = 2022-11-15T09:00:00\npreheader =", "3: send_at must be a date"),
        ("preheader =", "send_at = 2022-11-15\npreheader =", "3: send_at must be a date and time"),
        ("preheader =", "notices = 1\npreheader =", "3: notices must be a list of tables"),
        ("preheader =", "preheader", "3: not TOML"),
    ],
)
def test_what_is_wrong_in_issue_toml_is_said_at_its_line(
    old: str, new: str, problem: str, files: IssueFiles
) -> None:
    files.replace("issue.toml", old, new)

    assert files.read().issue is None
    assert any(line.startswith(f"issue.toml:{problem}") for line in files.problems())


@pytest.mark.parametrize(
    ("notice", "problem"),
    [
        ('body = "B"', "5: notices.title is missing"),
        ('title = "T"', "5: notices.body is missing"),
        ('title = "T"\nbody = " "', "7: notices.body is empty"),
        ('title = "T\\rBcc: x"\nbody = "B"', "6: title must be one line"),
        ('title = "T"\nbody = "B"\nlink = "x"', "8: unknown key 'link'"),
        ('title = "T"\nbody = "B"\nurl = "/x"', "8: the url '/x' cannot be sent: relative"),
        (
            'title = "T"\nbody = "B"\nurl = "javascript:x"',
            "8: the url 'javascript:x' cannot be sent",
        ),
        ('title = "T"\nbody = """\n\n![](x.png)"""', "9: the picture 'x.png' has no description"),
    ],
)
def test_what_is_wrong_in_a_notice_is_said_at_its_line(
    notice: str, problem: str, files: IssueFiles
) -> None:
    files.write("issue.toml", f"{ISSUE}\n[[notices]]\n{notice}\n")

    assert any(line.startswith(f"issue.toml:{problem}") for line in files.problems())


def test_advice_does_not_keep_an_issue_from_being_sent(files: IssueFiles) -> None:
    files.replace("issue.toml", "preheader", 'articles = ["a"]\npreheader')
    files.replace("issue.toml", "articles", "send_at = 2022-12-01T09:00:00Z\narticles")
    files.write("b.md", "a draft")
    files.write("c.markdown", "a slip")

    assert files.issue().month == "2022-11"
    assert files.problems() == [
        "b.md:1: warning: left out: issue.toml does not name it among its articles",
        "c.markdown:1: warning: not read: an article's file ends in .md",
        "issue.toml:3: warning: send_at is not in the issue's month 2022-11",
    ]


def test_a_misspelt_article_is_recognised(files: IssueFiles) -> None:
    files.write("01-alliance.md", FRONT + BODY)
    files.replace("issue.toml", "preheader", 'articles = ["a", "01-aliance.md"]\npreheader')

    assert files.problems()[-1] == (
        "issue.toml:3: there is no article '01-aliance.md'; did you mean '01-alliance'?"
    )


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("über.md", "rename"),
        ("two words.md", "rename"),
        ("-x.md", "rename"),
        ("sent.md", "archive"),
        ("Sent.md", "archive"),
        ("index.html.md", "archive"),
        ("A.md", "differs from 'A.md' only in case"),
    ],
)
def test_a_name_that_cannot_be_a_web_address_is_refused(
    name: str, word: str, files: IssueFiles
) -> None:
    files.write(name, FRONT + BODY)

    assert files.read().issue is None
    assert any(
        line.startswith(("a.md:1: ", f"{name}:1: ")) and word in line for line in files.problems()
    )


def test_problems_of_all_files_come_together_and_sorted(files: IssueFiles) -> None:
    files.replace("issue.toml", "subject", "subjekt")
    files.replace("a.md", "alliance", "aliance")
    files.write("b.md", "")
    files.write("c.md", FRONT.replace("title", "titel") + "[x](/y)\n" + BODY)
    reading = files.read()

    assert reading.issue is None
    assert list(reading.problems) == sorted(reading.problems)
    places = [f"{problem.path}:{problem.line}" for problem in reading.problems]
    assert places == [
        f"issues/2022-11/{place}"
        for place in (
            "a.md:3",
            "b.md:1",
            "c.md:2",
            "c.md:2",
            "c.md:7",
            "issue.toml:1",
            "issue.toml:2",
        )
    ]


def test_a_broken_issue_toml_does_not_hide_the_articles_problems(files: IssueFiles) -> None:
    files.write("issue.toml", "=")
    files.write("a.md", "")

    assert [line.partition(" ")[0] for line in files.problems()] == ["a.md:1:", "issue.toml:1:"]


def test_a_past_issue_needs_neither_call_outs_nor_research_types(files: IssueFiles) -> None:
    files.write("a.md", FRONT.replace('research_type = "review"\n', "") + "\nOnly a body.\n")
    assert len(files.problems()) == 2

    files.replace("issue.toml", "ready", "past")
    assert files.problems() == []
    assert files.issue().status is IssueStatus.PAST
    assert files.article().research_type is None


def test_a_draft_is_read_like_any_other(files: IssueFiles) -> None:
    files.replace("issue.toml", "ready", "draft")

    assert files.issue().status is IssueStatus.DRAFT


def test_a_taxonomy_that_could_not_be_read_does_not_raise_a_flood(files: IssueFiles) -> None:
    assert files.read(taxonomy=Taxonomy({}, {})).problems == ()


def test_call_outs_are_required_only_where_the_settings_say_so(files: IssueFiles) -> None:
    files.write("a.md", FRONT + "\nOnly a body.\n")

    assert files.read(rules=ContentRules(RULES.callout, callout_required=False)).problems == ()


def test_an_absent_folder_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    reading = read_issue(tmp_path / "2022-12", "issues/2022-12", TAXONOMY, RULES)

    assert list(map(str, reading.problems)) == [
        "issues/2022-12:1: the folder cannot be read: No such file or directory",
        "issues/2022-12/issue.toml:1: there is no such file",
    ]


def test_months_are_folders_with_a_true_months_name(tmp_path: Path) -> None:
    for name in ("2022-11", "2021-02", "2022-13", "2022-1", "2022_10", "drafts", ".git", "0000-01"):
        (tmp_path / name).mkdir()
    (tmp_path / "2022-09").touch()
    (tmp_path / "2022-notes.txt").touch()

    assert months(tmp_path) == ["2021-02", "2022-11"]
    slips = misnamed_months(tmp_path, "issues")
    assert [problem.path for problem in slips] == [
        f"issues/{name}" for name in ("0000-01", "2022-09", "2022-1", "2022-13", "2022_10")
    ]
    assert {problem.severity for problem in slips} == {Severity.WARNING}


def test_an_absent_folder_of_issues_is_said(tmp_path: Path) -> None:
    with pytest.raises(IssueError, match=r"issues: the folder of the issues cannot be read"):
        months(tmp_path / "issues")


@pytest.mark.parametrize("month", months(ROOT / "issues"))
def test_the_issues_of_this_repository_are_sound(month: str) -> None:
    taxonomy = read_taxonomy(ROOT / "issues" / "taxonomy.toml", "issues/taxonomy.toml", [])

    assert read_issue(ROOT / "issues" / month, month, taxonomy, RULES).problems == ()
