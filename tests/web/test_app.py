"""What holds for every answer: headers, style sheets, failures, health."""

import hashlib
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from digest.database.transactions import Database
from digest.errors import NotFoundError, RefusedError
from digest.migrations import downgrade
from digest.models import ApiToken, Newsletter, Scope
from digest.runtime import Runtime
from digest.web import create_app
from digest.web.api import bearer
from digest.web.assets import palette_css
from tests.factories import NOW, PALETTE
from tests.servers.redis_server import PrivateRedis
from tests.web.conftest import heading

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATHS = ("/", "/subscribe", "/issues/", "/privacy", "/terms/1", "/no-such", "/confirm/x")


@SQLITE
def test_every_page_forbids_what_it_does_not_need(client: FlaskClient) -> None:
    for path in PATHS:
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert "unsafe" not in policy
        # A script may run only where there is one.
        assert ("script-src 'self'" in policy) == (path not in {"/privacy", "/terms/1", "/no-such"})
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Referrer-Policy" in headers
        assert "Strict-Transport-Security" not in headers
        assert "Set-Cookie" not in headers


@SQLITE
def test_https_is_asked_for_where_readers_come_by_it(make_runtime: Callable[..., Runtime]) -> None:
    app = create_app(make_runtime(public_url="https://digest.halyard.example"))

    assert app.test_client().get("/").headers["Strict-Transport-Security"] == "max-age=31536000"


@SQLITE
def test_pages_have_no_style_or_script_of_their_own_and_load_from_us_only(
    client: FlaskClient,
) -> None:
    for path in PATHS:
        page = client.get(path).text
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        scripts = re.findall(r"<script.*?</script>", page, re.DOTALL)
        ours = r'<script type="module" src="/static/[0-9a-f]{12}/site\.js"></script>'
        assert all(re.fullmatch(ours, script) for script in scripts)
        # The address of the page itself, which nobody loads.
        page = re.sub(r'<link rel="canonical" href="http://127\.0\.0\.1:8000/[^"]*">', "", page)
        assert re.findall(r'<(?:img|link|iframe)[^>]+(?:src|href)="(?!/|data:,)', page) == []
        assert len(re.findall(r"<h1", page)) == 1
        assert '<html lang="en" dir="ltr">' in page


@SQLITE
def test_the_style_sheet_s_address_changes_with_its_content(client: FlaskClient) -> None:
    [path] = re.findall(r'href="(/static/[^"]+/site\.css)"', client.get("/").text)
    sheet = client.get(path)

    assert sheet.status_code == 200
    assert hashlib.sha256(sheet.data).hexdigest()[:12] in path
    assert sheet.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    stale = client.get("/static/0123456789ab/site.css")
    assert stale.headers["Cache-Control"] == "public, max-age=60"


@SQLITE
def test_the_newsletter_s_colours_come_as_a_sheet(client: FlaskClient) -> None:
    [path] = re.findall(r'href="(/style/[^"]+\.css)"', client.get("/").text)
    sheet = client.get(path)

    assert sheet.content_type.startswith("text/css")
    assert "--accent-on-fill:#FFFFFF;" in sheet.text
    assert "prefers-color-scheme:dark" in sheet.text
    assert "immutable" in sheet.headers["Cache-Control"]


def test_a_palette_cannot_break_out_of_its_sheet() -> None:
    css = palette_css(PALETTE | {"text": "red;}body{display:none", "tint": "url(//evil)"})

    assert "display" not in css
    assert "url" not in css
    assert "--accent-fill:#006B5E;" in css
    assert palette_css({}).startswith(":root{")


@SQLITE
def test_a_host_header_changes_nothing(client: FlaskClient) -> None:
    page = client.get("/", headers={"Host": "evil.example"})

    assert "evil.example" not in page.text


@SQLITE
def test_failures_are_pages_for_people_and_problems_for_machines(
    make_runtime: Callable[..., Runtime], logged: Any
) -> None:
    pages = Blueprint("broken", __name__)

    @pages.get("/broken")
    def broken() -> str:
        raise LookupError("robin@example.org")

    @pages.get("/api/v1/refused")
    def refused() -> str:
        raise RefusedError("The issue is frozen.")

    @pages.get("/missing")
    def missing() -> str:
        raise NotFoundError("There is no newsletter called x.")

    client = create_app(make_runtime(), [pages]).test_client()
    page = client.get("/broken")
    assert (page.status_code, heading(page)) == (500, "Something broke on our side")
    [code] = re.findall(r"\(code ([0-9A-F]{4})\)", page.text)
    assert f"code={code}" in logged.getvalue()
    assert "LookupError" in logged.getvalue()
    assert "robin" not in logged.getvalue() + page.text
    machine = client.get("/broken", headers={"Accept": "application/json"})
    assert machine.content_type == "application/problem+json"
    answer = client.get("/api/v1/refused")
    assert answer.status_code == 422
    assert answer.json == {
        "type": "about:blank",
        "status": 422,
        "title": "That cannot be done",
        "detail": "The issue is frozen.",
    }
    assert client.get("/api/v1/no-such").content_type == "application/problem+json"
    assert "There is no newsletter called x." in client.get("/missing").text
    wrong = client.delete("/subscribe")
    assert (wrong.status_code, heading(wrong)) == (405, "That cannot be done here")
    assert "POST" in wrong.headers["Allow"]


