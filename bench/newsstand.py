"""Many newsletters: their feeds, the articles of a year, and every issue that they brought."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert, inspect, text
from sqlalchemy.orm import Session

from bench.paper import ADD_READERS
from bench.rig import opened
from digest.cli.halyard import open_paper
from digest.database.transactions import Database
from digest.delivery.ledger import partitions
from digest.home import settle_if_empty
from digest.models import Newsletter, Source

SOURCES_EACH = 4
WEEKS = 52
STORIES = 8
READERS = 2_000
READERS_EACH = 10
# Beyond the age that a story may have, and the margin: let go of.
KEPT_DAYS = 44
A_WEEK = timedelta(days=7)
# Of the time between two slots: so nothing falls due for minutes, of 500 newsletters.
PLACE = 0.9

ARTICLES = f"""
    INSERT INTO article (source_id, guid, guid_key, url, key, title, standfirst, body, section,
                         section_key, topics, image_alt, picture_candidates, pictures_tried,
                         image_failures, published_at, first_seen_at, backlog, updated_at,
                         let_go_at)
    SELECT CAST(:first_source AS bigint) + n % CAST(:sources AS bigint), 'guid-' || n,
           'guid-' || n, 'https://halyard.example/year/' || n, 'halyard.example/year/' || n,
           'What the harbour said, ' || n, 'And what it did, are two things to its neighbours.',
           CASE WHEN age < interval '{KEPT_DAYS} days' THEN repeat(md5(n::text), 20) ELSE '' END,
           section, lower(section), '[]', '', '[]', 0, 0, now() - age, now() - age, false,
           now() - age, CASE WHEN age < interval '{KEPT_DAYS} days' THEN NULL ELSE now() END
    FROM generate_series(1, CAST(:articles AS bigint)) n,
         LATERAL (SELECT n * interval '365 days' / CAST(:articles AS bigint) AS age,
                  (ARRAY['News', 'Culture', 'Opinion', 'Science'])[1 + n % 4] AS section) told
"""
# Of each newsletter its weekly issues of a year, the newest a part of a week old; and the coming
# one, composed, where it goes out within a day.
ISSUES = f"""
    INSERT INTO issue (newsletter_id, occurrence_on, dateline, number, state, compose_at,
                       closes_at, send_at, composed_at, approved_at, approved_by, subject,
                       frozen_at, audience, sent_at, watched_until, counted_at, folded_at,
                       cleared_at, created_at)
    SELECT newsletter.id, at::date, at::date, CASE WHEN past THEN {WEEKS} - week + 1 END,
           CASE WHEN past THEN 'sent' WHEN closed THEN 'scheduled' ELSE 'draft' END,
           at - interval '24 hours', at - interval '1 hour', at, at - interval '24 hours',
           CASE WHEN past OR closed THEN at - interval '1 hour' END,
           CASE WHEN past OR closed THEN 'Imara' END, 'The week in eight stories',
           CASE WHEN past THEN at END, CASE WHEN past THEN {READERS_EACH} END,
           CASE WHEN past THEN at END,
           CASE WHEN past THEN at + interval '3 days' END, CASE WHEN past THEN now() END,
           CASE WHEN old THEN now() END, CASE WHEN old THEN now() END, at - interval '8 days'
    FROM newsletter,
         generate_series(0, {WEEKS}) week,
         LATERAL (SELECT (calendar_since + interval '371 days' - week * interval '7 days') AS at) s,
         LATERAL (SELECT at <= now() AS past, at < now() + interval '1 hour' AS closed,
                  at < now() - interval '3 days' AS old) told
    WHERE past AND week > 0 OR week = 0 AND at < now() + interval '24 hours'
"""
OF_ISSUES = (
    f"""
    INSERT INTO story (issue_id, article_id, position, role, why, own_picture, title, standfirst,
                       section, url)
    SELECT issue.id, article.id, place, CASE place WHEN 1 THEN 'lead' ELSE 'story' END, '', false,
           CASE WHEN frozen_at IS NOT NULL THEN title END,
           CASE WHEN frozen_at IS NOT NULL THEN standfirst END,
           CASE WHEN frozen_at IS NOT NULL THEN section END,
           CASE WHEN frozen_at IS NOT NULL THEN url END
    FROM issue
         CROSS JOIN LATERAL (SELECT (extract(epoch FROM now() - compose_at) / 31536000
                  * CAST(:articles AS bigint))::bigint / CAST(:newsletters AS bigint) AS newest) at
         CROSS JOIN generate_series(1, {STORIES}) place
         -- Every so manieth article is of its sources.
         JOIN article ON article.id = (newest + place) * CAST(:newsletters AS bigint)
                                      + newsletter_id % CAST(:newsletters AS bigint)
    """,
    f"INSERT INTO issue_total (issue_id, state, reason, code, readers)"
    f" SELECT id, 'accepted', '', 0, {READERS_EACH} FROM issue WHERE state = 'sent'",
    """
    INSERT INTO notice (token_id, kind, once, newsletter_id, issue_id, state, attempts, created_at,
                        released_at, next_attempt_at, final_at, code)
    SELECT decode(md5('notice ' || id), 'hex'), 'draft_ready', 'draft_ready:' || id, newsletter_id,
           id, 'accepted', 1, composed_at, composed_at, composed_at, composed_at, 250 FROM issue
    """,
    """
    INSERT INTO preflight_report (issue_id, at, found, by_itself_at, turned_bad)
    SELECT id, now(), '[]', now(), '[]' FROM issue WHERE state = 'scheduled'
    """,
    """
    INSERT INTO page_check (article_id, url, asked_at, status, failures)
    SELECT DISTINCT article_id, article.url, now(), 200, 0
    FROM story JOIN article ON article.id = article_id
    """,
)
FETCHES = """
    INSERT INTO source_fetch (source_id, began_at, last_at, times, took_ms, unchanged, added,
                              changed, unusable)
    SELECT id, now() - n * interval '1 day', now() - n * interval '1 day', 90, 40, true, 0, 0, 0
    FROM source, generate_series(10, 1, -1) n
