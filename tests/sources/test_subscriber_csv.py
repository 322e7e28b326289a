import csv
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.model.problem import Problem
from newsletter.model.subscriber import SubscriberRow, SubscriptionStatus
from newsletter.sources.subscriber_cells import COLUMNS, guard
from newsletter.sources.subscribers import read_subscribers
from newsletter.sources.taxonomy import read_taxonomy

from .issue_files import TAXONOMY

ROOT = Path(__file__).parents[2]
HEADER = ",".join(COLUMNS) + "\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


def read(folder: Path, content: str | bytes) -> tuple[list[SubscriberRow], list[str]]:
    path = folder / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    found = list(read_subscribers(path, "list.csv", TAXONOMY))
    rows = [one for one in found if isinstance(one, SubscriberRow)]
    return rows, [str(one).removeprefix("list.csv:") for one in found if isinstance(one, Problem)]


def row(folder: Path, column: str, cell: str) -> SubscriberRow:
    rows, problems = read(folder, f'email,{column}\na@x.example,"{cell}"\n')
    assert problems == []
    return rows[0]


def fault(folder: Path, column: str, cell: str) -> str:
    rows, [problem] = read(folder, f'email,{column}\na@x.example,"{cell}"\n')
    assert rows == []
    assert problem.startswith(f"2: {column}: ")
    return problem


def test_a_full_row_is_read_and_an_empty_cell_is_the_default(folder: Path) -> None:
    rows, problems = read(
        folder,
        HEADER + "Anna@X.example, Anna Ömer ,cbt;alliance,fr-ca,Unsubscribed,"
        "2022-01-02T03:04:05-05:00,sign-up form,America/Toronto\nb@x.example,,,,,,,\n",
    )

    assert problems == []
    assert rows == [
        SubscriberRow(
            email="Anna@x.example",
            key="anna@x.example",
            name="Anna Ömer",
            topics=("alliance", "cbt"),
            language="fr-CA",
            status=SubscriptionStatus.UNSUBSCRIBED,
            consent_at=datetime(2022, 1, 2, 8, 4, 5, tzinfo=UTC),
            consent_source="sign-up form",
            timezone="America/Toronto",
        ),
        SubscriberRow("b@x.example", "b@x.example", name="", topics=(), language="", timezone=""),
    ]


@pytest.mark.parametrize("zone", ["America/Otawa", "EST+5", "../etc/passwd", "America"])
def test_an_unknown_time_zone_is_named_with_its_place(folder: Path, zone: str) -> None:
    assert f"'{zone}' is no IANA time zone" in fault(folder, "timezone", zone)


def test_only_the_address_is_required_and_what_has_no_column_stays_unsaid(folder: Path) -> None:
    rows, problems = read(folder, "email\na@x.example\n")

    assert problems == []
    assert rows == [SubscriberRow("a@x.example", "a@x.example")]
    assert (rows[0].name, rows[0].topics, rows[0].language) == (None, None, None)


@pytest.mark.parametrize(
    "content",
    [
        "name,email\nAnna,a@x.example\n",
        "\ufeffemail,name\na@x.example,Anna\n",
        " E-Mail ,NAME\n".replace("E-Mail", "EMail") + "a@x.example,Anna\n",
        '"name","email"\r\n"Anna","a@x.example"\r\n',
        "name,email\rAnna,a@x.example\r",
        "\n\nname,email\n\n,\nAnna,a@x.example\n  ,\n\n",
        "name,email\nAnna,a@x.example",
    ],
    ids=["order", "mark", "case", "windows", "old mac", "blank rows", "no last newline"],
)
def test_programs_write_csv_in_many_ways(content: str, folder: Path) -> None:
    rows, problems = read(folder, content)

    assert problems == []
    assert [(one.email, one.name) for one in rows] == [("a@x.example", "Anna")]


