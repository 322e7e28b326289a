from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter.model.issue import Taxonomy
from newsletter.sources.taxonomy import read_taxonomy, suggest_slug

if TYPE_CHECKING:
    from newsletter.model.problem import Problem

SOUND = '[topics]\nb-2 = "  Béta  "\na = "Alpha"\n[research_types]\nreview = "Review"\n'


def read(path: Path, content: str | bytes) -> tuple[Taxonomy, list[str]]:
    (path / "taxonomy.toml").write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    problems: list[Problem] = []
    taxonomy = read_taxonomy(path / "taxonomy.toml", "issues/taxonomy.toml", problems)
    return taxonomy, [str(problem).removeprefix("issues/taxonomy.toml:") for problem in problems]


def test_both_axes_keep_the_order_of_the_file(tmp_path: Path) -> None:
    taxonomy, problems = read(tmp_path, SOUND)

    assert list(taxonomy.topics.items()) == [("b-2", "Béta"), ("a", "Alpha")]
    assert taxonomy.research_types == {"review": "Review"}
    assert problems == []


def test_research_types_may_be_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, '[topics]\na = "A"') == (Taxonomy({"a": "A"}, {}), [])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "1: there are no topics"),
        ("[topics]\n", "1: there are no topics"),
        ('\n[topic]\na = "A"\n', "2: unknown key 'topic'; did you mean 'topics'?"),
        ('[topics]\nA = "A"\n', "2: 'A' must be a slug"),
        ('[topics]\n"a b" = "A"\n', "2: 'a b' must be a slug"),
        ('[topics]\n"é" = "A"\n', "2: 'é' must be a slug"),
        ('[topics]\na = ""\n', "2: topics.a is empty"),
        ("[topics]\na = 1\n", "2: topics.a must be text in quotes"),
        ('[topics]\na = "A"\nb = "a"\n', "3: 'b' has the same name as 'a'"),
        ('[topics]\na = "Same"\nb = "sAME "\n', "3: 'b' has the same name as 'a': 'sAME'"),
        ('[topics]\na = "b"\nb = "C"\n', "3: 'b' has the same name as 'a'"),
        ('[topics]\na = "A; B"\n', "2: the label of 'a' must hold no semicolon"),
        ('[topics]\na = "A\\nB"\n', "2: the label of 'a' must be one line"),
        ("topics = 1\n", "1: topics must be a table, written [topics]"),
        ('[topics]\na = "A"\na = "B"\n', "3: not TOML: Cannot overwrite a value"),
        (b'[topics]\na = "\xe9"\n', "2: not UTF-8 text"),
        (b"#" * 1_000_001, "1: 1,000 kB is too large"),
    ],
)
def test_what_is_wrong_is_said_at_its_line(
    content: str | bytes, problem: str, tmp_path: Path
) -> None:
    _, problems = read(tmp_path, content)

    assert problems[0].startswith(problem) or problems[-1].startswith(problem)


def test_groups_are_headings_over_topics_of_which_some_may_stand_in_none(tmp_path: Path) -> None:
    groups = '[topic_groups]\n"What clients bring" = ["a"]\nEmpty = []\n'
    taxonomy, problems = read(tmp_path, f'[topics]\na = "A"\nb = "B"\n{groups}')

    assert taxonomy.topic_groups == {"What clients bring": ("a",), "Empty": ()}
    assert problems == []


@pytest.mark.parametrize(
    ("groups", "problem"),
    [
        ('x = ["alfa"]', "4: 'alfa' in the group 'x' is no topic; did you mean 'alpha'?"),
        ('x = ["alpha"]\ny = ["alpha"]', "5: 'alpha' stands in the group 'x' already"),
        ("x = 1", "4: topic_groups.x must be a list"),
    ],
)
def test_a_group_that_cannot_be_is_said_at_its_line(
    groups: str, problem: str, tmp_path: Path
) -> None:
    _, problems = read(tmp_path, f'[topics]\nalpha = "Alpha"\n[topic_groups]\n{groups}\n')

    assert problems[0].startswith(problem)


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    problems: list[Problem] = []

    assert read_taxonomy(tmp_path / "t.toml", "t.toml", problems) == Taxonomy({}, {})
    assert list(map(str, problems)) == ["t.toml:1: there is no such file"]


@pytest.mark.parametrize("word", ["rct", "RCT", "randomised", "Randomised controlled", "random"])
def test_a_slug_is_known_by_its_initials_and_its_beginning(word: str) -> None:
    axis = {"review": "Review", "randomised-controlled-trial": "Randomised controlled trial"}
    assert suggest_slug(word, axis) == "; did you mean 'randomised-controlled-trial'?"
    assert suggest_slug(word[:1], axis) == suggest_slug("", axis) == ""
