"""Paths with a slash too many or too few."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from digest.models import Subscription
from digest.tokens import Purpose
from digest.web.server import EmbeddedServer, bind
from tests.readers.conftest import ReadersDesk
from tests.web.conftest import Site
from tests.web.test_slow_clients import SQLITE, connect, read_all

__all__ = ["connect"]

pytestmark = SQLITE
EVIL = {"Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}


def ask(client: FlaskClient, method: str, asked: str, **options: Any) -> TestResponse:
    """Ask for a path as it stands: the client would take what follows two slashes for a host."""
    path, _, query = asked.partition("?")
    paths = {"PATH_INFO": path, "REQUEST_URI": asked, "QUERY_STRING": query}
    return client.open("/", method=method, environ_overrides=paths, **options)


@pytest.mark.parametrize(
    ("asked", "right"),
    [
        ("/issues", "/issues/"),
        ("/issues/editors-digest", "/issues/editors-digest/"),
        ("//issues//editors-digest", "/issues/editors-digest/"),
        ("/issues///", "/issues/"),
        ("//", "/"),
        ("/subscribe/", "/subscribe"),
        ("//subscribe", "/subscribe"),
        ("/terms/1/", "/terms/1"),
        ("/issues?utm_source=x%26y", "/issues/?utm_source=x%26y"),
    ],
)
def test_a_get_is_sent_on_by_the_path_alone(client: FlaskClient, asked: str, right: str) -> None:
    for method in ("GET", "HEAD"):
        answer = ask(client, method, asked, headers=EVIL)
        assert answer.status_code == 301
        assert answer.headers["Location"] == right
        assert b"evil" not in answer.data


def test_with_a_token_nobody_keeps_the_redirect(site: Site) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    answer = ask(site.client, "GET", f"/{path}", headers=EVIL)

    assert (answer.status_code, answer.headers["Location"]) == (301, path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert ask(site.client, "GET", f"{path}/").headers["Location"] == path


@pytest.mark.parametrize("wrong", ["/{}", "{}/", "/{}//"])
def test_a_post_is_answered_as_if_the_path_were_right(
    site: Site, desk: ReadersDesk, wrong: str
) -> None:
    path = site.path(Purpose.UNSUBSCRIBE, site.subscribe())
    data = {"List-Unsubscribe": "One-Click"}
    answer = ask(site.client, "POST", wrong.format(path), data=data)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert desk.rows(Subscription)[-1].ended_at is not None


def test_a_sign_up_with_a_slash_too_many_is_taken(client: FlaskClient) -> None:
    fields = {"email": "robin@example.org", "newsletter": "editors-digest", "consent": "on"}
    answer = ask(client, "POST", "//subscribe/", data={**fields, "wording": "1"})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "asked", ["/no//such", "//evil.example/x", "/confirm", "/%2F%2Fevil", "/Ã©/"]
)
def test_what_does_not_exist_is_still_missing(client: FlaskClient, asked: str) -> None:
    answer = ask(client, "GET", asked)

    assert answer.status_code == 404
    assert "Location" not in answer.headers


def test_a_wrong_method_is_still_refused(client: FlaskClient) -> None:
    assert client.post("/issues").status_code == 405


def test_a_real_server_hands_the_slashes_on(
    client: FlaskClient, connect: Callable[..., Any]
) -> None:
    server = EmbeddedServer(client.application, bind("127.0.0.1", 0))
    server.start()
    try:
        for asked, right in (("//issues", "/issues/"), ("//", "/"), ("//issues//", "/issues/")):
            request = f"GET {asked} HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
            answer = read_all(connect(server.port, request.encode())).decode()
            assert answer.startswith("HTTP/1.1 301 ")
            assert f"\r\nLocation: {right}\r\n" in answer
            assert "evil" not in answer
    finally:
        server.stop()
