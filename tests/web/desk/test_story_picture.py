"""A story's picture for one issue: another, none, its own again; and what it shows."""

import io
import re
from typing import Any

import pytest
from PIL import Image
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
    quay, old_wall = re.findall(r'name="picture" value="(candidate-\w+)"', shown.text)
    with database.transaction() as session:
        # Its feed puts another one first, after the page was shown.
        moved = session.get_one(Article, salt)
        moved.picture_candidates = [["https://h.example/b.jpg", ""], *moved.picture_candidates]

    def stands() -> tuple[bool, bool, str]:
        with database.reading() as session:
            [story] = session.scalars(select(Story).where(Story.article_id == salt))
            view = view_issue(session, session.get_one(Issue, table.id), "https://d.example")
            return picture_for(story) is not None, bool(view.lead.image), alt_for(story)

    def press(said: str, **fields: Any) -> None:
        form = table.editor.get(page).text
        assert said in table.follow(table.press(f"stories/{salt}/picture", form, **fields)), fields

    press("“The story of the salt” has another picture", picture=quay)
    assert stands() == (True, True, ""), "what the article says is about its own"
    press("The picture’s description of “The story of the salt” is changed.", alt="The quay")
    assert stands() == (True, True, "The quay")
    old = table.editor.get(page).text
    press("has another picture", file=(png(900), "mine.png"))
    assert stands() == (True, True, ""), "what was said of the one before goes with it"
    press("has another picture", picture=old_wall)
    assert stands() == (True, True, "The old wall"), "as its page says"
    before = table.editor.get(page).text
    press("has no other words for its picture any more", alt="")
    lost = table.press(f"stories/{salt}/picture", before, alt="A fence", alt_was="The old wall")
    choice = words(table.editor.get(lost.location))
    assert "A fence" in choice
    assert "A salt pan" not in choice, "that is about the article's own"
    press("has another picture", picture=quay, alt="The quay", alt_was="The old wall")
    assert stands() == (True, True, "The quay")
    press("goes without a picture", picture="none")
    assert stands() == (False, False, "")
    press("has the article’s picture again", picture="article")
    assert stands() == (False, False, "A salt pan")
    for fields, said in (
        ({"file": (png(300), "small.png")}, "A lead’s needs at least 600 pixels across."),
        ({"file": (png(100), "tiny.png")}, "It needs at least 200 pixels across."),
        ({"picture": "upload"}, "Choose a picture first."),
        ({"picture": "candidate-2"}, "The article has no such picture any more."),
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
    for url, left in ((None, 3), ("https://halyard.example/a/salt", 2)):
        # Both crops, and the whole picture until the freeze.
        with database.transaction() as session:
            session.execute(update(Story).where(Story.article_id == salt).values(url=url))
        for later in (NOW, NOW + 2 * UNUSED):
            assert let_go(database, now=later, go_on=lambda: True)
        with database.reading() as session:
            assert len(session.scalars(select(Media.hash)).all()) == left


def test_the_crop_keeps_the_place_that_was_chosen_in_this_issue_only(
    database: Database, newsletter: Newsletter, join: Join, http_server: WebServer
) -> None:
    table = Desk(database, newsletter, join("Imara", Role.EDITOR))
    salt, reef = table.articles["salt"], table.articles["reef"]
    wide = http_server.route("/i/wide.jpg", file_of(photograph(1400, 500)))
    with database.transaction() as session:
        session.execute(
            update(Article).where(Article.id == salt).values(image_url=wide, image_alt="A salt pan")
        )

    def said_of_it() -> str:
        with database.reading() as session:
            return alt_for(session.scalars(select(Story).where(Story.article_id == salt)).one())

    def edges() -> str:
        """Say which edges of the picture the reader of the mail gets, red on the left."""
        with database.reading() as session:
            view = view_issue(session, session.get_one(Issue, table.id), "https://d.example")
            assert view.lead.image is not None
            media = session.get_one(Media, view.lead.image.rpartition("/")[2])
            picture = Image.open(io.BytesIO(media.content)).convert("RGB")
            assert picture.width * 9 // 16 in range(picture.height - 2, picture.height + 2)
            seen = ((4, "left", 0), (picture.width - 5, "right", 2))
            return "".join(
                name
                for x, name, channel in seen
                if max(enumerate(_at(picture, x)), key=lambda each: each[1])[0] == channel
                and min(_at(picture, x)) < 60
            )

    def press(said: str, article: int = salt, **fields: Any) -> None:
        path = f"stories/{article}/picture"
        form = table.look(f"/{path}").text
        fields = {"focus_was": hidden(form, "focus_was"), **fields}
        assert said in table.follow(table.press(path, form, **fields)), fields

    assert "Top left" in words(table.look(f"/stories/{salt}/picture"))
    first = table.look(f"/stories/{salt}/picture").text
    press("The focal point of “The story of the salt” is changed.", focus="0,50")
    assert edges() == "left"
    assert said_of_it() == "A salt pan", "it is the same picture"
    press("is changed", focus="typed", focus_x="100", focus_y="50")
    assert edges() == "right"
    assert len(http_server.requests) == 1, "the whole is kept"
    # Who looked before sees both, and chooses.
    lost = table.press(
        f"stories/{salt}/picture", first, focus="0,0", focus_was=hidden(first, "focus_was")
    )
    assert "/conflict?change=" in lost.location
    asked = words(table.editor.get(lost.location))
    assert "changed the focal point of “The story of the salt”" in asked
    assert edges() == "right"
    with database.reading() as session:
        changes = session.scalars(
            select(IssueChange).where(IssueChange.field == "focus").order_by(IssueChange.id)
        ).all()
    assert [(each.before, each.after, each.taken) for each in changes] == [
        (None, "0,50", True), ("0,50", "100,50", True), ("100,50", "0,0", False),
    ]  # fmt: skip
    press_back = table.press(f"history/{changes[0].id}", "", text="after")
    assert "is changed" in table.follow(press_back)
    assert edges() == "left"
    press("is cropped about its centre again", focus="50,50")
    assert edges() == ""
    press("It is cropped about 100,50.", focus="100,50", file=(wide_file(), "mine.jpg"))
    assert edges() == "right"
    press("description of “The story of the salt” is changed", alt="Mine")
    press("is cropped about 0,50.", focus="0,50", file=(wide_file(), "mine.jpg"))
    assert (edges(), said_of_it()) == ("left", "Mine"), "the same picture, sent again"
    with database.transaction() as session:
        session.execute(update(Issue).values(approved_at=NOW, approved_by="Joss"))
    press("What Joss approved was changed, so that is void.", focus="0,100")
    press("Its focal point is forgotten.", picture="article")
    assert said_of_it() == "A salt pan"
    press("has another picture", file=(wide_file(), "mine.jpg"), focus="0,100")
    press("has the article’s picture again", picture="article", focus="100,50")
    assert (edges(), said_of_it()) == ("right", "A salt pan"), "both in one"
    press("has the article’s picture again", picture="article")
    with database.transaction() as session:
        session.execute(update(Article).where(Article.id == salt).values(image_url=None))
    for fields, said in (
        ({"focus": "typed", "focus_x": "101", "focus_y": "5"}, "Give two whole percentages"),
        ({"focus": "x"}, "Give two whole percentages"),
        ({"focus": "0,0"}, "Only the crop of its picture is kept. Send the picture again."),
    ):
        refused = table.press(f"stories/{salt}/picture", "", focus_was="50,50", **fields)
        assert (refused.status_code, said in words(refused)) == (422, True), fields
    press("goes without a picture", reef, picture="none", focus="50,50")
    refused = table.press(f"stories/{reef}/picture", "", focus="0,0", focus_was="50,50")
    assert "There is no whole picture of its own to crop." in words(refused)


def wide_file() -> io.BytesIO:
    return io.BytesIO(file_of(photograph(1400, 500)))


def _at(picture: Image.Image, x: int) -> tuple[int, ...]:
    pixel = picture.getpixel((x, picture.height // 2))
    assert isinstance(pixel, tuple)
    return pixel
