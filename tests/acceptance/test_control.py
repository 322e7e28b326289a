"""Pausing, resuming, cancelling and correcting an issue through the commands."""

import json
import re
from datetime import UTC, datetime

import pytest

from newsletter.config import load_config
from newsletter.model.delivery import IssueState
from newsletter.wiring import open_pipeline
from tests.acceptance.conftest import Folder, Terminal


def state(folder: Folder) -> str:
    found = json.loads(folder.ok("status", "2022-11", "--json"))["state"]
    assert isinstance(found, str)
    return found


def test_a_paused_issue_is_not_sent_until_it_is_resumed(subscribed: Folder) -> None:
    subscribed.ok("pause", "2022-11")
    assert "paused" in subscribed.refused("send", "2022-11", "--yes")
    assert (state(subscribed), subscribed.emails()) == ("paused", {})

    subscribed.ok("resume", "2022-11")
    subscribed.ok("send", "2022-11", "--yes")
    assert len(subscribed.emails()) == 22


def test_a_cancel_is_final(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes", "--limit", "4")
    subscribed.ok("cancel", "2022-11")

    assert "cancelled" in subscribed.refused("send", "2022-11", "--yes")
    assert "cancelled" in subscribed.refused("resume", "2022-11")
    status = json.loads(subscribed.ok("status", "2022-11", "--json"))
    assert status["state"] == "cancelled"
    assert status["deliveries"] == {"accepted": 4, "cancelled": 18}
    assert len(subscribed.emails()) == 4


def test_an_issue_that_nobody_got_may_still_be_corrected(subscribed: Folder) -> None:
    subscribed.ok("pause", "2022-11")
    subscribed.edit("issues/2022-11/issue.toml", "When the alliance", "Whenever the alliance")
    subscribed.ok("resume", "2022-11")
    subscribed.ok("send", "2022-11", "--yes")

    subjects = {message["Subject"] for message in subscribed.emails().values()}
    assert subjects == {"Whenever the alliance is the treatment"}


def test_without_uncertain_deliveries_there_is_nothing_to_resolve(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes")
    assert "Nothing is uncertain" in subscribed.ok("resolve", "2022-11")


def test_a_broken_older_issue_keeps_no_mail_back(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-10", "--yes")
    subscribed.edit("issues/2022-10/issue.toml", "status", "sttus")

    assert "2022-10" in subscribed.refused("send", "2022-11", "--yes")
    status = json.loads(subscribed.ok("status", "2022-11", "--json"))
    assert (status["state"], status["deliveries"]) == ("finished", {"accepted": 22})


def test_a_list_of_bare_addresses_takes_nothing_from_anybody(subscribed: Folder) -> None:
    before = subscribed.ok("subscribers", "export")
    addresses = [line.split(",")[0] for line in before.splitlines() if ",confirmed," in line]
    (subscribed.path / "bare.csv").write_text("\n".join(["email", *addresses]), "utf-8")

    subscribed.ok("subscribers", "import", "bare.csv")
    assert subscribed.ok("subscribers", "export") == before


def test_a_draft_can_be_neither_paused_nor_cancelled(subscribed: Folder) -> None:
    subscribed.edit("issues/2022-11/issue.toml", '"ready"', '"draft"')
    assert "draft" in subscribed.refused("pause", "2022-11")
    assert "draft" in subscribed.refused("cancel", "2022-11")


def test_sending_to_nobody_is_refused_with_the_way_to_add_people(folder: Folder) -> None:
    assert "subscribers import" in folder.refused("send", "2022-11", "--yes")
    assert state(folder) == "ready"


def test_a_test_copy_goes_with_no_dry_run(subscribed: Folder) -> None:
    done = subscribed.run("send", "2022-11", "--dry-run", "--test", "a@b.example")
    assert done.code == 2
    assert subscribed.emails() == {}


def test_an_old_export_stays_until_the_new_one_is_whole(subscribed: Folder) -> None:
    subscribed.ok("subscribers", "export", "people.csv")
    subscribed.ok("subscribers", "export", "people.csv", "--force")
    assert (subscribed.path / "people.csv").read_text("utf-8").count("\n") == 27
    assert not list(subscribed.path.glob(".people.csv*"))


def test_the_end_of_an_issue_is_told_when_there_is_nothing_to_do(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes")
    assert "nobody left to send to" in subscribed.ok("send", "2022-11")

    planned = subscribed.ok("plan", "2022-11")
    assert planned.startswith("2022-11 is finished. Were it sent to today's subscribers:\n")
    assert "22 would get the issue of 2022-11." in planned


def test_all_issues_stand_in_one_table_with_their_dates(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes")
    titles, october, november = subscribed.ok("status").splitlines()

    assert titles.split() == ["issue", "state", "when", "deliveries"]
    assert october.split("  ")[0] == "2022-10"
    assert "was due 4 Oct 2022" in october
    assert "finished " in november
    assert november.endswith("22 accepted")


def test_what_was_cancelled_before_anybody_got_it_was_never_begun(subscribed: Folder) -> None:
    subscribed.ok("cancel", "2022-11")
    assert "begun" not in subscribed.ok("status")
    assert "begun" not in subscribed.ok("status", "2022-11")


def test_who_has_it_is_told_although_the_archive_cannot_be_written(subscribed: Folder) -> None:
    (subscribed.path / "archive").write_text("where the folder should be", "utf-8")
    done = subscribed.run("send", "2022-11", "--yes")
    assert done.code == 1
    assert "2022-11: finished" in done.out
    *_, way, reason = done.err.splitlines()
    assert way.endswith("newsletter archive build")
    assert reason.startswith(f"{subscribed.path / 'archive'}: ")


def test_who_sends_an_issue_before_its_time_is_told_so(subscribed: Folder) -> None:
    month = f"{datetime.now(UTC).year + 1}-12"
    (subscribed.path / "issues/2022-11").rename(subscribed.path / "issues" / month)
    with Terminal(subscribed, "send", month) as terminal:
        said = terminal.read_until("[y/N] ")
        terminal.press(b"n\n")
    assert "It is due on Tuesday " in said
    assert f" December {month[:4]} at 09:00." in said


def test_a_check_in_json_is_json_whatever_is_broken(folder: Folder) -> None:
    folder.edit("config.toml", "\n[newsletter]\n", '\n[newsletter]\ncolour = "red"\n')
    done = folder.run("check", "--json")
    (problem,) = json.loads(done.out)["problems"]

    assert (done.code, problem["path"]) == (1, "config.toml")
    assert problem["line"] > 1
    assert "colour" in problem["message"]

    (folder.path / "config.toml").unlink()
    done = folder.run("check", "2022-11", "--json")
    assert (done.code, len(json.loads(done.out)["problems"])) == (1, 1)


def test_the_doctor_examines_a_new_folder_and_names_what_to_mend(folder: Folder) -> None:
    found = json.loads(folder.ok("doctor", "--json"))["findings"]
    assert {finding["level"] for finding in found} == {"ok", "note"}
    lines = folder.ok("doctor").splitlines()
    assert len(lines) == len(found) + 1
    assert all(
        line.startswith(finding["level"]) for line, finding in zip(lines, found, strict=False)
    )

    folder.environ["NEWSLETTER_SECRET_KEY"] = ""
    done = folder.run("doctor")
    assert done.code == 1
    assert (
        "problem  secret key   NEWSLETTER_SECRET_KEY is not set in the environment; make"
        in done.out
    )


def test_the_doctor_lists_what_is_wrong_with_the_settings(folder: Folder) -> None:
    folder.edit("config.toml", "\n[newsletter]\n", '\n[newsletter]\ncolour = "red"\n')
    done = folder.run("doctor")

    assert done.code == 1
    assert done.out.startswith("problem  settings     config.toml:")


def test_the_log_tells_the_story_and_names_nobody(subscribed: Folder) -> None:
    subscribed.environ |= {"NEWSLETTER_DEBUG": "1", "SMTP_PASSWORD": "hunter2"}
    subscribed.ok("send", "2022-11", "--yes", "--limit", "4")
    subscribed.ok("pause", "2022-11")
    subscribed.run("send", "2022-11", "--yes")
    subscribed.run("subscribers", "show", "nobody@clinic.example")

    text = (subscribed.path / "var/log/newsletter.log").read_text("utf-8")
    told = [json.loads(line)["event"] for line in text.splitlines()]
    story = ["issue.frozen", "send.begun", "archive.published", "send.ended", "issue.paused"]
    assert [event for event in told if event in story] == story
    assert told[-2:] == ["command.failed", "command.failed"]
    tokens = re.findall(r"/unsubscribe/([\w.-]+)", "".join(map(str, subscribed.emails().values())))
    people = subscribed.ok("subscribers", "export").splitlines()[1:]
    for secret in (
        "@",
        "a key for the tests",
        "hunter2",
        *tokens,
        *(p.split(",")[1] for p in people),
    ):
        assert not secret or secret not in text


@pytest.mark.parametrize("key", [b"\x03", b"n\n", b"\x04"])
def test_ctrl_c_and_no_and_no_answer_at_the_question_send_nothing(
    subscribed: Folder, key: bytes
) -> None:
    with Terminal(subscribed, "send", "2022-11") as terminal:
        said = terminal.read_until("[y/N] ")
        terminal.press(key)
        code, after = terminal.end()

    assert code == 1
    assert "Send it to 22 people by outbox?" in said
    assert after.endswith("nothing was sent; --yes sends without asking\r\n")
    assert subscribed.emails() == {}


@pytest.mark.parametrize("ending", ["paused", "Ctrl-C", "cancelled"])
def test_status_follows_a_send_on_a_terminal_until_it_is_over(
    subscribed: Folder, ending: str
) -> None:
    config = load_config(subscribed.path / "config.toml", subscribed.environ)
    subscribed.ok("send", "2022-11", "--yes", "--limit", "4")
    ledger = open_pipeline(config).ledger
    with ledger.owners.hold("somebody"):
        batch = ledger.deliveries.claim("2022-11", "somebody", now=datetime.now(UTC), limit=1)
        assert batch
        with Terminal(subscribed, "status", "2022-11") as terminal:
            terminal.read_until("4 of 22")
            if ending == "Ctrl-C":
                terminal.press(b"\x03")
            else:
                state = IssueState(ending)
                ledger.deliveries.record(batch, [], now=datetime.now(UTC))
                ledger.deliveries.set_state("2022-11", state, now=datetime.now(UTC))
            code, after = terminal.end()

    assert code == 0
    assert f"2022-11: {'sending' if ending == 'Ctrl-C' else ending}\r\n" in after
    assert "accepted           4\r\n" in after
