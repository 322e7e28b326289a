"""What a monitor asks."""

import base64
import json
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from newsletter.logs import keep_log
from newsletter.membership import Membership
from tests.fakes.postgresql_server import PostgresqlServer
from tests.web.served import MONTH, Served, serving


def test_ready_says_what_is_checked(served: Served) -> None:
    answer = httpx.get(f"{served.url}/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": "ok", "transport": "ok"}


def test_ready_asks_the_database_anew_and_alive_asks_nothing(folder: Path) -> None:
    database = folder / "var/newsletter.db"
    away = folder / "var/elsewhere.db"
    with serving(folder) as served:
        assert httpx.get(f"{served.url}/readyz").status_code == 200
        database.rename(away)
        gone = httpx.get(f"{served.url}/readyz")
        assert (gone.status_code, gone.json()["database"]) == (503, "not ready")
        assert httpx.get(f"{served.url}/healthz").status_code == 200
        assert httpx.get(f"{served.url}/metrics").status_code == 200
        away.rename(database)
        assert httpx.get(f"{served.url}/readyz").status_code == 200


def test_a_database_server_that_is_away_is_missed_and_welcomed_back(
    folder: Path, postgresql: str, postgresql_server: PostgresqlServer
) -> None:
    settings = folder / "config.toml"
    text = settings.read_text("utf-8").replace("sqlite:///var/newsletter.db", postgresql)
    settings.write_text(text, "utf-8")
    with serving(folder) as served:
        assert httpx.get(f"{served.url}/readyz").status_code == 200
        assert served.subscribe("ana@clinic.example", topics=["cbt"]).topics == ("cbt",)
        postgresql_server.cut_off(postgresql)
        assert httpx.get(f"{served.url}/readyz").status_code == 200
        assert served.sign_up("ben@clinic.example").status_code == 200
        served.wait_for_email("ben@clinic.example")


def test_a_way_out_that_is_not_set_up_is_not_ready(folder: Path) -> None:
    settings = folder / "config.toml"
    text = settings.read_text("utf-8").replace('use = "outbox"', 'use = "sendgrid"')
    settings.write_text(text, "utf-8")
    with serving(folder) as served:
        answer = httpx.get(f"{served.url}/readyz")
    assert (answer.status_code, answer.json()["transport"]) == (503, "not ready")


def test_a_fault_of_ours_is_a_plain_page_and_a_line_of_the_log(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("ana@clinic.example")

    monkeypatch.setattr(Membership, "ask_for_link", fail)
    keep_log(folder / "var/log")
    with serving(folder) as served, served.visitor() as visitor:
        answer = visitor.post("/preferences", data={"email": "ana@clinic.example"})
        assert visitor.get("/preferences").status_code == 200
    log = (folder / "var/log/newsletter.log").read_text("utf-8")
    assert (answer.status_code, "<h1>Something went wrong" in answer.text) == (500, True)
    assert log.count('"event": "web.fault"') == 1
    assert '"fault": "ZeroDivisionError", "where": "own_page.py:' in log
    assert "ana@" not in answer.text + log


def test_metrics_count_without_naming_anybody(served: Served) -> None:
    served.subscribe("counted@clinic.example")
    with served.visitor() as visitor:
        visitor.get(served.link("counted@clinic.example", "preferences", 2))
        text = visitor.get("/metrics").text
    names = {line.split("{")[0].split()[0] for line in text.splitlines() if line[0] != "#"}
    assert all(name.startswith("newsletter_") for name in names)
    helped = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    assert {"newsletter_queue_age_seconds", "newsletter_request_seconds"} <= helped
    assert 'newsletter_sign_ups_total{outcome="confirmed"}' in text
    assert 'route="/preferences/{token}"' in text
    assert "counted@" not in text


def test_a_monitor_sees_when_the_next_issue_is_due(served: Served) -> None:
    """While an issue is late, or missed of late, it stays in the past: that raises the alarm."""
    text = httpx.get(f"{served.url}/metrics").text
    found = re.search(r'\nnewsletter_next_due_timestamp_seconds{month="(.*)"} (.*)\n', text)
    assert found is not None
    due_at = datetime.fromtimestamp(float(found[2]), ZoneInfo("America/Toronto"))
    assert abs(due_at - datetime.now(UTC)) < timedelta(days=40)
    assert f"{due_at:%Y-%m %a %H:%M}" == f"{found[1]} Tue 09:00"


def test_an_unknown_route_or_method_adds_no_series(served: Served) -> None:
    for n in range(20):
        httpx.request(f"BREW{n}", f"{served.url}/pot{n}")
        httpx.get(f"{served.url}/pot{n}")
    text = httpx.get(f"{served.url}/metrics").text
    assert "pot1" not in text
    assert "BREW" not in text


def test_signed_events_move_the_ledger_once_however_often_they_are_told(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    environ = {"SENDGRID_WEBHOOK_KEY": base64.b64encode(public).decode()}
    with serving(folder, environ) as served:
        served.subscribe("ana@clinic.example")
        pipeline = served.pipeline
        pipeline.send(pipeline.sendable(MONTH))
        delivery = served.wait_for_email("ana@clinic.example", 3)["Message-ID"].strip("<>")
        now = int(time.time())
        bounce = {
            "email": "ana@clinic.example",
            "timestamp": now,
            "event": "bounce",
            "type": "bounce",
            "status": "5.1.1",
            "delivery_id": delivery.partition("@")[0],
            "sg_event_id": "1",
        }
        body = json.dumps([bounce, {"event": "new in this year", "timestamp": now}]).encode()
        signature = key.sign(f"{now}".encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": str(now),
        }
        url = f"{served.url}/webhooks/sendgrid"
        for _ in range(2):
            assert httpx.post(url, content=body, headers=headers).status_code == 200
        assert served.find("ana@clinic.example").suppression
        assert served.planned() == ({}, {"suppressed": 1})
        forged = httpx.post(url, content=body + b" ", headers=headers)
        assert forged.status_code == 403
        large = httpx.post(url, content=b" " * 10_000_001, headers=headers)
        assert large.status_code == 413


@pytest.mark.parametrize("key", ["", "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"])
def test_without_a_sound_signature_no_event_is_taken(folder: Path, key: str) -> None:
    with serving(folder, {"SENDGRID_WEBHOOK_KEY": key} if key else {}) as served:
        for body in (b"[]", b'[{"event":"bounce"}]', b"\x00", b""):
            answer = httpx.post(f"{served.url}/webhooks/sendgrid", content=body)
            assert 400 <= answer.status_code < 500 or (key and answer.status_code == 503)
