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
