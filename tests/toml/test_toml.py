import tomllib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model.problem import Problem
from newsletter.toml import KeyPath, Table, key_lines, parse_toml


def read(text: str, first_line: int = 1) -> tuple[Table, list[Problem]]:
    problems: list[Problem] = []
    table = parse_toml(text, "a.toml", problems, first_line=first_line)
    assert table is not None
    return table, problems


def lines(problems: list[Problem]) -> list[str]:
    return [str(problem) for problem in problems]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = 1\nb = Hello\n", "2: not TOML: Invalid value; a text stands in straight quotes"),
        ("a = “hello”\n", "1: not TOML: Invalid value; a text stands in straight quotes"),
        ('a = "x\nb = 1\n', "1: not TOML: Illegal character '\\n'; the quotes are not closed"),
        (
            'a = 1\nb = """x\ny\n\nz\n',
            "2: not TOML: Unterminated string; the text that begins here",
        ),
        ("a = 1\nb = '''x\n", "2: not TOML: Expected \"'''\"; the text that begins here"),
        ("a = 1\nb = 'x\n", '2: not TOML: Expected "\'"; the quotes are not closed'),
        ("a = 1\na = 2\n\n\n", "2: not TOML: Cannot overwrite a value; this key is already given"),
        ("[a]\n\n[a]\n", "3: not TOML: Cannot declare"),
        ("a = 1\nb\n", "2: not TOML: Expected '=' after a key"),
        ("a = [\n1,\n2\n", "3: not TOML: Unclosed array"),
        ("a = " + "[" * 9999, "1: not TOML: nested too deeply"),
        ("a = " + "9" * 9999, "1: not TOML: a number is too long"),
        ("a = 0000-01-01T00:00:00Z", "1: not TOML: Invalid date or datetime"),
    ],
)
def test_what_is_not_toml_is_said_at_its_line_with_the_way_to_mend_it(
    text: str, problem: str
) -> None:
    problems: list[Problem] = []

    assert parse_toml(text, "a.toml", problems) is None
    assert len(problems) == 1
    assert str(problems[0]).startswith(f"a.toml:{problem}")


def test_lines_count_from_where_the_text_stands_in_its_file() -> None:
    table, problems = read("\na = 1\n", first_line=10)
    table.take("a", str)
    table.take("b", str)
    assert lines(problems) == ["a.toml:11: a must be text in quotes", "a.toml:10: b is missing"]

    assert parse_toml("a =\n", "a.toml", problems, first_line=10) is None
    assert str(problems[-1]).startswith("a.toml:10: not TOML")


def test_values_come_as_the_kinds_asked_for() -> None:
    table, problems = read(
        't = "x"\nb = true\ni = 3\nf = 3\nm = 2022-11-15T09:00:00-05:00\nl = ["a", "b"]\n'
    )

    assert (table.take("t", str), table.take("b", bool), table.take("i", int)) == ("x", True, 3)
    assert repr(table.take("f", float)) == "3.0"
    assert table.take("m", datetime).astimezone(UTC) == datetime(2022, 11, 15, 14, tzinfo=UTC)
    assert table.take_list("l") == ("a", "b")
    table.close()
    assert problems == []


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ("1", str, "text in quotes"),
        ("1", bool, "true or false"),
        ("true", int, "a whole number"),
        ("1.5", int, "a whole number"),
        ('"1"', float, "a number"),
        ("true", float, "a number"),
        ("9" * 400, float, "a number"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_problem_and_reads_as_the_default(
    value: str, kind: type[str], words: str
) -> None:
    table, problems = read(f"[s]\na = {value}\n")
    section = table.table("s")

    assert section.take_optional("a", kind) is None
    assert section.take("a", kind, kind()) == kind()
    assert [problem.line for problem in problems] == [2, 2]
    assert all(str(problem).startswith(f"a.toml:2: s.a must be {words}") for problem in problems)


@pytest.mark.parametrize(
    "value", ["2022-11-15T09:00:00", "2022-11-15", "09:00:00", "0001-01-01T00:00:00+05:00", '"now"']
)
def test_a_moment_must_be_one_point_in_time(value: str) -> None:
    table, problems = read(f"a = {value}")

    assert table.take_optional("a", datetime) is None
    assert str(problems[0]).startswith("a.toml:1: a must be a date and time with its offset")


def test_required_values_must_be_there_and_not_empty() -> None:
    table, problems = read('[s]\na = "  "\nc = []\n')
    section = table.table("s")

    assert section.take("a", str) == "  "
    assert section.take("b", str) == ""
    assert section.take_list("c") == ()
    assert section.take_list("d") == ()
    assert lines(problems) == [
        "a.toml:2: s.a is empty",
        "a.toml:1: s.b is missing",
        "a.toml:3: s.c is empty",
        "a.toml:1: s.d is missing",
    ]


def test_absent_values_with_a_default_are_no_problem() -> None:
    table, problems = read("")

    assert table.take("a", str, "x") == "x"
    assert table.take("b", bool, default=True) is True
    assert table.take_optional("c", int) is None
    assert table.take_list("d", ("y",)) == ("y",)
    assert not table.table("e")
    assert table.tables("f") == []
    assert problems == []


def test_every_unknown_key_is_reported_with_its_near_miss() -> None:
    table, problems = read('subjekt = "x"\n\n[zebra]\nx = 1\n')
    table.take("subject", str, "")
    table.close()

    assert lines(problems) == [
        "a.toml:1: unknown key 'subjekt'; did you mean 'subject'?",
        "a.toml:3: unknown key 'zebra'",
    ]


def test_tables_of_the_wrong_shape_are_problems() -> None:
    table, problems = read("a = 1\nb = [1]\nc = [1]\n")

    assert not table.table("a")
    assert table.tables("b") == []
    assert table.take_list("c") == ()
    assert [problem.line for problem in problems] == [1, 2, 3]
    assert ["written [a]" in str(problems[0]), "[[b]]" in str(problems[1])] == [True, True]


def test_the_tables_of_an_array_know_their_own_lines() -> None:
    table, problems = read("[[n]]\na = 1\n\n[[n]]\na = 2\n[n.sub]\nb = 3\n[[n.deep]]\nc = 4\n")

    first, second = table.tables("n")
    assert (first.line(), second.line(), second.line("a")) == (1, 4, 5)
    assert second.table("sub").line("b") == 7
    assert second.tables("deep")[0].line("c") == 9
    assert problems == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('a = "x"', 1),
        ('a = """x\ny"""', 1),
        ('a = """\nx"""', 2),
        ("\na   =   '''\nx'''", 3),
        ('a = ""', 1),
    ],
)
def test_a_text_begins_below_the_quotes_that_end_their_line(text: str, line: int) -> None:
    table, _ = read(text)

    assert table.text_line("a") == line


