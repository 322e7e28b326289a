"""The log: one JSON object a line, and nothing in it that belongs to a person or opens a door."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.logs import DEBUG, INFO, WARNING, censored, event, keep_log
from newsletter.personalise.links import LinkPurpose, LinkTokens

letters = st.characters(exclude_categories=["Cs", "Cc", "Z"])
local = st.text(letters, min_size=1, max_size=20)
addresses = st.builds("{}@{}.example".format, local, local) | st.emails()
tokens = st.builds(
    lambda key, purpose, subscriber: LinkTokens([key]).sign(purpose, subscriber.hex()),
    st.text("abcdef", min_size=1),
    st.sampled_from(list(LinkPurpose)),
    st.binary(min_size=16, max_size=16),
)
keys = st.builds(
    lambda first, second: f"SG.{first.hex()[:22]}.{second.hex()}",
    st.binary(min_size=11, max_size=11),
    st.binary(min_size=22, max_size=22),
)


def lines(folder: Path) -> list[dict[str, Any]]:
    file = folder / "newsletter.log"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_an_event_is_one_line_with_its_time_level_and_facts(tmp_path: Path) -> None:
    keep_log(tmp_path / "var" / "log")
    event("send.begun", month="2022-11", promised=22, reason='two\nlines, "quoted" — é')
    event("archive.postponed", WARNING, reason=None)

    begun, postponed = lines(tmp_path / "var" / "log")
    assert begun.pop("at").endswith("Z")
    assert begun.pop("process") > 0
    assert begun == {
        "level": "info",
        "event": "send.begun",
        "month": "2022-11",
        "promised": 22,
        "reason": 'two\nlines, "quoted" — é',
    }
    assert (postponed["level"], "reason" in postponed) == ("warning", False)


def test_details_are_written_only_where_they_are_asked_for(tmp_path: Path) -> None:
    keep_log(tmp_path)
    event("send.recorded", DEBUG)
    assert not (tmp_path / "newsletter.log").exists()

    keep_log(tmp_path, level=DEBUG)
    event("send.recorded", DEBUG)
    assert [line["event"] for line in lines(tmp_path)] == ["send.recorded"]


@given(before=st.text(), after=st.text(), address=addresses)
def test_no_address_gets_through(before: str, after: str, address: str) -> None:
    shown = censored(f"{before} {address} {after}")

    assert "@" not in shown
    assert address not in shown


@given(tokens | keys, st.sampled_from(["{}", "/unsubscribe/{}", "key={}", "<{}>,", '"{}"']))
def test_no_token_or_key_gets_through(token: str, place: str) -> None:
    shown = censored(f"gave 401 for {place.format(token)} again")

    assert not any(part in shown for part in token.split(".") if len(part) > 2)


@given(st.text(min_size=4), st.text(), st.text())
def test_no_secret_gets_through_whatever_it_looks_like(
    secret: str, before: str, after: str
) -> None:
    # What stands in its place has a word that is no secret.
    shown = censored(before + secret + after, hide=[secret])
    assert secret not in shown.replace("[secret]", "").replace("[address]", "")


@pytest.mark.parametrize(
    "harmless",
    [
        "issues/2022-11/01-systematic-review-of-the-alliance.md:12: needs a teaser",
        "SMTPServerDisconnected in transport.py:160",
        "delivery 5f0c2a66-98a5-5e5c-a51d-7d1b3f8a2c44 is uncertain",
        "SendGrid answers 403 access forbidden; the key in SENDGRID_API_KEY needs more",
        "https://digest.example/2022-11 answers 404",
        "2022-11 has changed since it was first sent on 24 November 2026",
        "the answer was lost: misunderstandings do happen -----------------",
    ],
)
def test_plain_words_get_through_whole(harmless: str) -> None:
    assert censored(harmless) == harmless


@pytest.mark.parametrize("name", ["sqlalchemy.engine", "python_http_client.client", "any", None])
def test_what_libraries_log_stays_out(name: str | None, tmp_path: Path) -> None:
    keep_log(tmp_path, level=DEBUG)
    library = logging.getLogger(name)
    before = library.level
    library.setLevel(DEBUG)
    try:
        library.debug("to reader@clinic.example with SG.key")
        library.error("to reader@clinic.example with SG.key")
        logging.getLogger("newsletter").warning("to reader@clinic.example")
    finally:
        library.setLevel(before)

    assert not (tmp_path / "newsletter.log").exists()


def test_our_events_stay_out_of_what_others_set_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_log(tmp_path)
    event("send.begun", INFO)

    assert caplog.records == []
    assert capsys.readouterr().err == ""


def test_a_server_says_it_aloud_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep_log(tmp_path, hide=["hunter2"], aloud=True)
    event("web.refused", reason="hunter2")
    keep_log(tmp_path)

    assert json.loads(capsys.readouterr().err)["reason"] == "[secret]"


def test_on_a_terminal_it_says_so_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    keep_log(tmp_path, hide=["hunter2"], aloud=True)
    event("web.refused", WARNING, reason="hunter2 of reader@clinic.example", month="2022-11")
    keep_log(tmp_path)

    said = capsys.readouterr().err
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d  warning: web.refused  "
        r"reason \[secret\] of \[address\], month 2022-11\n",
        said,
    )
    assert json.loads((tmp_path / "newsletter.log").read_text())["month"] == "2022-11"


def test_a_log_that_cannot_be_written_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log").write_text("a file where the folder should be", "utf-8")
    keep_log(tmp_path / "log")
    event("send.begun")

    assert capsys.readouterr().err == ""


_WRITER = """
import sys
from pathlib import Path
from newsletter.logs import event, keep_log

keep_log(Path(sys.argv[1]))
for number in range(300):
    event("test.written", number=number, padding="word " * 2000)
"""


def test_processes_share_a_file_that_is_put_away_when_it_is_large(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, tmp_path]) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]

    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["newsletter.log", "newsletter.log.1"]
    assert all(file.stat().st_size < 5_100_000 for file in files)
    written = [json.loads(line) for file in files for line in file.read_bytes().splitlines()]
    assert len({(line["process"], line["number"]) for line in written}) == len(written) == 900
