from datetime import timedelta

import pytest
from sqlalchemy import select

from digest.database.transactions import Database
from digest.errors import FieldError, RefusedError
from digest.models import Article, Source
from digest.newsroom.intake.articles import NewArticle, bring_in
from digest.newsroom.intake.fetching_sources import sources_due
from digest.newsroom.intake.sources import (
    SourceChange,
    add_source,
    edit_source,
    pause_source,
    resume_source,
    retire_source,
)
from tests.factories import NOW

FEED = "https://halyard.example/feed.xml"
LATER = NOW + timedelta(days=1)


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


def test_a_new_address_starts_anew_and_the_same_one_does_not(database: Database) -> None:
    with database.transaction() as session:
        source = add_source(session, FEED, NOW)
        source.etag, source.last_modified, source.failures = '"1"', "Sat", 3
        source.last_error, source.succeeded_at = "No.", NOW
        source.next_fetch_at = LATER
    same = SourceChange(url="https://HALYARD.example/feed.xml", name="H")
    with database.transaction() as session:
        edit_source(session, source.id, same, NOW)
    with database.reading() as session:
        kept = session.scalars(select(Source)).one()
    assert (kept.name, kept.failures, kept.next_fetch_at) == ("H", 3, LATER)

    with database.transaction() as session:
        edit_source(session, source.id, SourceChange(url="https://halyard.example/new"), NOW)
    with database.reading() as session:
        moved = session.scalars(select(Source)).one()
    assert [moved.etag, moved.last_modified, moved.last_error, moved.succeeded_at] == [None] * 4
    assert (moved.failures, moved.next_fetch_at) == (0, NOW)


def test_a_paused_source_is_not_due_until_it_is_resumed(database: Database) -> None:
    with database.transaction() as session:
        source = add_source(session, FEED, NOW)
        pause_source(session, source.id, NOW)
        assert sources_due(session, LATER) == []
        source.next_fetch_at, source.failures = LATER, 7
        session.flush()
        resume_source(session, source.id, NOW)
        assert sources_due(session, NOW) == [source.id]
        assert source.failures == 0


def test_a_retired_source_is_over_and_its_address_is_free(database: Database) -> None:
    with database.transaction() as session:
        first = add_source(session, FEED, NOW)
        retire_source(session, first.id, NOW)
        assert sources_due(session, LATER) == []
        with pytest.raises(RefusedError, match="is retired"):
            resume_source(session, first.id, NOW)
        second = add_source(session, FEED, NOW)
        other = add_source(session, "https://other.example/feed.xml", NOW)
        assert second.id != first.id
        with pytest.raises(FieldError, match="already"):
            edit_source(session, other.id, SourceChange(url=FEED), NOW)


def test_a_source_in_use_takes_over_what_a_retired_one_had(database: Database) -> None:
    entry = NewArticle("https://halyard.example/a/port", "The port", guid="7")
    with database.transaction() as session:
        first = add_source(session, FEED, NOW)
        article, _ = bring_in(session, entry, NOW, first)
        retire_source(session, first.id, NOW)
        second = add_source(session, FEED, LATER)
        taken_over, _ = bring_in(session, entry, LATER, second)
        assert taken_over.id == article.id
    with database.reading() as session:
        kept = session.scalars(select(Article)).one()
    assert (kept.source_id, kept.guid, kept.first_seen_at) == (second.id, "7", NOW)
