"""An article is added to an issue by its address."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from digest.database.transactions import Database
from digest.models import Article, Issue, IssueState, Newsletter, Role, Wording
from digest.web import create_app
from tests.factories import make_article
from tests.servers.web import WebServer
from tests.web.conftest import words
from tests.web.desk.conftest import Join
from tests.web.desk.test_compose import Desk

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def app(make_runtime: Any, newsletter: Newsletter, wording: Wording) -> Flask:
    return create_app(make_runtime(fetch_private=True))


def test_an_address_is_fetched_once_and_picked(
    database: Database, newsletter: Newsletter, join: Join, http_server: WebServer
) -> None:
    table = Desk(database, newsletter, join("Imara", Role.EDITOR))
    page = (
        b'<title>The ice is open</title><meta property="og:description" content="At last.">'
        b'<link rel="canonical" href="/ice">'
    )
    url = http_server.route("/ice", page)
    http_server.route("/amp/ice", page)
    said = table.follow(table.press("add", url=f" {url}?utm_source=mail "))
    assert "“The ice is open” is in, fourth of four." in said
    assert len(http_server.requests) == 1
    table.story("reef", "drop")
    again = table.press("add", url=url)
    assert "“The ice is open” is in already: third of three." in words(again)
    assert len(http_server.requests) == 1, "we have it"
    other = table.press("add", url=http_server.url + "/amp/ice")
    assert "“The ice is open” is in already" in words(other), "the page says whose it is"
    with database.transaction() as session:
        make_article(
            session, "gulls", url=http_server.route("/feeds-own", page.replace(b"ice", b"x"))
        )
    http_server.route("/short", status=302, headers={"Location": "/feeds-own"})
    short = table.follow(table.press("add", url=http_server.url + "/short"))
    assert "“The story of the gulls” is in" in short, "it leads to one that we have"
    with database.reading() as session:
        [ice] = session.scalars(select(Article).where(Article.title == "The ice is open"))
        assert (ice.url, ice.standfirst) == (url, "At last.")
        count = session.scalar(select(func.count()).select_from(Article))
    for typed, sentence in (
        ("the ice", "Give the whole address, beginning with https:// or http://."),
        (f"{http_server.url}/gone", "There is no page at that address (404). Add it with its"),
        (http_server.route("/empty", b"%PDF"), "That page does not say what it is called"),
    ):
        refused = table.press("add", url=typed)
        assert refused.status_code == 422
        assert sentence in words(refused)
        assert f'value="{typed}"' in refused.text, "what was typed stays"
    asked = len(http_server.requests)
    viewer = join("Vera", Role.VIEWER)
    assert table.press("add", table.look().text, viewer, url=url + "?2").status_code == 403
    assert len(http_server.requests) == asked, "nothing is fetched for who may not"
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Article)) == count
    before = table.look().text
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENT))
    late = table.press("add", before, url=url + "?3")
    assert (late.status_code, "It is too late to change" in words(late)) == (422, True)
    assert len(http_server.requests) == asked, "nothing is fetched for what has left"
