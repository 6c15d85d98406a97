import pytest
from sqlalchemy import select

from digest.database.transactions import Database
from digest.errors import FieldError
from digest.models import Source
from digest.newsroom.intake.sources import add_source
from tests.factories import NOW


def test_a_source_is_added_and_due_at_once(database: Database) -> None:
    with database.transaction() as session:
        add_source(session, "https://Halyard.example/feed.xml?utm_source=digest", NOW, priority=2)

    with database.reading() as session:
        kept = session.scalars(select(Source)).one()
    assert kept.url == "https://halyard.example/feed.xml?utm_source=digest"
    assert (kept.name, kept.priority) == ("halyard.example", 2)
    assert kept.next_fetch_at == NOW


def test_a_source_is_known_once(database: Database) -> None:
    with database.transaction() as session:
        add_source(session, "https://halyard.example/feed.xml", NOW)
    with pytest.raises(FieldError, match="already"), database.transaction() as session:
        add_source(session, "https://HALYARD.example/feed.xml", NOW)


@pytest.mark.parametrize("url", ["", "feed.xml", "file:///etc/passwd", "ftp://halyard.example/"])
def test_what_is_no_web_address_is_refused(database: Database, url: str) -> None:
    with pytest.raises(FieldError) as refused, database.transaction() as session:
        add_source(session, url, NOW)

    assert refused.value.field == "url"


def test_a_priority_is_bounded(database: Database) -> None:
    with pytest.raises(FieldError) as refused, database.transaction() as session:
        add_source(session, "https://halyard.example/feed.xml", NOW, priority=15)

    assert refused.value.field == "priority"
