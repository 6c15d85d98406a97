"""Deliveries of issues that went out long ago, as a year leaves them."""

from sqlalchemy import text

from bench.paper import Site
from bench.rig import opened
from digest.delivery import partitions

ISSUES = """
    INSERT INTO issue (newsletter_id, dateline, number, state, compose_at, closes_at, send_at,
                       composed_at, frozen_at, sent_at, watched_until, audience, subject,
                       created_at)
    SELECT (SELECT min(id) FROM newsletter), past::date, CAST(:issues AS bigint) - n + 1, 'sent',
           past, past, past, past, past, past, past + interval '3 days',
           CAST(:readers AS bigint), 'Long ago', past
    FROM generate_series(1, CAST(:issues AS bigint)) n,
         LATERAL (SELECT now() - n * interval '1 day' AS past) moment
    RETURNING id
"""
DELIVERIES = """
    INSERT INTO {place} (issue_id, subscriber_id, rendering_id, state, attempts, released_at,
                         next_attempt_at, claim, final_at, code)
    SELECT issue.id, subscriber.id, 1, 'accepted', 1, issue.sent_at, issue.sent_at,
           decode(md5(issue.id || ' ' || subscriber.id / 200), 'hex'), issue.sent_at, 250
    FROM issue, subscriber WHERE issue.id = :issue ORDER BY subscriber.id LIMIT :readers
"""


def remember(site: Site, issues: int, readers: int) -> None:
    """Add old issues that went to `readers` each, and do what autovacuum would have done since."""
    with opened(site.database_url) as database:
        with database.transaction() as session:
            made = session.execute(text(ISSUES), {"issues": issues, "readers": readers})
            old = sorted(made.scalars())
        for issue in old:
            with database.transaction() as session:
                # That the issue is there need not be asked for each of its rows.
                session.execute(text("SET LOCAL session_replication_role = replica"))
                place = partitions.make(session, issue).name
                rows = text(DELIVERIES.format(place=place))
                session.execute(rows, {"issue": issue, "readers": readers})
                partitions.attach(session, issue)
    site.do("VACUUM (ANALYZE)")
    site.do("CHECKPOINT")
