"""A story's picture for one issue: another, none, its own again; and what it shows."""

from typing import Any

import pytest
from sqlalchemy import select, update

from digest.database.transactions import Database
from digest.delivery.rendering.issue import alt_for, picture_for, view_issue
from digest.models import Article, Issue, IssueChange, Media, Newsletter, Role, Story
from digest.newsroom.intake.letting_go import UNUSED, let_go
from tests.factories import NOW
from tests.newsroom.intake.test_pictures import file_of, photograph
from tests.servers.web import WebServer
from tests.web.conftest import hidden, words
from tests.web.desk.conftest import Join
from tests.web.desk.test_adding import app
from tests.web.desk.test_compose import Desk
from tests.web.desk.test_newsletters import png, sent

__all__ = ["app"]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_story_shows_another_picture_in_this_issue_only(
    database: Database, newsletter: Newsletter, join: Join, http_server: WebServer
) -> None:
    table = Desk(database, newsletter, join("Imara", Role.EDITOR))
    salt = table.articles["salt"]
    page = f"{table.path}/stories/{salt}/picture"
    other = http_server.route("/i/quay.jpg", file_of(photograph(1200, 900)))
    wall = http_server.route("/i/wall.jpg", file_of(photograph(1000, 900)))
    with database.transaction() as session:
        session.execute(
            update(Article)
            .where(Article.id == salt)
            .values(
                image_url="https://h.example/a.jpg",
                image_alt="A salt pan",
                picture_candidates=[
                    ["https://h.example/a.jpg", "A salt pan"],
                    [other, ""],
                    [wall, "The old wall"],
                ],
            )
        )
    shown = table.look(f"/stories/{salt}/picture")
    assert "Another of the article: quay.jpg" in words(shown)
    assert "It shows no picture." in words(shown)

    def stands() -> tuple[bool, bool, str]:
        with database.reading() as session:
            [story] = session.scalars(select(Story).where(Story.article_id == salt))
            view = view_issue(session, session.get_one(Issue, table.id), "https://d.example")
            return picture_for(story) is not None, bool(view.lead.image), alt_for(story)

    def press(said: str, **fields: Any) -> None:
        form = table.editor.get(page).text
        assert said in table.follow(table.press(f"stories/{salt}/picture", form, **fields)), fields

    press("“The story of the salt” has another picture", picture="candidate-2")
    assert stands() == (True, True, ""), "what the article says is about its own"
    press("The picture’s description of “The story of the salt” is changed.", alt="The quay")
    assert stands() == (True, True, "The quay")
    old = table.editor.get(page).text
    press("has another picture", file=(png(900), "mine.png"))
    assert stands() == (True, True, ""), "what was said of the one before goes with it"
    press("has another picture", picture="candidate-3")
    assert stands() == (True, True, "The old wall"), "as its page says"
    before = table.editor.get(page).text
    press("has no other words for its picture any more", alt="")
    lost = table.press(f"stories/{salt}/picture", before, alt="A fence", alt_was="The old wall")
    choice = words(table.editor.get(lost.location))
    assert "A fence" in choice
    assert "A salt pan" not in choice, "that is about the article's own"
    press("has another picture", picture="candidate-2", alt="The quay", alt_was="The old wall")
    assert stands() == (True, True, "The quay")
    press("goes without a picture", picture="none")
    assert stands() == (False, False, "")
    press("has the article’s picture again", picture="article")
    assert stands() == (False, False, "A salt pan")
    for fields, said in (
        ({"file": (png(300), "small.png")}, "A lead’s needs at least 600 pixels across."),
        ({"file": (png(100), "tiny.png")}, "It needs at least 200 pixels across."),
        ({"picture": "upload"}, "Choose a picture first."),
        ({"picture": "candidate-4"}, "The article has no such picture."),
        ({"picture": "https://h.example/"}, "Choose one of the pictures."),
        ({"alt": "a" * 301}, "301 characters, and 300 is the most"),
    ):
        refused = table.press(f"stories/{salt}/picture", "", **fields)
        assert refused.status_code == 422
        assert said in words(refused), words(refused)[150:500]
    # Somebody who looked before has other words for it: both are kept.
    lost = table.press(f"stories/{salt}/picture", old, alt="A wall", alt_was="The quay")
    assert "/conflict?change=" in lost.location
    asked = table.editor.get(lost.location)
    assert "A wall" in words(asked)
    assert "A salt pan" in words(asked)
    reef = table.articles["reef"]
    table.press(f"stories/{reef}/picture", "", file=(png(300), "small.png"))
    table.story("reef", "role", role="lead")
    led = words(table.look(f"/stories/{reef}/picture"))
    assert "too small for a lead, so the email shows none." in led
    table.story("salt", "role", role="lead")
    assert "too small" not in words(table.look(f"/stories/{reef}/picture"))
    table.press(f"stories/{reef}/picture", "", picture="article")
    assert table.press("stories/999/picture", picture="none").status_code == 422
    viewer = join("Vera", Role.VIEWER)
    assert viewer.get(page).status_code == 403
    for who, article, status in (
        (table.editor, salt, 422), (table.editor, 999, 404), (viewer, salt, 403),
    ):  # fmt: skip
        proof = hidden(who.get("/desk/account").text, "proof")
        where = f"{table.path}/stories/{article}/picture"
        huge = who.client.post(where, **sent(proof, "file", b"\0" * 31_000_000))
        assert huge.status_code == status
        assert ("larger than 15 MB" in words(huge)) == (status == 422)
    with database.reading() as session:
        told = session.scalars(
            select(IssueChange.field).where(IssueChange.article_id == salt, IssueChange.taken)
        ).all()
        assert [str(each) for each in told].count("picture") == 6
        pictures = len(session.scalars(select(Media.hash)).all())
    assert pictures >= 3
    press("has another picture", file=(png(900), "mine.png"))
    for later in (NOW, NOW + 2 * UNUSED):
        assert let_go(database, now=later, go_on=lambda: True)
    with database.reading() as session:
        assert len(session.scalars(select(Media.hash)).all()) == 2, "those that the story shows"
