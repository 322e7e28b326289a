"""Nobody but the person at the machine sees the preview, and it shows the newsletter alone."""

import re

import pytest

from tests.preview.conftest import MONTH, Previewed

OUTSIDE = [
    "/pictures/2022-11/../../config.toml",
    "/pictures/2022-11/..%2F..%2Fconfig.toml",
    "/pictures/2022-11/%2e%2e/%2e%2e/config.toml",
    "/pictures/2022-11/issue.toml",
    "/pictures/2022-11//etc/passwd",
    "/pictures/../issues/01-alliance.md",
    "/archive/light/2022-11/../../config.toml",
    "/archive/light/2022-11/..%2F..%2Fvar%2Fnewsletter.db",
    "/archive/light/2022-11//etc/passwd",
    "/preview.py",
    "/preview.html",
    "/preview...%2Fapp.py",
    "/static/config.toml",
]


def token(preview: Previewed) -> str:
    found = re.search(r'name="token" value="([^"]+)"', preview.page())
    assert found
    return found[1]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "127.0.0.1.evil", ""])
@pytest.mark.parametrize("path", ["/", "/email", "/changes", "/preview.css"])
def test_a_foreign_host_is_refused(preview: Previewed, host: str, path: str) -> None:
    answer = preview.get(path, host=host)
    assert answer.status_code in {400, 403}
    assert "Digest" not in answer.text


def test_both_names_of_this_machine_are_answered(preview: Previewed) -> None:
    assert preview.get("/", host=f"localhost:{preview.server.port}").status_code == 200
    assert preview.get("/", host=f"127.0.0.1:{preview.server.port}").status_code == 200


def test_another_site_can_neither_read_nor_embed_nor_send(preview: Previewed) -> None:
    assert preview.get("/", origin="https://evil.example").status_code == 403
    assert preview.get("/email", sec_fetch_site="cross-site", sec_fetch_dest="iframe").is_error
    assert preview.get("/", sec_fetch_site="cross-site", sec_fetch_dest="document").is_success
    headers = preview.get("/").headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_the_newsletter_is_served(preview: Previewed, path: str) -> None:
    answer = preview.get(path)
    assert answer.status_code == 404
    assert "sender_email" not in answer.text
    assert "import " not in answer.text


def test_a_link_among_the_pictures_leads_nowhere_else(preview: Previewed) -> None:
    (preview.path / "issues" / MONTH / "chart.png").symlink_to(preview.path / "config.toml")
    assert preview.get(f"/pictures/{MONTH}/chart.png").status_code == 404


@pytest.mark.parametrize("path", ["/test", "/photographs"])
def test_a_form_of_another_page_does_nothing(preview: Previewed, path: str) -> None:
    for data in ({}, {"token": "guessed"}, {"token": "x" * 100_000}):
        answer = preview.http.post(path, data={**data, "email": "me@home.example"})
        assert answer.status_code == 403
    assert not (preview.path / "var/outbox").exists()
    assert preview.get(path).status_code == 405


def test_a_form_with_our_token_from_another_origin_does_nothing(preview: Previewed) -> None:
    data = {"token": token(preview), "email": "me@home.example"}
    answer = preview.http.post("/test", data=data, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert not (preview.path / "var/outbox").exists()


def test_an_email_runs_no_script_and_loads_nothing_from_elsewhere(preview: Previewed) -> None:
    policy = preview.get("/email").headers["content-security-policy"]
    assert "sandbox allow-same-origin" in policy
    assert "default-src 'none'" in policy
    assert "script" not in policy


def test_what_somebody_typed_into_the_address_is_text(preview: Previewed) -> None:
    typed = {"<script>alert", '"><b>', "<i>x", "<u>x"}
    page = preview.page('/?name=<script>alert&subscriber="><b>&beside=<i>x&page=<u>x&show=archive')
    assert [each for each in typed if each in page] == []
