"""Pausing, resuming, cancelling and correcting an issue through the commands."""

import json

from tests.acceptance.conftest import Folder


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
    subscribed.ok("subscribers", "export", "people.csv")
    assert (subscribed.path / "people.csv").read_text("utf-8").count("\n") == 27
    assert not list(subscribed.path.glob(".people.csv*"))