@SQLITE
def test_the_api_asks_for_a_token_of_ours(
    make_runtime: Callable[..., Runtime], database: Database
) -> None:
    runtime = make_runtime()
    pages = Blueprint("echo", __name__)

    @pages.get("/api/v1/name")
    def name() -> str:
        with runtime.database.transaction() as session:
            return bearer(session, Scope.ARTICLES, now=NOW).name

    client = create_app(runtime, [pages]).test_client()
    for text, scope, revoked in (
        ("good", Scope.ARTICLES, None),
        ("old", Scope.ARTICLES, NOW),
        ("other", Scope.SIGN_UPS, None),
        ("early", Scope.EVERYTHING, None),
    ):
        with database.transaction() as session:
            hashed = hashlib.sha256(text.encode()).hexdigest()
            session.add(
                ApiToken(name=text, hash=hashed, scope=scope, created_at=NOW, revoked_at=revoked)
            )

    def ask(authorization: str) -> Any:
        return client.get("/api/v1/name", headers={"Authorization": authorization})

    for scheme in ("Bearer", "bearer", "BEARER", "bEaReR "):
        assert ask(f"{scheme} good").text == "good"
    assert ask("Bearer early").text == "early"
    refused = ask("Bearer other")
    assert refused.status_code == 403
    assert "digest token create NAME --scope articles" in refused.json["detail"]
    assert "insufficient_scope" in refused.headers["WWW-Authenticate"]
    for bad in ("", "Bearer old", "Bearer x", "Basic good", "Bearer " + "g" * 10_000, "good"):
        answer = ask(bad)
        assert answer.status_code == 401
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    with database.reading() as session:
        assert session.get_one(ApiToken, 1).last_used_at == NOW


def test_ready_when_the_database_is_migrated(
    client: FlaskClient, database_url: str, newsletter: Newsletter
) -> None:
    assert client.get("/healthz").text == "ok\n"
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json == {
        "database": "ok",
        "migrations": "ok",
        "broker": "embedded",
        "home": "ok",
        "status": "ready",
    }
    downgrade(database_url, "base")
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json is not None
    assert "Run: digest db upgrade" in ready.json["migrations"]


def test_not_ready_where_the_database_can_only_be_read(
    make_runtime: Callable[..., Runtime], database: Database, newsletter: Newsletter
) -> None:
    url = database.url
    if database.is_sqlite:
        url = url.replace("sqlite:///", "sqlite:///file:") + "?mode=ro&uri=true"
    else:
        url += ("&" if "?" in url else "?") + "options=-c%20default_transaction_read_only%3Don"
    answer = create_app(make_runtime(url)).test_client().get("/readyz")

    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["database"] == "cannot be written"
    assert answer.json["status"] == "not ready"


@SQLITE
def test_ready_while_somebody_writes_for_long(
    client: FlaskClient, database: Database, newsletter: Newsletter
) -> None:
    with database.transaction():
        assert client.get("/readyz").status_code == 200


@SQLITE
def test_a_broker_that_is_away_is_told_but_readers_are_served(
    make_runtime: Callable[..., Runtime], private_redis: Callable[[], PrivateRedis]
) -> None:
    server = private_redis()
    client = create_app(make_runtime(redis_url=server.url)).test_client()
    there = client.get("/readyz").json
    server.stop()
    away = client.get("/readyz")

    assert there is not None
    assert there["broker"] == "ok"
    assert away.status_code == 200
    assert away.json is not None
    assert away.json["broker"] == "away"


@SQLITE
def test_more_pages_can_be_added(make_runtime: Callable[..., Runtime]) -> None:
    inbox = Blueprint("inbox", __name__)

    @inbox.get("/inbox")
    def show() -> str:
        return "mail"

    app: Flask = create_app(make_runtime(), [inbox])
    assert app.test_client().get("/inbox").text == "mail"
