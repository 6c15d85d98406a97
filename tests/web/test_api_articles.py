"""`POST /api/v1/articles`, as a publisher's site calls it."""

import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from digest.clock import FixedClock
from digest.models import ApiToken, Article, Scope
from digest.newsroom.api_tokens import create_token
from digest.runtime import FETCH_PICTURES
from digest.web.context import EXTENSION
from tests.readers.conftest import ReadersDesk
from tests.web.conftest import RecordingBell

PATH = "/api/v1/articles"
URL = "https://halyard.example/a/port"
WHOLE = {
    "url": f"{URL}?utm_source=cms",
    "title": "The <dialog> element, and Vector<int>",
    "standfirst": "For forty years Varrholm counted success in containers.",
    "body": "<p>A long <em>piece</em>.</p><script>x()</script>",
    "byline": "Joss Penhallow",
    "section": "World",
    "topics": ["Ports", "Trade"],
    "image_url": "https://halyard.example/i/port.jpg",
    "image_alt": "A full quay",
    "minutes": 9,
    "published_at": "2026-11-13T07:30:00+01:00",
}


@pytest.fixture
def secret(desk: ReadersDesk, clock: FixedClock) -> str:
    with desk.database.transaction() as session:
        return create_token(session, "the site", Scope.ARTICLES, clock.now())[1]


class Api:
    """The API, called with a token of ours."""

    def __init__(self, client: FlaskClient, desk: ReadersDesk, secret: str) -> None:
        self.client = client
        self.desk = desk
        self.secret = secret

    def post(self, json: Any = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.secret}"} | options.pop("headers", {})
        given = options if "data" in options else {"json": json, **options}
        return self.client.post(PATH, headers=headers, **given)

    def articles(self) -> Sequence[Article]:
        return self.desk.rows(Article)


@pytest.fixture
def api(client: FlaskClient, desk: ReadersDesk, secret: str) -> Api:
    return Api(client, desk, secret)


def fields(response: TestResponse) -> dict[str, str]:
    """Return what is said about each field."""
    assert response.status_code == 422
    assert response.content_type == "application/problem+json"
    said = response.get_json()
    assert said["status"] == 422
    return {error["field"]: error["detail"] for error in said["errors"]}


def test_an_article_is_added(api: Api, clock: FixedClock) -> None:
    response = api.post(WHOLE)

    assert response.status_code == 201
    now = clock.now().isoformat()
    [article] = api.articles()
    assert response.get_json() == {
        "id": article.id,
        "url": URL,
        "title": "The <dialog> element, and Vector<int>",
        "standfirst": "For forty years Varrholm counted success in containers.",
        "byline": "Joss Penhallow",
        "section": "World",
        "topics": ["Ports", "Trade"],
        "image_url": "https://halyard.example/i/port.jpg",
        "image_alt": "A full quay",
        "minutes": 9,
        "published_at": "2026-11-13T06:30:00+00:00",
        "first_seen_at": now,
        "updated_at": now,
    }
    assert article.body == "<p>A long <em>piece</em>.</p>"
    assert article.published_at == datetime(2026, 11, 13, 6, 30, tzinfo=UTC)
    assert article.source_id is None


def test_two_fields_are_enough(api: Api) -> None:
    response = api.post({"url": URL, "title": "The port", "byline": None})

    assert response.status_code == 201
    assert response.get_json()["minutes"] is None
    assert response.get_json()["published_at"] is None


def test_minutes_are_counted_where_there_is_a_text(api: Api) -> None:
    response = api.post({"url": URL, "title": "The port", "body": f"<p>{'word ' * 460}</p>"})

    assert response.get_json()["minutes"] == 2


def test_the_same_page_is_changed(api: Api, clock: FixedClock) -> None:
    first = api.post({"url": URL, "title": "The port"}).get_json()
    clock.advance(timedelta(hours=1))
    again = api.post({"url": f"{URL}?fbclid=7", "title": "The port, corrected"})
    same = api.post({"url": URL, "title": "The port, corrected"})

    assert (again.status_code, same.status_code) == (200, 200)
    assert again.get_json()["id"] == first["id"]
    assert again.get_json()["title"] == "The port, corrected"
    assert again.get_json()["updated_at"] > first["updated_at"]
    assert len(api.articles()) == 1


def test_a_picture_is_fetched_later(api: Api, bell: RecordingBell) -> None:
    api.post({"url": URL, "title": "The port"})
    assert bell.rung == []
    api.post({"url": URL, "title": "The port", "image_url": "https://halyard.example/i.jpg"})

    assert bell.rung == [FETCH_PICTURES]
    assert api.articles()[0].image_due_at is not None


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer nobody", "Basic dTpw", "secret"])
def test_nobody_without_a_token_gets_in(api: Api, header: str | None) -> None:
    response = api.client.post(
        PATH, json=WHOLE, headers={"Authorization": header} if header else {}
    )

    assert response.status_code == 401
    assert response.content_type == "application/problem+json"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert api.articles() == []


def test_a_token_in_the_address_is_no_token(api: Api) -> None:
    assert api.client.post(f"{PATH}?token={api.secret}", json=WHOLE).status_code == 401


