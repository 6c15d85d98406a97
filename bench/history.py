"""Deliveries of issues that went out long ago, as a year leaves them."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sqlalchemy import text

from bench.paper import Site
from bench.rig import opened

# Where this version keeps each issue's deliveries in a table of their own.
PARTITIONS = "digest.delivery.partitions"

ISSUES = """
    INSERT INTO issue (newsletter_id, dateline, number, state, compose_at, closes_at, send_at,
                       composed_at, frozen_at, sent_at, audience, subject, created_at)
    SELECT (SELECT min(id) FROM newsletter), past::date, CAST(:issues AS bigint) - n + 1, 'sent',
           past, past, past, past, past, past, CAST(:readers AS bigint), 'Long ago', past
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
    partitions: Any = import_module(PARTITIONS) if find_spec(PARTITIONS) else None
    with opened(site.database_url) as database:
        with database.transaction() as session:
            made = session.execute(text(ISSUES), {"issues": issues, "readers": readers})
            old = sorted(made.scalars())
        for issue in old:
            with database.transaction() as session:
                # That the issue is there need not be asked for each of its rows.
                session.execute(text("SET LOCAL session_replication_role = replica"))
                place = partitions.make(session, issue).name if partitions else "delivery"
                rows = text(DELIVERIES.format(place=place))
                session.execute(rows, {"issue": issue, "readers": readers})
                if partitions:
                    partitions.attach(session, issue)
    site.do("VACUUM (ANALYZE)")
    site.do("CHECKPOINT")
