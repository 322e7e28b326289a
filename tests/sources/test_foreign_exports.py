"""Lists as other newsletter programs export them, with the columns they have there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ProblemsFound
from newsletter.model.problem import Problem, Severity
from newsletter.model.subscriber import SubscriberRow, SubscriptionStatus, SuppressionReason
from newsletter.sources.foreign_exports import ForeignExport, split_tags
from newsletter.sources.subscribers import read_subscribers
from newsletter.sources.tag_map import TagMap, plain_tag_map, read_tag_map

from .issue_files import TAXONOMY

CONFIRMED = SubscriptionStatus.CONFIRMED
UNCONFIRMED = SubscriptionStatus.UNCONFIRMED
UNSUBSCRIBED = SubscriptionStatus.UNSUBSCRIBED
BOUNCED = SuppressionReason.HARD_BOUNCE
COMPLAINED = SuppressionReason.COMPLAINT
BLOCKED = SuppressionReason.MANUAL

MAILCHIMP = (
    '"Email Address","First Name","Last Name",MEMBER_RATING,OPTIN_TIME,OPTIN_IP,CONFIRM_TIME,'
    "CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,LAST_CHANGED,LEID,EUID,NOTES,"
    "TAGS\n"
)
MAILCHIMP_LEFT = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,CONFIRM_TIME,LAST_CHANGED,"
    "UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,UNSUB_REASON_OTHER,"
    "CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,LEID,EUID,NOTES,TAGS\n"
)
GHOST = (
    "id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,"
    "deleted_at,labels,tiers\r\n"
)
SUBSTACK = "email,active_subscription,expiry,plan,email_disabled,created_at,first_payment_at\n"
BUTTONDOWN = (
    "id,secondary_id,email,notes,subscriber_type,referrer_url,creation_date,subscription_date,"
    "unsubscription_date,tags,metadata\n"
)
LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at\n"

Read = tuple[list[SubscriberRow], list[str], str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


def read(folder: Path, content: str, *, name: str = "list.csv", tags: TagMap | None = None) -> Read:
    """The rows, the problems without the file's name, and the program recognised."""
    path = folder / name
    path.write_text(content, "utf-8", newline="")
    recognised: list[ForeignExport] = []
    found = list(read_subscribers(path, "f", TAXONOMY, tags, recognised.append))
    rows = [one for one in found if isinstance(one, SubscriberRow)]
    problems = [str(one).removeprefix("f:") for one in found if isinstance(one, Problem)]
    return rows, problems, recognised[0].program if recognised else ""


def standing(folder: Path, content: str, name: str = "list.csv") -> object:
    [row], problems, _ = read(folder, content, name=name)
    assert problems == []
    return row.suppression or row.status


def test_a_mailchimp_subscriber_comes_with_name_topics_and_consent(folder: Path) -> None:
    line = (
        'Ada@x.example,Ada,"Lovell, PhD",2,"2018-10-11 09:55:14",,"2018-10-11 09:57:00",'
        '192.0.2.1,,,,,,CA,,"2018-10-11 09:57:00",90498395,810826c56e,,'
        '"""VIP"",""Trauma"",""CBT"""\n'
    )

    [row], problems, program = read(folder, MAILCHIMP + line)

    assert (program, problems) == ("Mailchimp", [])
    assert row == SubscriberRow(
        "Ada@x.example",
        "ada@x.example",
        "Ada Lovell, PhD",
        ("cbt", "trauma"),
        None,
        CONFIRMED,
        datetime(2018, 10, 11, 9, 57, tzinfo=UTC),
        "Mailchimp",
    )


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (",,,,,,,", CONFIRMED),
        ("2020-01-01 00:00:00,May,1f,N/A,,,,", UNSUBSCRIBED),
        ("2020-01-01 00:00:00,May,1f,SPAM,,,,", COMPLAINED),
        ("2020-01-01 00:00:00,May,1f,OTHER,abuse complaint,,,", COMPLAINED),
        (",,,,,2020-01-01 00:00:00,May,1f", BOUNCED),
    ],
)
def test_mailchimp_says_in_its_columns_who_left_and_why(
    cells: str, expected: object, folder: Path
) -> None:
    line = f"a@x.example,A,B,2,2019-01-01 00:00:00,,2019-01-01 00:00:00,{cells},1,1f,,\n"
    assert standing(folder, MAILCHIMP_LEFT + line) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("subscribed_members_export_1a2b.csv", CONFIRMED),
        ("unsubscribed_members_export_1a2b.csv", UNSUBSCRIBED),
        ("cleaned_email_audience_export_1a2b.csv", BOUNCED),
        ("nonsubscribed_members_export_1a2b.csv", UNCONFIRMED),
    ],
)
def test_mailchimp_says_in_the_name_of_a_file_who_is_in_it(
    name: str, expected: object, folder: Path
) -> None:
    line = f"a@x.example,A,B,2,{',' * 11},1,1f,,\n"
    assert standing(folder, MAILCHIMP + line, name) is expected