def test_column_names_may_hold_blanks_for_underscores(folder: Path) -> None:
    assert row(folder, "Consent Source", "fair").consent_source == "fair"


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("", ["1: the file is empty"]),
        ("\n\n", ["1: the file is empty"]),
        ("emial\n", ["1: unknown column 'emial'; did you mean 'email'?", "1: there is no column"]),
        ("name\nAnna\n", ["1: there is no column 'email'"]),
        ("\nemail,phone\na@x.example,1\n", ["2: unknown column 'phone'"]),
        ("email,name,Name\na@x.example,A,A\n", ["1: the column 'name' stands here twice"]),
        ("email,name,\n", ["1: unknown column ''"]),
        ("email;name\na@x.example;Anna\n", ["1: the columns must be parted by commas"]),
        ("email\tname\n", ["1: the columns must be parted by commas"]),
        ('"email\n', ["1: a quotation mark opened here is never closed"]),
        ("email,name\n".encode("utf-16"), ["1: the header is not UTF-8 text"]),
        (b"email,pr\xe9nom\n", ["1: the header is not UTF-8 text"]),
        (b"\x89PNG\r\n\x1a\n", ["1: the header is not UTF-8 text"]),
    ],
)
def test_with_a_header_that_cannot_be_used_nothing_else_is_read(
    content: str | bytes, problems: list[str], folder: Path
) -> None:
    rows, found = read(folder, content)

    assert rows == []
    assert len(found) == len(problems)
    assert all(one.startswith(start) for one, start in zip(found, problems, strict=True))


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ("nobody,", "3: email: an email address must have an @-sign"),
        (",Anna", "3: email: the address is missing"),
        ("b@x.example", "3: 1 fields where the header has 2"),
        ("b@x.example,B,extra", "3: 3 fields where the header has 2"),
        ('b@x.example,"Bea"trice', "3: a quotation mark inside a quoted field must be doubled"),
        (b"b@x.example,Ren\xe9e", "3: not UTF-8 text (byte 0xe9); save the file as UTF-8"),
        (b"b\xff@x.example,", "3: not UTF-8 text (byte 0xff)"),
        ("b@x.example,Be\x00a", "3: name: must be one line, without control characters"),
        ("b@x\x00.example,Bea", "3: email: "),
        ('b@x.example,"Bea\nBcc: x"', "3: name: must be one line, without control characters"),
        (
            'nobody,"Bea\n\n\nBcc: x"',
            "3: email: an email address must have an @-sign; name: must be",
        ),
        ("b@x.example," + "x" * 201, "3: name: has 201 characters; 200 is the most"),
    ],
)
def test_a_bad_row_is_reported_where_it_begins_and_the_others_are_read(
    bad: str | bytes, problem: str, folder: Path
) -> None:
    bad = bad if isinstance(bad, bytes) else bad.encode()
    rows, problems = read(folder, b"email,name\na@x.example,Anna\n" + bad + b"\nc@x.example,Cleo\n")

    assert [one.name for one in rows] == ["Anna", "Cleo"]
    assert len(problems) == 1
    assert problems[0].startswith(problem)


def test_a_quotation_mark_that_is_never_closed_does_not_swallow_rows_in_silence(
    folder: Path,
) -> None:
    rows, problems = read(folder, 'email,name\na@x.example,A\nb@x.example,"B\nc@x.example,C\n')
    assert [one.name for one in rows] == ["A"]
    assert problems == [
        "3: a quotation mark opened here is never closed; lines 3 to 4 are not read"
    ]

    many = "".join(f"c{number}@x.example,C\n" for number in range(20_000))
    rows, [first, *_] = read(folder, f'email,name\nb@x.example,"B\n{many}')
    assert first.startswith("2: a quotation mark opened here is not closed; lines 2 to ")
    last_unread = int(first.removesuffix(" are not read").rpartition(" ")[2])
    assert len(rows) == 20_002 - last_unread


@pytest.mark.parametrize(
    ("cell", "topics"),
    [
        ("", ()),
        (" ; ;", ()),
        ("trauma;alliance", ("alliance", "trauma")),
        (" CBT ; Alliance and relationship;cbt", ("alliance", "cbt")),
        ("COGNITIVE THERAPY", ("cbt",)),
    ],
)
def test_topics_are_slugs_or_labels_in_any_case(
    cell: str, topics: tuple[str, ...], folder: Path
) -> None:
    assert row(folder, "topics", cell).topics == topics


def test_an_unknown_topic_is_recognised_and_the_row_is_not_taken(folder: Path) -> None:
    assert fault(folder, "topics", "cbt;aliance").endswith(
        "there is no topic 'aliance'; did you mean 'alliance'?"
    )
    assert fault(folder, "topics", "cbt,alliance").startswith("2: topics: there is no topic 'cbt,")


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("", SubscriptionStatus.CONFIRMED),
        ("confirmed", SubscriptionStatus.CONFIRMED),
        (" Unconfirmed ", SubscriptionStatus.UNCONFIRMED),
        ("UNSUBSCRIBED", SubscriptionStatus.UNSUBSCRIBED),
    ],
)
def test_a_status_is_one_of_three_words(
    cell: str, status: SubscriptionStatus, folder: Path
) -> None:
    assert row(folder, "status", cell).status is status


@pytest.mark.parametrize("cell", ["active", "confirmd", "1"])
def test_any_other_status_is_refused(cell: str, folder: Path) -> None:
    assert "unconfirmed, confirmed, unsubscribed" in fault(folder, "status", cell)


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("", None),
        ("2022-11-15T09:00:00-05:00", datetime(2022, 11, 15, 14, tzinfo=UTC)),
        ("2022-11-15 14:00:00Z", datetime(2022, 11, 15, 14, tzinfo=UTC)),
        ("2022-11-15T14:00", datetime(2022, 11, 15, 14, tzinfo=UTC)),
        ("2022-11-15", datetime(2022, 11, 15, tzinfo=UTC)),
    ],
)
def test_a_consents_time_is_iso_8601_and_in_utc_where_it_does_not_say(
    cell: str, moment: datetime | None, folder: Path
) -> None:
    assert row(folder, "consent_at", cell).consent_at == moment


