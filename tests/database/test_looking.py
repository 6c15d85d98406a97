"""Objects to look at: as SQLAlchemy loads them, one for the same row, and never an older one."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm.exc import DetachedInstanceError

from digest.database.looking import Shape
from digest.database.prepared import Prepared
from digest.database.transactions import Database
from digest.models import Article, Issue, LeftOut, Newsletter, Source
from digest.newsroom.issues.looking import look_at_issue
from tests.factories import NOW, make_article, make_issue, make_newsletter

NEWSLETTER, ARTICLE = Shape(Newsletter), Shape(Article, without={"body"})
NEWSLETTERS = Prepared(select(*NEWSLETTER.selected))
ARTICLES = Prepared(select(*ARTICLE.selected).order_by(Article.id))


def test_each_value_is_as_sqlalchemy_loads_it(database: Database) -> None:
    with database.transaction() as session:
        make_newsletter(session, source_ids=[None, 3], sections=["Climate", "Kültür"])
        make_article(session, "port", topics=["sea"], picture_candidates=[["a.png", "A"]])
    with database.reading() as session:
        for shape, statement, model in (
            (NEWSLETTER, NEWSLETTERS, Newsletter),
            (ARTICLE, ARTICLES, Article),
        ):
            [seen] = shape.all(session, statement.rows(session))
            loaded = session.scalars(select(model)).one()
            for column in model.__table__.columns:
                if column.key != "body":
                    value, meant = getattr(seen, column.key), getattr(loaded, column.key)
                    assert value == meant, column
                    assert type(value) is type(meant), column


def test_one_row_is_one_object_until_it_changes(database: Database) -> None:
    def look() -> Article:
        with database.reading() as session:
            return ARTICLE.all(session, ARTICLES.rows(session))[0]

    with database.transaction() as session:
        make_article(session, "port")
    first = look()
    assert look() is first
    with database.transaction() as session:
        session.execute(update(Article).values(title="The port reopens"))
    second = look()
    assert (first.title, second.title) == ("The story of the port", "The port reopens")
    with pytest.raises(DetachedInstanceError):
        assert second.body


def test_what_waits_to_be_written_is_seen(database: Database) -> None:
    with database.transaction() as session:
        article = make_article(session, "port")
        article.title = "The port reopens"
        assert ARTICLE.all(session, ARTICLES.rows(session))[0].title == "The port reopens"


def test_an_issue_comes_with_all_that_its_page_shows(database: Database) -> None:
    with database.transaction() as session:
        newsletter = make_newsletter(session)
        session.add(Source(url="https://a.example/", name="A", next_fetch_at=NOW, created_at=NOW))
        articles = [make_article(session, slug) for slug in ("salt", "reef")]
        made = make_issue(session, newsletter, articles)
        made.left_out = [LeftOut(article_id=articles[0].id, title="Gone", by_hand=True, at=NOW)]
    with database.reading() as session:
        seen, none = look_at_issue(session, made.id), look_at_issue(session, made.id + 1)
        loaded = session.get_one(Issue, made.id)
        assert none is None
        assert seen is not None
        assert seen is look_at_issue(session, made.id)
        assert seen.newsletter.name == loaded.newsletter.name
        assert [
            (story.position, story.headline, story.issue is seen) for story in seen.stories
        ] == [(story.position, story.headline, True) for story in loaded.stories]
        assert [gone.title for gone in seen.left_out] == ["Gone"]
    with database.transaction() as session:
        session.execute(update(Newsletter).values(name="The Brief"))
    with database.reading() as session:
        again = look_at_issue(session, made.id)
    assert again is not None
    assert (seen.newsletter.name, again.newsletter.name) == ("Editor’s Digest", "The Brief")