def test_mailchimp_groups_are_columns_that_the_map_names(folder: Path) -> None:
    header = "Email Address,What would you like to read?,OPTIN_TIME,CONFIRM_TIME,LEID,EUID,TAGS\n"
    tags = TagMap(
        {**plain_tag_map(TAXONOMY).topics, "trauma, and more": ("trauma",)},
        ("What would you like to read?",),
    )
    rows, problems, _ = read(
        folder, header + 'a@x.example,"Trauma\\, and more, CBT",,,1,1f,\n', tags=tags
    )
    assert problems == []
    assert rows[0].topics == ("cbt", "trauma")


def test_a_french_mailchimp_audience_is_known_too(folder: Path) -> None:
    content = "Adresse e-mail,Prénom,Nom,OPTIN_TIME,LEID,EUID,TAGS\na@x.example,Zoé,Roy,,1,1f,\n"
    [row], problems, program = read(folder, content)
    assert (program, problems, row.name) == ("Mailchimp", [], "Zoé Roy")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ("true,,,2024-01-15T10:00:00.000Z,", CONFIRMED),
        ("false,,,2024-01-15T10:00:00.000Z,", UNSUBSCRIBED),
        ("true,,,2024-01-15T10:00:00.000Z,2024-03-01T10:00:00.000Z", UNSUBSCRIBED),
    ],
)
def test_ghost_says_who_gets_emails(cells: str, expected: object, folder: Path) -> None:
    assert standing(folder, f"{GHOST}m1,a@x.example,A,,{cells},,\r\n") is expected


def test_a_ghost_member_comes_with_labels_and_an_escaped_formula(folder: Path) -> None:
    line = 'm1,a@x.example,\'=Ann,"a note",true,,,2024-01-15T10:00:00.000Z,,"Trauma,VIP",\r\n'
    [row], problems, program = read(folder, GHOST + line)
    assert (program, problems) == ("Ghost", [])
    assert (row.name, row.topics) == ("=Ann", ("trauma",))
    assert row.consent_at == datetime(2024, 1, 15, 10, tzinfo=UTC)


@pytest.mark.parametrize(("disabled", "expected"), [("false", CONFIRMED), ("true", UNSUBSCRIBED)])
def test_substack_says_who_wants_no_emails(disabled: str, expected: object, folder: Path) -> None:
    line = f"a@x.example,false,,other,{disabled},2025-09-01T08:00:00Z,\n"
    assert standing(folder, SUBSTACK + line) is expected