def test_a_revoked_token_gets_nobody_in(api: Api) -> None:
    with api.desk.database.transaction() as session:
        session.execute(update(ApiToken).values(revoked_at=datetime(2026, 11, 1, tzinfo=UTC)))

    assert api.post(WHOLE).status_code == 401


def test_use_is_noted_now_and_then(api: Api, clock: FixedClock) -> None:
    noted = set()
    for _ in range(3):
        api.post(WHOLE)
        noted.add(api.desk.rows(ApiToken)[0].last_used_at)
        clock.advance(timedelta(seconds=50))

    assert len(noted) == 1
    clock.advance(timedelta(hours=2))
    api.post(WHOLE)
    assert api.desk.rows(ApiToken)[0].last_used_at == clock.now()


def test_every_field_that_cannot_be_used_is_named(api: Api) -> None:
    said = fields(
        api.post(
            {
                "url": "javascript:alert(1)",
                "title": " ",
                "standfirst": 7,
                "byline": "x" * 201,
                "section": ["World"],
                "topics": ["x", 7],
                "image_url": "/i/port.jpg",
                "image_alt": {},
                "minutes": "9",
                "published_at": "yesterday",
                "headline": "The port",
            }
        )
    )

    assert set(said) == {
        *("url", "title", "standfirst", "byline", "section", "topics", "image_url", "image_alt"),
        *("minutes", "published_at", "headline"),
    }
    assert said["url"] == "Give the whole address, beginning with https:// or http://."
    assert said["byline"] == "Give text of at most 200 characters."
    assert "There is no such field. The fields are: url, title," in said["headline"]
    assert api.articles() == []


def test_what_is_missing_is_named(api: Api) -> None:
    assert fields(api.post({})) == {
        "url": "This field is required.",
        "title": "This field is required.",
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", "x" * 501),
        ("minutes", 0),
        ("minutes", 601),
        ("minutes", True),
        ("minutes", 1.5),
        ("topics", ["x"] * 21),
        ("topics", ["x" * 61]),
        ("topics", "World"),
        ("published_at", "1970-01-01T00:00:00Z"),
        ("published_at", "2090-01-01T00:00:00Z"),
        ("published_at", "0001-01-01T00:00:00+23:59"),
        ("published_at", 1_763_000_000),
        ("url", "https://user:secret@halyard.example/"),
        ("url", "https://halyard.example/" + "x" * 2000),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(api: Api, field: str, value: object) -> None:
    assert list(fields(api.post({"url": URL, "title": "The port", field: value}))) == [field]
    assert api.articles() == []


def test_a_moment_without_a_zone_is_utc(api: Api) -> None:
    sent = {"url": URL, "title": "The port", "published_at": "2026-11-13T06:30:00"}

    assert api.post(sent).get_json()["published_at"] == "2026-11-13T06:30:00+00:00"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"minutes": ' + b"9" * 10_000 + b"}", 400),
        (b"[]", 422),
        (b'"title"', 422),
        (b"null", 422),
    ],
)
def test_what_is_no_object_is_refused(api: Api, body: bytes, status: int) -> None:
    response = api.post(data=body, content_type="application/json")

    assert response.status_code == status
    assert response.content_type == "application/problem+json"


def test_half_a_character_does_no_harm(api: Api) -> None:
    body = b'{"url": "https://halyard.example/a", "title": "The \\ud800port\\u0000", "\\ud800": 1}'
    assert "\ud800" in fields(api.post(data=body, content_type="application/json"))
    body = b'{"url": "https://halyard.example/a", "title": "The \\ud800port\\u0000"}'
    response = api.post(data=body, content_type="application/json")

    assert response.get_json()["title"] == "The port"


def test_a_form_is_refused(api: Api) -> None:
    assert api.post(data={"url": URL, "title": "x"}).status_code == 415


def test_a_body_is_bounded(api: Api) -> None:
    fits = {"url": URL, "title": "The port", "body": "x" * 200_000}
    assert api.post(fits).status_code == 201

    response = api.post({**fits, "x": "x" * 100_000})
    assert response.status_code == 413
    assert response.content_type == "application/problem+json"


def test_many_strange_fields_get_a_short_answer(api: Api) -> None:
    assert len(api.post({f"x{n}": n for n in range(10_000)}).data) < 10_000


def test_nothing_but_a_post_is_taken(api: Api) -> None:
    assert api.client.get(PATH).status_code == 405
    assert api.client.options(PATH).headers.get("Access-Control-Allow-Origin") is None


def test_the_token_and_the_words_reach_no_log(api: Api, logged: io.StringIO) -> None:
    api.post(WHOLE)
    api.post({"url": "x", "title": "Confidential"})
    api.client.post(PATH, headers={"Authorization": "Bearer wrong-secret"})

    for text in (api.secret, "Varrholm", "Confidential", "wrong-secret"):
        assert text not in logged.getvalue()


def test_a_database_that_is_away_is_an_honest_503(api: Api, app: Flask, make_runtime: Any) -> None:
    app.extensions[EXTENSION] = make_runtime("sqlite:////nonexistent/digest.sqlite3")
    response = api.post(WHOLE)

    assert response.status_code == 503
    assert response.content_type == "application/problem+json"
