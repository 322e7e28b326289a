"""An issue's life through the commands, as an editor would run them."""

import json
import re
import signal
import subprocess
import time
from csv import DictReader
from email.message import EmailMessage
from hashlib import sha256

import pytest

from newsletter.archive.files import locked
from tests.acceptance.conftest import NEWSLETTER, Folder


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


def test_a_sent_issue_reaches_every_planned_subscriber_once(subscribed: Folder) -> None:
    planned = json.loads(subscribed.ok("plan", "2022-11", "--json"))
    assert planned["recipients"] == 22
    assert sum(s["recipients"] for s in planned["skipped"]) == 4

    subscribed.ok("send", "2022-11", "--yes")

    assert len(subscribed.emails()) == planned["recipients"]
    status = json.loads(subscribed.ok("status", "2022-11", "--json"))
    assert status == {
        "issue": "2022-11",
        "state": "finished",
        "deliveries": {"accepted": 22},
        "problems": [],
    }


def test_sending_again_repeats_nothing(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes")
    outbox = subscribed.path / "var/outbox/new"
    before = {file.name: file.stat().st_mtime_ns for file in outbox.iterdir()}

    subscribed.ok("send", "2022-11", "--yes")

    assert {file.name: file.stat().st_mtime_ns for file in outbox.iterdir()} == before


def test_topics_decide_what_is_in_full(subscribed: Folder) -> None:
    (subscribed.path / "subscribers/more.csv").write_text(
        "email,topics\nada@topics.example,alliance\nbo@topics.example,\n", "utf-8"
    )
    subscribed.ok("subscribers", "import", "subscribers/more.csv")
    subscribed.ok("send", "2022-11", "--yes")

    chosen = body(subscribed.emails()["ada@topics.example"], "plain")
    assert chosen.count("Practice implications\n----") == 1
    assert chosen.index("Also this month") > chosen.index("Practice implications")
    assert chosen.count("https://") >= 5

    whole = body(subscribed.emails()["bo@topics.example"], "plain")
    assert whole.count("Practice implications\n----") == 3
    assert "Also this month" not in whole


def test_a_limit_sends_that_many_more(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes", "--limit", "5")
    assert len(subscribed.emails()) == 5
    subscribed.ok("send", "2022-11", "--yes", "--limit", "7")
    assert len(subscribed.emails()) == 12
    assert json.loads(subscribed.ok("status", "2022-11", "--json"))["state"] == "sending"
    subscribed.ok("send", "2022-11", "--yes")
    assert len(subscribed.emails()) == 22


def test_a_dry_run_and_a_missing_answer_send_nothing(subscribed: Folder) -> None:
    assert "nothing was sent" in subscribed.ok("send", "2022-11", "--dry-run")
    assert "nothing was sent" in subscribed.refused("send", "2022-11")
    assert "nothing was sent" in subscribed.refused("send", "2022-11", stdin="n\n")
    assert subscribed.emails() == {}
    assert json.loads(subscribed.ok("status", "2022-11", "--json"))["state"] == "ready"


def test_a_yes_at_the_question_sends(subscribed: Folder) -> None:
    assert subscribed.run("send", "2022-11", stdin="y\n").code == 0
    assert len(subscribed.emails()) == 22


def test_a_draft_is_refused_with_its_file(subscribed: Folder) -> None:
    subscribed.edit("issues/2022-11/issue.toml", '"ready"', '"draft"')
    subscribed.ok("check", "2022-11")
    assert "issues/2022-11/issue.toml" in subscribed.refused("send", "2022-11", "--yes")
    assert subscribed.emails() == {}


def test_an_issue_changed_in_mid_send_is_refused_by_file_name(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes", "--limit", "3")
    subscribed.edit("issues/2022-11/01-alliance.md", "therapy", "treatment")

    assert "01-alliance.md" in subscribed.refused("send", "2022-11", "--yes")
    assert len(subscribed.emails()) == 3


def test_a_template_changed_in_mid_send_changes_nobodys_issue(subscribed: Folder) -> None:
    (subscribed.path / "subscribers/two.csv").write_text(
        "email\nada@same.example\nbo@same.example\n", "utf-8"
    )
    subscribed.ok("subscribers", "import", "subscribers/two.csv")
    subscribed.ok("send", "2022-11", "--yes", "--limit", "23")
    subscribed.edit("templates/email/issue.txt", "{{ month_name | capitalize }}", "A new look")
    subscribed.ok("send", "2022-11", "--yes")

    texts = [body(message, "plain") for message in subscribed.emails().values()]
    assert len(texts) == 24
    assert not any("A new look" in text for text in texts)


def test_who_leaves_in_mid_send_is_skipped(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes", "--limit", "1")
    got = next(iter(subscribed.emails()))
    listed = subscribed.ok("subscribers", "list").splitlines()
    waiting = next(line.split()[0] for line in listed if "confirmed" in line and got not in line)
    if " confirmed" not in next(line for line in listed if line.startswith(waiting)):
        pytest.fail("the example list begins with somebody who gets nothing")
    subscribed.ok("subscribers", "unsubscribe", waiting)
    subscribed.ok("send", "2022-11", "--yes")

    assert waiting not in subscribed.emails()
    deliveries = json.loads(subscribed.ok("status", "2022-11", "--json"))["deliveries"]
    assert deliveries == {"accepted": 21, "skipped": 1}


def test_everybodys_outcome_can_be_had_as_csv(subscribed: Folder) -> None:
    subscribed.ok("send", "2022-11", "--yes", "--limit", "5")
    subscribed.ok("status", "2022-11", "--csv", "outcomes.csv")
    with (subscribed.path / "outcomes.csv").open(encoding="utf-8", newline="") as file:
        lines = list(DictReader(file))

    assert len(lines) == 26
    got = {line["email"] for line in lines if line["status"] == "accepted"}
    assert got == subscribed.emails().keys()
    reasons = [line["reason"] for line in lines if line["status"] == "skipped"]
    assert sorted(reasons) == ["unconfirmed", "unconfirmed", "unsubscribed", "unsubscribed"]


def test_a_killed_send_goes_on_and_repeats_nothing(folder: Folder) -> None:
    people = "".join(f"reader{number}@many.example\n" for number in range(3000))
    (folder.path / "many.csv").write_text(f"email\n{people}", "utf-8")
    folder.ok("subscribers", "import", "many.csv")
    outbox = folder.path / "var/outbox/new"
    kills = 0
    for goal in (100, 500, 1000):
        sender = subprocess.Popen(
            [NEWSLETTER, "send", "2022-11", "--yes"],
            cwd=folder.path,
            env=folder.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while sender.poll() is None and (not outbox.exists() or len(list(outbox.iterdir())) < goal):
            time.sleep(0.01)
        if sender.poll() is None:
            sender.send_signal(signal.SIGKILL)
            kills += 1
        sender.wait()
    assert kills == 3

    folder.ok("send", "2022-11", "--yes")

    status = json.loads(folder.ok("status", "2022-11", "--json"))
    assert status["deliveries"] == {"accepted": 3000}
    emails = [file.read_bytes() for file in outbox.iterdir()]
    recipients = {re.search(rb"^To: (.+)$", email, re.MULTILINE)[1] for email in emails}  # type: ignore[index]
    assert len(recipients) == len(emails) == 3000


def test_nobody_waits_for_the_archive(subscribed: Folder) -> None:
    """Years of it may be built for the first time while the mail goes out."""
    outbox = subscribed.path / "var/outbox/new"
    command = [NEWSLETTER, "send", "2022-11", "--yes"]
    with locked(subscribed.path / "archive"):
        sender = subprocess.Popen(command, cwd=subscribed.path, env=subscribed.environ)
        deadline = time.monotonic() + 60
        while not outbox.exists() or len(list(outbox.iterdir())) < 22:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert sender.poll() is None
        assert not (subscribed.path / "archive/index.html").exists()
    assert sender.wait(60) == 0
    assert (subscribed.path / "archive/index.html").exists()


def test_a_test_copy_is_marked_and_leaves_no_trace(subscribed: Folder) -> None:
    subscribed.edit("issues/2022-11/issue.toml", '"ready"', '"draft"')
    subscribed.ok("send", "2022-11", "--test", "editor@desk.example", "--topics", "alliance")
    subscribed.ok("send", "2022-11", "--test", "editor@desk.example", "--topics", "alliance")

    assert len(list((subscribed.path / "var/outbox/new").iterdir())) == 2
    (message,) = subscribed.emails().values()
    assert message["Subject"].startswith("[Test] ")
    assert "Also this month" in body(message, "plain")
    status = json.loads(subscribed.ok("status", "2022-11", "--json"))
    assert (status["state"], status["deliveries"]) == ("draft", {})


def test_an_unknown_topic_for_a_test_copy_is_refused(subscribed: Folder) -> None:
    error = subscribed.refused("send", "2022-11", "--test", "a@b.example", "--topics", "aliance")
    assert "did you mean 'alliance'" in error


def test_build_writes_the_variants_somebody_gets(subscribed: Folder) -> None:
    planned = json.loads(subscribed.ok("plan", "2022-11", "--json"))
    subscribed.ok("build", "2022-11", "--out", "out")

    out = subscribed.path / "out"
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    assert manifest.keys() == {variant["id"] for variant in planned["variants"]}
    for variant in planned["variants"]:
        entry = manifest[variant["id"]]
        html = (out / f"{variant['id']}.html").read_bytes()
        assert entry["articles"] == variant["articles"]
        assert entry["bytes"] == len(html) <= 102_000
        assert entry["sha256"] == sha256(html).hexdigest()
        assert (out / f"{variant['id']}.txt").exists()


def test_without_subscribers_the_whole_issue_is_built(folder: Folder) -> None:
    folder.ok("build", "2022-11", "--out", "out")
    assert json.loads((folder.path / "out/manifest.json").read_text("utf-8")).keys() == {"en-all"}


def test_the_archive_holds_what_was_sent_and_nothing_personal(subscribed: Folder) -> None:
    assert not (subscribed.path / "archive/2022-11").exists()
    subscribed.ok("send", "2022-11", "--yes")

    archive = subscribed.path / "archive"
    for page in ("index.html", "2022-11/index.html", "2022-11/01-alliance/index.html"):
        assert (archive / page).exists()
    assert not (archive / "2022-10").exists()
    manifest = json.loads((archive / "2022-11/sent/manifest.json").read_text("utf-8"))
    planned = json.loads(subscribed.ok("plan", "2022-11", "--json"))
    assert manifest.keys() == {variant["id"] for variant in planned["variants"]}
    published = b"".join(file.read_bytes() for file in archive.rglob("*") if file.is_file())
    for address, message in subscribed.emails().items():
        assert address.encode() not in published
        assert (
            name := message["To"].addresses[0].display_name
        ) == "" or name.encode() not in published

    assert " 0 files written" in subscribed.ok("archive", "build")


def test_a_new_issue_grows_from_a_template_to_a_sound_one(folder: Folder) -> None:
    folder.ok("new", "2026-12")
    assert "already" in folder.refused("new", "2026-12")
    assert "issues/2026-12/issue.toml" in folder.refused("check", "2026-12")

    issue = folder.path / "issues/2026-12"
    (issue / "issue.toml").write_text(
        'status = "draft"\nsubject = "December"\npreheader = "What the year has taught us"\n',
        "utf-8",
    )
    (issue / "01-first-article.md").write_text(
        '+++\ntitle = "A year"\ntopics = ["training"]\nresearch_type = "review"\n'
        'teaser = "What it taught us."\n+++\nMuch.\n\n## Practice implications\n\nGo on.\n',
        "utf-8",
    )
    assert "sound" in folder.ok("check", "2026-12")