def test_substack_s_subscriber_table_is_known_too(folder: Path) -> None:
    content = (
        "Email,Name,Stripe plan,Cancel date,Start date,Activity,Subscription source (free),Type,"
        "Sections\nA@x.example,Ana,,,2026-06-17T10:21:38.759Z,4,notes,Free,Trauma\n"
    )
    [row], problems, program = read(folder, content)
    assert (program, problems) == ("Substack", [])
    assert (row.name, row.topics, row.consent_source) == ("Ana", ("trauma",), "Substack")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("regular", CONFIRMED),
        ("past_due", CONFIRMED),
        ("unactivated", UNCONFIRMED),
        ("unsubscribed", UNSUBSCRIBED),
        ("removed", UNSUBSCRIBED),
        ("undeliverable", BOUNCED),
        ("complained", COMPLAINED),
        ("blocked", BLOCKED),
    ],
)
def test_buttondown_says_what_type_somebody_is(word: str, expected: object, folder: Path) -> None:
    line = f"1,1,a@x.example,,{word},,2024-01-01,2024-01-05,,,\n"
    assert standing(folder, BUTTONDOWN + line) is expected


def test_a_buttondown_subscriber_comes_with_tags_and_a_name_from_the_metadata(folder: Path) -> None:
    line = (
        '1,1,a@x.example,,regular,,2024-01-01,2024-01-05T10:00:00+02:00,,"[""Trauma""]",'
        '"{""first_name"": ""Ann"", ""last_name"": ""Lee""}"\n'
    )
    [row], problems, program = read(folder, BUTTONDOWN + line)
    assert (program, problems) == ("Buttondown", [])
    assert (row.name, row.topics) == ("Ann Lee", ("trauma",))
    assert row.consent_at == datetime(2024, 1, 5, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("enabled", CONFIRMED), ("disabled", UNSUBSCRIBED), ("blocklisted", BLOCKED)],
)
def test_listmonk_says_who_is_enabled(word: str, expected: object, folder: Path) -> None:
    line = f"u1,a@x.example,A,{{}},{word},2023-08-01 10:11:12.123456 +0000 UTC,\n"
    assert standing(folder, LISTMONK + line) is expected


def test_a_listmonk_subscriber_comes_with_go_s_dates_and_attributes(folder: Path) -> None:
    line = (
        'u1,a@x.example,Ann,"{""topics"": [""cbt"", ""Wine""], ""city"": ""Lyon""}",enabled,'
        "2023-08-01 10:11:12.123456 +0200 CEST,2023-08-01 10:11:12 +0200 CEST\n"
    )
    tags = plain_tag_map(TAXONOMY)
    [row], problems, program = read(folder, LISTMONK + line, tags=tags)
    assert (program, problems) == ("listmonk", [])
    assert row.topics == ("cbt",)
    assert row.consent_at == datetime(2023, 8, 1, 8, 11, 12, 123456, tzinfo=UTC)
    assert tags.unknown == {"Wine": 1}


def test_nobody_is_mailed_on_a_word_that_is_not_known(folder: Path) -> None:
    rows, [problem], _ = read(folder, f"{LISTMONK}u1,a@x.example,A,{{}},dormant,,\n")
    assert rows == []
    assert problem == "2: status: 'dormant' is none of enabled, disabled, blocklisted"


def test_when_somebody_signed_up_who_never_confirmed_is_no_consent(folder: Path) -> None:
    [row], _, _ = read(folder, f"{BUTTONDOWN}1,1,a@x.example,,unactivated,,2024-01-01,,,,\n")
    assert (row.consent_at, row.consent_source) == (None, "")


def test_a_date_that_a_spreadsheet_rewrote_is_told_and_keeps_nobody_from_being_let_go(
    folder: Path,
) -> None:
    rows, [problem], _ = read(
        folder,
        f"{SUBSTACK}a@x.example,false,,other,false,9/1/2025 8:00,\n"
        "b@x.example,false,,other,true,9/1/2025 8:00,\n",
    )
    assert problem.startswith("2: date: must be a date and time such as")
    assert "import the file as it was exported" in problem
    assert [(row.email, row.status) for row in rows] == [("b@x.example", UNSUBSCRIBED)]


def test_what_an_export_does_not_say_is_left_as_it_is_stored(folder: Path) -> None:
    [row], _, _ = read(folder, f"{GHOST}m1,a@x.example,,,true,,,,,VIP,\r\n")
    assert (row.name, row.topics, row.language) == (None, None, None)