@pytest.mark.parametrize(
    "cell", ["yesterday", "15/11/2022", "2022-13-01", "0001-01-01T00:00+05:00"]
)
def test_any_other_time_is_refused(cell: str, folder: Path) -> None:
    assert "must be a date and time such as" in fault(folder, "consent_at", cell)


@pytest.mark.parametrize(
    ("cell", "language"),
    [("", ""), ("EN", "en"), ("fr-ca", "fr-CA"), ("pt_br", "pt-BR"), ("zh-HANT-tw", "zh-Hant-TW")],
)
def test_a_language_tag_comes_in_its_usual_case(cell: str, language: str, folder: Path) -> None:
    assert row(folder, "language", cell).language == language


@pytest.mark.parametrize("cell", ["e", "english", "en-", "fr CA", "en-é", "en-123456789"])
def test_any_other_language_is_refused(cell: str, folder: Path) -> None:
    assert "is no language tag" in fault(folder, "language", cell)


@pytest.mark.parametrize("name", ["O'Neill, PhD", "अनन्या", "ليلى\u200f", "A\xa0B", "👩‍🔬", "=1+1"])
def test_a_name_is_kept_character_by_character(name: str, folder: Path) -> None:
    assert row(folder, "name", name).name == name


characters = st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"])
names = st.text(characters, max_size=199) | st.text("'=+-@a", max_size=4)
subscribers = st.builds(
    SubscriberRow,
    email=st.from_regex(r"[a-z0-9'=+-]{1,9}@[a-z]{1,9}\.example", fullmatch=True),
    key=st.just(""),
    name=names.map(str.strip).filter(lambda name: not {"\ufffe", "\uffff"} & set(name)),
    topics=st.sets(st.sampled_from(list(TAXONOMY.topics))).map(
        lambda chosen: tuple(slug for slug in TAXONOMY.topics if slug in chosen)
    ),
    language=st.sampled_from(["", "en", "fr-CA"]),
    status=st.sampled_from(SubscriptionStatus),
    consent_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    consent_source=st.text("ab ,;\"'é", max_size=20).map(str.strip),
    suppression=st.none(),
    timezone=st.sampled_from(["", "America/Toronto"]),
).map(lambda one: one._replace(key=one.email))


def cells(one: SubscriberRow) -> Iterator[str]:
    for value in (*one[:1], *one[2:8], one.timezone):
        if isinstance(value, tuple):
            yield ";".join(value)
        else:
            yield value.isoformat() if isinstance(value, datetime) else guard(str(value or ""))


@given(st.lists(subscribers, max_size=4), st.sampled_from(["excel", "unix"]))
def test_what_is_written_as_csv_is_read_the_same(
    folder: Path, rows: list[SubscriberRow], dialect: str
) -> None:
    path = folder / "written.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, dialect).writerows([COLUMNS, *map(list, map(cells, rows))])

    assert list(read_subscribers(path, "list.csv", TAXONOMY)) == rows


@given(st.binary(max_size=300) | st.text('a@x.example,"\n\r;\x00é', max_size=60).map(str.encode))
def test_no_bytes_crash_the_reading(folder: Path, content: bytes) -> None:
    read(folder, content)
    read(folder, b"email,name\n" + content)


def test_a_list_is_read_as_it_is_asked_for(folder: Path) -> None:
    path = folder / "pipe"
    os.mkfifo(path)
    ends = os.open(path, os.O_RDWR)
    os.write(ends, b"email\na@x.example\n" + b"x" * 20_000)

    first = next(read_subscribers(path, "list.csv", TAXONOMY))
    os.close(ends)
    assert isinstance(first, SubscriberRow)


def test_what_cannot_be_opened_is_a_problem(folder: Path) -> None:
    def reasons(path: Path) -> list[str]:
        return [str(one) for one in read_subscribers(path, "list.csv", TAXONOMY)]

    assert reasons(folder / "absent.csv") == ["list.csv:1: there is no such file"]
    assert reasons(folder) == ["list.csv:1: cannot be read: Is a directory"]


def test_the_list_of_this_repository_is_sound() -> None:
    taxonomy = read_taxonomy(ROOT / "issues" / "taxonomy.toml", "taxonomy.toml", [])
    found = list(read_subscribers(ROOT / "subscribers" / "example.csv", "example.csv", taxonomy))

    assert found
    assert all(isinstance(one, SubscriberRow) for one in found)
