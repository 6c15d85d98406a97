"""Preflight at the desk, without scripts: what keeps an issue, what is accepted, and by whom."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from digest.database.transactions import Database
from digest.models import AcceptedFinding, Article, AuditEvent, Issue, IssueState, Newsletter, Role
from tests.factories import NOW
from tests.servers.web import WebServer
from tests.web.conftest import hidden, words
from tests.web.desk.conftest import Join
from tests.web.desk.test_compose import Desk


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_editor_checks_accepts_mends_and_approves(
    join: Join, database: Database, newsletter: Newsletter, http_server: WebServer
) -> None:
    imara = join("Imara", Role.EDITOR)
    table = Desk(database, newsletter, imara)
    table.press("words", subject="TODO")
    with database.transaction() as session:
        for slug, id_ in table.articles.items():
            url = http_server.route(f"/a/{slug}", b"<p>Here.")
            values = {"url": url, "title": f"{slug} and its own words"}
            session.execute(update(Article).where(Article.id == id_).values(values))
        old = {"published_at": NOW - timedelta(days=40)}
        reef = Article.id == table.articles["reef"]
        session.execute(update(Article).where(reef).values(old))
    page = table.look().text
    assert http_server.requests == [], "a page that is looked at fetches nothing"
    assert "Cannot go out yet:" in page
    assert '<a href="#subject">Go to the subject</a>' in page
    assert f'<a href="#story-{table.articles["reef"]}">Go to the story</a>' in page
    assert "Not all links were checked within the hour." in page

    refused = table.press("approve")
    assert refused.status_code == 422
    assert "Cannot go out yet: The subject still has “TODO”." in words(refused)
    assert '<a href="#preflight">' in refused.text
    assert http_server.requests == [], "what is kept anyway is not asked for"

    table.press("words", subject="Reefs")
    http_server.route("/a/reef", b"", status=404)
    for _ in range(2):
        said = words(table.press("approve"))
        assert "There are two things to mend or to accept first." in said
        assert "There is no page at that address (404)." in said
        asked = sorted(each.method for each in http_server.requests)
        assert asked == ["GET", *["HEAD"] * 3], "approving asks the links, once within the hour"
    http_server.route("/a/reef", b"<p>Here.")
    said = table.follow(table.press("preflight"))
    assert len(http_server.requests) == 5, "checking asks again what did not answer"
    assert "The links were checked on Saturday 14 November at 06:00." in said
    assert "is of 5 October 2026" in said
    code = hidden(table.look().text, "code")
    assert "Accepted by Imara on Saturday 14 November at 06:00." in table.follow(
        table.press("preflight/accept", code=code)
    )
    assert "has changed since, or is gone" in words(table.press("preflight/accept", code="0"))
    joss = join("Joss", Role.VIEWER)
    seen = joss.get(table.path).text
    assert "Accepted by Imara" in seen
    assert "Check now" not in seen
    for button in ("preflight", "preflight/accept"):
        assert table.press(button, page, joss, code=code).status_code == 403
    assert table.press("approve").status_code == 303
    with database.reading() as session:
        assert session.get_one(Issue, table.id).state is IssueState.SCHEDULED
        assert session.scalar(select(func.count()).select_from(AcceptedFinding)) == 1
        verbs = session.scalars(select(AuditEvent.verb).order_by(AuditEvent.id)).all()
        assert [each for each in verbs if each in ("issue accept", "issue approve")] == [
            "issue accept",
            "issue approve",
        ]
    with database.transaction() as session:
        session.execute(update(Issue).values(state=IssueState.SENDING, audience=1))
    assert "too late to look over" in words(table.press("preflight", page))
    assert "Before it goes out" not in table.look().text
