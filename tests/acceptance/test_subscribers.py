"""`newsletter subscribers` as an editor would run it."""

import json
import signal
import subprocess
from csv import DictReader

from tests.acceptance.conftest import NEWSLETTER, Folder

MAILCHIMP = (
    "Email Address,First Name,Last Name,OPTIN_TIME,CONFIRM_TIME,LEID,EUID,TAGS\n"
    'ada@topics.example,Ada,Lovell,2018-10-11 09:55:14,,1,aa,"""VIP"",""Empathy"""\n'
    'bo@topics.example,Bo,,2019-01-02 03:04:05,,2,ab,"""VIP"""\n'
)


def write(folder: Folder, name: str, content: str) -> str:
    (folder.path / name).write_text(content, "utf-8")
    return name


def test_another_program_s_export_is_recognised_and_its_tags_are_asked_about(
    folder: Folder,
) -> None:
    file = write(folder, "subscribed_members_export_1.csv", MAILCHIMP)

    out = folder.ok("subscribers", "import", file)

    assert "This is an export of Mailchimp." in out
    assert "2 added" in out
    line = next(line for line in out.splitlines() if "VIP" in line)
    assert line.strip() == '"VIP" = []  # 2 people'

    # The line that was shown, with a topic, is what the program asked for.
    meant = line.replace("[]", '["trauma"]')
    write(folder, "subscribers/topics.toml", f"[tags]\n{meant}\n")
    out = folder.ok("subscribers", "import", file)
    assert "2 changed" in out
    assert "VIP" not in out
    assert folder.ok("subscribers", "list", "--topic", "trauma").count("@") == 2


def test_a_dry_run_shows_what_would_change_and_changes_nothing(subscribed: Folder) -> None:
    file = write(
        subscribed,
        "more.csv",
        "email,name\nnew@x.example,New\nimogen@salt-spring.example,Immy\n"
        "petra@yukon-therapists.example,Back\nnobody,\n",
    )
    before = subscribed.ok("subscribers", "export")

    done = subscribed.run("subscribers", "import", file, "--dry-run", "--json")

    assert done.code == 1
    assert "more.csv:5: email: " in done.err
    assert json.loads(done.out) == {
        "file": "more.csv",
        "format": "newsletter",
        "dry_run": True,
        "stopped": False,
        "added": 1,
        "changed": 1,
        "unchanged": 0,
        "kept_out": 1,
        "suppressed": 0,
        "bad": 1,
        "unknown_tags": [],
    }
    assert subscribed.ok("subscribers", "export") == before


def test_who_bounced_elsewhere_is_never_mailed_here(folder: Folder) -> None:
    folder.ok("subscribers", "import", write(folder, "subscribed_members_export.csv", MAILCHIMP))
    folder.ok("subscribers", "import", write(folder, "cleaned_members_export.csv", MAILCHIMP))

    plan = json.loads(folder.ok("plan", "2022-11", "--json"))
    assert plan["recipients"] == 0
    assert plan["skipped"] == [{"reason": "suppressed", "recipients": 2}]
    assert "hard bounce, Mailchimp" in folder.ok("subscribers", "show", "ada@topics.example")


def test_a_suppression_is_lifted_by_a_reason_on_record_and_by_nothing_else(
    subscribed: Folder,
) -> None:
    address = "yael@mile-end.example"
    subscribed.ok("subscribers", "suppress", address)
    subscribed.ok("subscribers", "import", "subscribers/example.csv")
    assert "suppressed" in subscribed.ok("subscribers", "list", "--suppressed")

    assert "--reason" in subscribed.refused("subscribers", "unsuppress", address, "--reason", " ")
    subscribed.ok(
        *("subscribers", "unsuppress", address, "--reason", "she wrote", "--by", "the editor")
    )

    shown = subscribed.ok("subscribers", "show", address)
    assert "by the editor: she wrote" in shown
    assert "suppressed  " not in shown
    refused = subscribed.refused("subscribers", "unsuppress", address, "--reason", "again")
    assert "this address is not suppressed" in refused


def test_a_suppressed_address_that_is_no_subscriber_s_is_shown_and_listed(folder: Folder) -> None:
    folder.ok("subscribers", "suppress", "stranger@x.example")

    assert "manual" in folder.ok("subscribers", "show", "stranger@x.example")
    assert folder.ok("subscribers", "list") == ""
    assert "stranger@x.example" in folder.ok("subscribers", "list", "--suppressed")
    assert "nothing is stored" in folder.refused("subscribers", "show", "nobody@x.example")


def test_a_person_s_consents_and_deliveries_are_shown(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes")

    shown = subscribed.ok("subscribers", "show", "yael@mile-end.example")

    assert "on 2022-06-22 02:14 UTC, sign-up form" in shown
    assert "by import" in shown
    assert "2022-11     accepted" in shown
    left = subscribed.ok("subscribers", "show", "petra@yukon-therapists.example")
    assert "unsubscribed since" in left
    assert "(import)" in left


def test_a_list_may_be_narrowed(subscribed: Folder) -> None:
    def found(*filters: str) -> int:
        return subscribed.ok("subscribers", "list", *filters).count("@")

    assert found() == 26
    assert found("--status", "unsubscribed") == 2
    assert found("--topic", "training") == 2
    assert found("--topic", "training", "--status", "unconfirmed") == 0


def test_an_export_that_cannot_be_written_is_named_as_it_was_given(subscribed: Folder) -> None:
    refusal = subscribed.refused("subscribers", "export", "none/people.csv")
    assert refusal.startswith("none/people.csv: cannot be written: ")


def test_people_and_consents_do_not_share_a_file(subscribed: Folder) -> None:
    """The second would replace the first."""
    done = subscribed.run("subscribers", "export", "all.csv", "--consents", "all.csv")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert not (subscribed.path / "all.csv").exists()


def test_an_export_replaces_no_file_unasked(subscribed: Folder) -> None:
    kept = write(subscribed, "mine.csv", "kept\n")
    assert "--force" in subscribed.refused("subscribers", "export", kept)
    assert (subscribed.path / kept).read_text("utf-8") == "kept\n"

    out = subscribed.ok("subscribers", "export", kept, "--force", "--consents", "consents.csv")
    assert "26 subscribers written to mine.csv." in out
    with (subscribed.path / "consents.csv").open(encoding="utf-8") as file:
        consents = list(DictReader(file))
    assert {consent["how"] for consent in consents} == {"import"}
    assert len(consents) == 25


def test_a_long_import_says_how_far_it_is_and_stops_where_it_says(folder: Folder) -> None:
    number = 60_000
    with (folder.path / "long.csv").open("w", encoding="utf-8") as file:
        file.write("email,name\n")
        file.writelines(f"reader{n}@clinic.example,Reader Number {n}\n" for n in range(number))
    running = subprocess.Popen(
        [NEWSLETTER, "subscribers", "import", "long.csv", "--json"],
        cwd=folder.path,
        env=folder.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    assert running.stderr.readline().startswith("Imported: ")
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)

    assert "Traceback" not in err
    document = json.loads(out)
    assert running.returncode == (1 if document["stopped"] else 0)
    assert folder.ok("subscribers", "list").count("@") == document["added"]
    folder.ok("subscribers", "import", "long.csv")
    assert folder.ok("subscribers", "list").count("@") == number


def test_a_list_that_cannot_be_read_is_no_row(folder: Folder) -> None:
    refusal = folder.refused("subscribers", "import", "absent.csv")
    assert refusal == (
        "absent.csv:1: there is no such file\n"
        "nothing was imported; mend what is listed and import again\n"
    )