def test_a_header_of_our_own_columns_is_ours_and_one_of_nobody_s_is_refused(folder: Path) -> None:
    assert read(folder, "email,name,status\na@x.example,A,\n")[2] == ""
    rows, problems, program = read(folder, "email,name,phone\na@x.example,A,1\n")
    assert (rows, program) == ([], "")
    assert problems == ["1: unknown column 'phone'"]


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("", ()),
        ("a, b ,,c", ("a", "b", "c")),
        ('"VIP","Spring, gala"', ("VIP", "Spring, gala")),
        (r"A\, B, C", ("A, B", "C")),
        ('["a", {"name": "b"}, 3]', ("a", "b")),
        ("[not json", ()),
    ],
)
def test_tags_are_written_in_several_ways(cell: str, tags: tuple[str, ...]) -> None:
    assert split_tags(cell) == tags


def test_a_tag_map_says_what_tags_mean(tmp_path: Path) -> None:
    path = tmp_path / "topics.toml"
    path.write_text(
        'columns = ["Interests"]\n[tags]\n"Trauma news" = ["trauma", "CBT"]\nVIP = []\n', "utf-8"
    )
    tag_map = read_tag_map(path, "topics.toml", TAXONOMY)
    assert tag_map.columns == ("Interests",)
    assert tag_map.translate(["TRAUMA NEWS", "vip", "Alliance", "x"]) == (
        {"trauma", "cbt", "alliance"},
        ("x",),
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('[tags]\na = ["traume"]\n', "2: there is no topic 'traume'; did you mean 'trauma'?"),
        ('[tags]\na = "trauma"\n', "2: tags.a must be a list of texts"),
        ("[tag]\n", "1: unknown key 'tag'; did you mean 'tags'?"),
        ("[tags\n", "1: not TOML"),
    ],
)
def test_a_tag_map_with_a_problem_is_refused_with_its_line(
    content: str, problem: str, tmp_path: Path
) -> None:
    path = tmp_path / "topics.toml"
    path.write_text(content, "utf-8")
    with pytest.raises(ProblemsFound) as refused:
        read_tag_map(path, "topics.toml", TAXONOMY)
    assert refused.value.lines[0].startswith(f"topics.toml:{problem}")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("a@mailinator.com", "mailinator.com gives out addresses that last minutes"),
        ("a@pаypal.example", "the domain 'pаypal.example' mixes alphabets"),  # noqa: RUF001
        ("аnna@x.example", "the part before the @ mixes alphabets"),  # noqa: RUF001
    ],
)
def test_a_doubtful_address_is_taken_with_a_warning(address: str, words: str, folder: Path) -> None:
    path = folder / "doubtful.csv"
    path.write_text(f"email,status\n{address},\n", "utf-8")
    row, warning = read_subscribers(path, "f", TAXONOMY)
    assert isinstance(row, SubscriberRow)
    assert isinstance(warning, Problem)
    assert warning.severity is Severity.WARNING
    assert str(warning).startswith(f"f:2: warning: {words}")


@pytest.mark.parametrize("address", ["jo.e.b@gmail.com", "a@bücher.example", "ана@почта.example"])
def test_an_ordinary_address_of_any_alphabet_is_not_doubted(address: str, folder: Path) -> None:
    rows, problems, _ = read(folder, f"email\n{address}\n")
    assert problems == []
    assert rows[0].email == address


@given(st.data())
def test_no_cells_crash_the_reading(folder: Path, data: st.DataObject) -> None:
    header = data.draw(
        st.sampled_from([MAILCHIMP, MAILCHIMP_LEFT, GHOST, SUBSTACK, BUTTONDOWN, LISTMONK])
    ).strip()
    cell = st.text("a@x.example,\"{}[]:\\='+-0123456789TZ", max_size=12).map(
        lambda text: text.replace('"', '""')
    )
    line = ",".join(f'"{data.draw(cell)}"' for _ in header.split(","))
    rows, problems, program = read(folder, f"{header}\n{line}\n")
    assert program
    assert len(rows) + len(problems) <= 1
