"""A source's history: what came of each fetch, and how little of it is kept."""

from datetime import timedelta

from sqlalchemy import func, select

from digest.database.transactions import Database
from digest.models import SourceFetch
from digest.newsroom.intake.fetch_history import (
    fetch_in_words,
    forget_fetches,
    list_fetches,
    note_fetch,
    when_in_words,
)
from digest.newsroom.intake.sources import add_source
from tests.factories import NOW
from tests.newsroom.intake.test_fetching_sources import DAY, HOUR, Feed
from tests.servers.web import WebServer


def test_each_fetch_is_written_down_and_those_with_nothing_new_as_one(
    database: Database, http_server: WebServer
) -> None:
    feed = Feed(database, http_server)
    feed.add("port")
    feed.add("cold")
    hours = iter(range(100))

    def fetch(times: int, status: int = 200) -> None:
        feed.status = status
        for _ in range(times):
            feed.fetch(NOW + next(hours) * DAY)

    fetch(4)
    fetch(2, 503)
    fetch(1, 404)
    fetch(1)
    # Other bytes, and nothing new.
    for built in range(3):
        feed.built = f"<lastBuildDate>{built}</lastBuildDate>"
        fetch(1)
    feed.add("roofs")
    fetch(1)

    with database.reading() as session:
        told = [
            (when_in_words(each, lambda at: str((at - NOW).days)), fetch_in_words(each))
            for each in list_fetches(session, feed.id)
        ]
        assert session.scalar(select(func.min(SourceFetch.took_ms))) is not None
    assert told == [
        ("11", "1 new, 0 changed."),
        ("8 to 10, 3 times", "0 new, 0 changed."),
        ("7", "nothing has changed."),
        ("6", "There is no feed at that address (404)."),
        ("4 to 5, 2 times", "The site asks us to come back later (503)."),
        ("1 to 3, 3 times", "nothing has changed."),
        ("0", "2 new, 0 changed."),
    ]


def test_the_last_fifty_are_kept_for_ninety_days(database: Database) -> None:
    with database.transaction() as session:
        busy, quiet = (
            add_source(session, f"https://{name}.example.org/feed", NOW).id
            for name in ("busy", "quiet")
        )
        for number in range(60):
            at = NOW - (60 - number) * HOUR
            made = SourceFetch(source_id=busy, began_at=at, last_at=at, took_ms=1, added=number + 1)
            note_fetch(session, made)
        for days in (91, 89):
            at = NOW - timedelta(days=days)
            note_fetch(
                session,
                SourceFetch(
                    source_id=quiet, began_at=at - DAY, last_at=at, took_ms=1, error=str(days)
                ),
            )
        forget_fetches(session, NOW)
        session.expire_all()
        assert [each.added for each in list_fetches(session, busy)] == [*range(60, 10, -1)]
        assert [each.error for each in list_fetches(session, quiet)] == ["89"]