def test_quotes_brackets_and_comments_inside_values_do_not_disturb_the_count() -> None:
    document = (
        'a = """one ] " \n# no comment [\n\\"""\n""""\n'  # lines 1 to 4
        "b = '''\n[x]\n'''  # a comment with \" and ''' in it\n"  # 5 to 7
        "c = [ # [\n  \"]\", '''\n''', { x = \"}\" },\n]\n"  # 8 to 11
        '"d.e"."\\u0066" = 1\n'  # 12
        "g.'h' = ''\n"  # 13
        '[ "i j" . k ]\n'  # 14
        "l = 1"
    )
    tomllib.loads(document)

    found = {path: place.key for path, place in key_lines(document).items()}
    expected: dict[KeyPath, int] = {
        ("a",): 1,
        ("b",): 5,
        ("c",): 8,
        ("d.e", "f"): 12,
        ("g", "h"): 13,
        ("i j", "k"): 14,
        ("i j", "k", "l"): 15,
    }
    assert {path: found[path] for path in expected} == expected


quoted = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=6)
keys = st.one_of(
    st.from_regex(r"[A-Za-z0-9_-]{1,6}", fullmatch=True),
    quoted.filter(lambda key: not set(key) & set("'\n")).map(lambda key: f"'{key}'"),
    quoted.map(lambda key: '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'),
)
values = st.sampled_from(
    [
        *["1", "true", "2022-11-15T09:00:00Z", '"# [x]"', "'\"'", "[ ]", "{ x = [1, '}'] }"],
        *['"""\n[a]\nb = 1\n"""', "'''\n\"\"\"'''", '"""""x"""""'],
        *["[\n1, # ]\n2\n]", '["a", """\n]"""]'],
    ]
)
statements = st.lists(
    st.one_of(
        st.tuples(st.just("key"), st.lists(keys, min_size=1, max_size=2), values),
        st.tuples(st.just("table"), st.lists(keys, min_size=1, max_size=3), st.just("")),
        st.tuples(st.just("array"), st.lists(keys, min_size=1, max_size=2), st.just("")),
        st.tuples(st.just("blank"), st.just([]), st.sampled_from(["", "# [x] 'y", "  "])),
    ),
    max_size=12,
)


def paths(value: object, path: KeyPath = ()) -> set[KeyPath]:
    """Every key and every table of an array in what tomllib read."""
    found: set[KeyPath] = {path}
    if isinstance(value, dict):
        found |= {deeper for key, one in value.items() for deeper in paths(one, (*path, key))}
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        found |= {deeper for at, one in enumerate(value) for deeper in paths(one, (*path, at))}
    return found


@given(statements)
def test_every_key_that_tomllib_reads_is_found_on_the_line_where_it_was_written(
    document: list[tuple[str, list[str], str]],
) -> None:
    text, written = "", []
    for kind, parts, rest in document:
        dotted = " . ".join(parts)
        line = text.count("\n") + 1
        statement = {
            "key": f" {dotted} = {rest} # c",
            "table": f"[{dotted}]",
            "array": f"[[ {dotted} ]]",
            "blank": rest,
        }[kind]
        try:
            read_so_far = tomllib.loads(text + statement + "\n")
        except tomllib.TOMLDecodeError:
            continue
        written.append((line, paths(read_so_far)))
        text += statement + "\n"
    inline: KeyPath = ("x",)
    known: set[KeyPath] = set()
    found = key_lines(text)
    for line, there in written:
        for path in there - known:
            if path in found or path[-1:] != inline:
                assert found[path].key == line
        known |= there
