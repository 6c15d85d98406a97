"""Objects to look at: as SQLAlchemy loads them, one for the same row, and never an older one."""

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm.exc import DetachedInstanceError

from digest.database.looking import Shape
from digest.database.prepared import Prepared
from digest.database.transactions import Database
from digest.models import Article, Newsletter
from tests.factories import make_article, make_newsletter

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