"""
SUBSCRIBE = f"""
    INSERT INTO subscription (token_id, subscriber_id, newsletter_id, topics, site, started_at)
    SELECT decode(md5(newsletter.id || ' ' || reader), 'hex'), reader, newsletter.id, '[]',
           'halyard.example', now() - interval '90 days'
    FROM newsletter, generate_series(1, {READERS_EACH}) n,
         LATERAL (SELECT 1 + (newsletter.id * {READERS_EACH} + n) % {READERS} AS reader) r
"""
DELIVERIES = """
    INSERT INTO delivery (issue_id, subscriber_id, rendering_id, state, attempts, released_at,
                          next_attempt_at, final_at, code)
    SELECT issue.id, subscriber_id, 1, 'accepted', 1, send_at, send_at, send_at, 250
    FROM issue JOIN subscription USING (newsletter_id) WHERE issue.id = :issue
"""


def stock(database_url: str, newsletters: int, sources: int, articles: int) -> None:
    """Fill a migrated database on PostgreSQL: a year of so many newsletters, as it would stand now.

    Their slots are spread over the week, so that a seventh of them have a draft. Nothing is due
    within the next minutes: neither an issue nor a source, nor what is done once an hour or a day.
    """
    now = datetime.now(UTC)
    with opened(database_url) as database:
        with database.transaction() as session:
            settle_if_empty(session, now)
            first = _add_sources(session, sources, now)
            _add_newsletters(session, newsletters, sources, first, now)
            session.execute(text(ADD_READERS["postgresql"]), {"readers": READERS})
            session.execute(text(SUBSCRIBE))
            session.execute(text(FETCHES))
        with database.transaction() as session:
            # That what they point to is there need not be asked for each row.
            session.execute(text("SET LOCAL session_replication_role = replica"))
            told = {"articles": articles, "sources": sources, "first_source": first}
            session.execute(text(ARTICLES), told)
        _add_issues(database, newsletters, articles)


def _add_sources(session: Session, sources: int, now: datetime) -> int:
    """Return the first one's id; the others follow it."""
    added = [
        {
            "url": f"https://halyard.example/feeds/{n}.xml",
            "name": f"The Halyard, feed {n}",
            "section": None,
            "priority": 0,
            "failures": 0,
            "fetched_at": now,
            "succeeded_at": now,
            "next_fetch_at": now + timedelta(days=1),
            "created_at": now - timedelta(days=400),
        }
        for n in range(sources)
    ]
    ids = session.scalars(insert(Source).returning(Source.id), added).all()
    return min(ids)


def _add_newsletters(
    session: Session, newsletters: int, sources: int, first: int, now: datetime
) -> None:
    """The paper's own newsletter is the first; each takes what its four sources bring."""
    own = open_paper(session, now)
    for n in range(newsletters):
        at = now.replace(second=0, microsecond=0) + A_WEEK * (n + PLACE) / newsletters
        values: dict[str, Any] = {
            "weekday": at.weekday(),
            "local_time": at.time().replace(second=0, microsecond=0),
            "zone": "UTC",
            "source_ids": [first + (n + k * newsletters) % sources for k in range(SOURCES_EACH)],
            # A week ahead of the oldest issue: the statement that makes them counts from here.
            "calendar_since": at.replace(second=0, microsecond=0) - timedelta(days=371),
        }
        if n == 0:
            for name, value in values.items():
                setattr(own, name, value)
            session.flush()
            known = {each.key: getattr(own, each.key) for each in inspect(Newsletter).columns}
            known.pop("id")
            continue
        named = {"slug": f"letter-{n}", "name": f"Letter {n}"}
        session.execute(insert(Newsletter).values(**(known | values | named)))


def _add_issues(database: Database, newsletters: int, articles: int) -> None:
    with database.transaction() as session:
        session.execute(text("ANALYZE article"))
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text(ISSUES))
        for statement in OF_ISSUES:
            told = {"articles": articles, "newsletters": newsletters}
            session.execute(text(statement), told)
    with database.reading() as session:
        watched = session.scalars(
            text("SELECT id FROM issue WHERE state = 'sent' AND folded_at IS NULL ORDER BY id")
        ).all()
    for issue_id in watched:
        with database.transaction() as session:
            session.execute(text("SET LOCAL session_replication_role = replica"))
            partitions.add(session, issue_id)
            session.execute(text(DELIVERIES), {"issue": issue_id})
